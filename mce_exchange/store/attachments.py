"""Attachments at rest: the very ciphertext that travelled, one file for each root.

Its key stands in the message's body, so a file alone opens for nobody, and erasing the body's key
erases the attachment.
"""

import os
import secrets
import time
from collections.abc import Container, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from mce_exchange.errors import StoreError
from mce_exchange.keyfile import sync_folder

_ABANDONED_SECONDS: Final = 7 * 24 * 3600


class Attachments:
    """The folder. Files only, so any thread may use it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, root: bytes) -> Path:
        """Where the ciphertext with this root (32 bytes) is, or will be."""
        return self._folder / root.hex()

    def has(self, root: bytes) -> bool:
        """Whether it is here whole: only `keep` gives a file its root's name."""
        return self.path(root).exists()

    def roots(self) -> list[bytes]:
        """Of all that are here whole."""
        with _typed("find"):
            names = sorted(path.name for path in self._folder.iterdir())
        return [bytes.fromhex(name) for name in names if not name.endswith(".part")]

    @contextmanager
    def reading(self, root: bytes) -> Iterator[BinaryIO]:
        """The ciphertext; `StoreError` if it is not here or cannot be read."""
        with _typed("read"), self.path(root).open("rb") as file:
            yield file

    @contextmanager
    def temporary(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A file of no name yet; gone at the end unless `keep` took it."""
        path = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            with _typed("write"), _open(path, os.O_EXCL) as file:
                yield path, file
        finally:
            path.unlink(missing_ok=True)

    @contextmanager
    def partial(self, root: bytes) -> Iterator[BinaryIO]:
        """A download that can go on where it stopped; the caller checks what it holds."""
        with _typed("write"), _open(self._partial(root), 0) as file:
            yield file

    def keep_partial(self, root: bytes, file: BinaryIO) -> None:
        """A whole, checked download becomes the attachment."""
        self.keep(self._partial(root), file, root)

    def keep(self, path: Path, file: BinaryIO, root: bytes) -> None:
        """Durable under its root's name from here on."""
        with _typed("keep"):
            file.flush()
            os.fsync(file.fileno())
            path.replace(self.path(root))
            sync_folder(self._folder)

    def erase(self, root: bytes) -> None:
        """Remove the ciphertext."""
        with _typed("erase"):
            self.path(root).unlink(missing_ok=True)

    def tidy(self, *, needed: Container[bytes] | None = None) -> int:
        """Remove what no process can be at work on any more: parts untouched for a week.

        With the roots that are `needed`, whole attachments of no message as well. The bytes freed.
        """
        before, freed = time.time() - _ABANDONED_SECONDS, 0
        with _typed("erase"):
            for path in self._folder.iterdir():
                spare = path.suffix == ".part" or (needed is not None and _named(path) not in needed)
                with suppress(FileNotFoundError):  # another process has removed it or made it whole
                    found = path.stat()
                    if spare and found.st_mtime < before:
                        path.unlink()
                        freed += found.st_size
        return freed

    def _partial(self, root: bytes) -> Path:
        return self._folder / f"{root.hex()}.part"


def _named(path: Path) -> bytes:
    """Whose root a file's name is; what is none of ours is nobody's, and not ours to judge by its name."""
    try:
        return bytes.fromhex(path.name)
    except ValueError:
        return b""


def _open(path: Path, flags: int) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | flags, 0o600), "w+b" if flags else "r+b")


@contextmanager
def _typed(verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot {verb} an attachment: {error.strerror}") from error
