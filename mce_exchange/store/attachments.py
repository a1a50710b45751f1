"""Attachments at rest: the very ciphertext that travelled, one file for each root.

Its key stands in the message's body, so a file alone opens for nobody, and erasing the body's key
erases the attachment.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from mce_exchange.errors import StoreError


class Attachments:
    """The folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, root: bytes) -> Path:
        """Where the ciphertext with this root (32 bytes) is, or will be."""
        return self._folder / root.hex()

    def has(self, root: bytes) -> bool:
        """Whether it is here whole: only `keep` gives a file its root's name."""
        return self.path(root).exists()

    @contextmanager
    def temporary(self) -> Iterator[tuple[Path, BinaryIO]]:
        """A file of no name yet; gone at the end unless `keep` took it."""
        path = self._folder / f"{secrets.token_hex(8)}.part"
        try:
            with os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600), "w+b") as file:
                yield path, file
        except OSError as error:
            raise StoreError(f"cannot write an attachment: {error.strerror}") from error
        finally:
            path.unlink(missing_ok=True)

    def partial(self, root: bytes) -> BinaryIO:
        """A download that can go on where it stopped; the caller checks every chunk before it writes."""
        path = self._folder / f"{root.hex()}.part"
        try:
            return os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "r+b")
        except OSError as error:
            raise StoreError(f"cannot write an attachment: {error.strerror}") from error

    def keep_partial(self, root: bytes, file: BinaryIO) -> None:
        """A whole, checked download becomes the attachment."""
        self.keep(self._folder / f"{root.hex()}.part", file, root)

    def keep(self, path: Path, file: BinaryIO, root: bytes) -> None:
        """Durable under its root's name from here on."""
        try:
            file.flush()
            os.fsync(file.fileno())
            path.replace(self.path(root))
            descriptor = os.open(self._folder, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise StoreError(f"cannot keep an attachment: {error.strerror}") from error

    def erase(self, root: bytes) -> None:
        """Remove the ciphertext."""
        self.path(root).unlink(missing_ok=True)
