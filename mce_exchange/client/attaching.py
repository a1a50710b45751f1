"""What becomes an attachment: a path, or a stream that an application gives."""

import mimetypes
import os
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

from mce_exchange.errors import UsageError


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """An attachment to send, read once to its end from `source`."""

    name: str
    media_type: str
    source: BinaryIO


Source = str | os.PathLike[str] | File


class Progress(Protocol):
    """Is told how far something is."""

    def __call__(self, name: str, done: int, total: int | None) -> None:
        """Bytes done of `name`, and of how many, if that is known."""


class Stop(Protocol):
    """As `threading.Event`: whether nobody wants the result any more."""

    def is_set(self) -> bool:
        """Whether to stop."""


def silent(name: str, done: int, total: int | None) -> None:
    """No progress is told."""


def open_file(source: Source, stack: ExitStack) -> File:
    """An attachment from a path, open until the stack ends, or as it is given."""
    if isinstance(source, File):
        try:
            f"{source.name}{source.media_type}".encode()
        except UnicodeEncodeError:
            raise UsageError("an attachment's name and type are text in UTF-8") from None
        return source
    try:
        path = Path(source)
        opened = stack.enter_context(path.open("rb"))
    except (OSError, ValueError, TypeError) as error:
        why = getattr(error, "strerror", None) or "not a file's name"
        raise UsageError(f"cannot read {os.path.basename(str(source))}: {why}") from error
    guessed = mimetypes.guess_type(path.name)[0]
    # A name that is no UTF-8 on this disk is none anywhere else.
    name = path.name.encode(errors="replace").decode()
    return File(name=name, media_type=guessed or "application/octet-stream", source=opened)


class Reader:
    """A source as sealing reads it: whole pieces until the end, and its faults are the caller's."""

    def __init__(self, file: File, *, progress: Progress, stop: Stop | None) -> None:
        self._file = file
        self._progress = progress
        self._stop = stop
        self._done = 0
        self._total = _size(file.source)

    def read(self, size: int) -> bytes:
        """`size` bytes, fewer only at the end. `UsageError` if the source fails or is wanted no more."""
        # A pipe may give less than is asked: a short piece would be taken for the end.
        pieces: list[bytes] = []
        while size:
            piece = self._piece(size)
            if not piece:
                break
            pieces.append(piece)
            size -= len(piece)
            self._done += len(piece)
        self._progress(self._file.name, self._done, self._total)
        return b"".join(pieces)

    def _piece(self, size: int) -> bytes:
        if self._stop is not None and self._stop.is_set():
            raise UsageError("sending was given up; nothing was sent")
        try:
            piece: object = self._file.source.read(size)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise UsageError(f"cannot read attachment {self._file.name}: {why}") from error
        if not isinstance(piece, bytes) or len(piece) > size:
            raise UsageError(f"attachment {self._file.name} is not a stream of bytes that waits for them")
        return piece


def _size(source: BinaryIO) -> int | None:
    try:
        return os.fstat(source.fileno()).st_size or None
    except (OSError, ValueError, AttributeError):
        return None
