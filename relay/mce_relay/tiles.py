"""The log as static files for the field's tools: C2SP tlog-tiles in a folder (SPEC section 9.3).

    checkpoint          the newest anchor that had its quorum, with all its lines
    tile/L/N[.p/W]      hashes of level 8 * L, 256 to a tile
    tile/entries/N[.p/W]  entries of 34 bytes, each behind its length (u16)

Tiles are written and synced before the checkpoint that needs them, and a whole tile is never written
again: who reads while it grows finds everything that its checkpoint commits to. Any web server serves
the folder; the relay opens no second door for it.
"""

import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from mce_exchange import limits
from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import Checkpoint, read_checkpoint
from mce_exchange.log.entry import leaf_hashes
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.verify import equal
from mce_relay.store.protocol import RESTORE, Reader

WIDTH: Final = 256
"""Hashes or entries of a whole tile."""
_CHECKPOINT: Final = "checkpoint"
_LEVEL: Final = 8
_MODE: Final = 0o644


class Tiles:
    """One folder of one log; `tree` is that of the relay, which only grows."""

    def __init__(self, folder: Path, tree: Tree) -> None:
        """`UsageError` for a folder that cannot be used, `StoreError` if what it shows is not this log's."""
        self._folder = folder
        self._tree = tree
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._published = self._read()
        except OSError as error:
            raise UsageError(f"the tiles' folder cannot be used: {os.strerror(error.errno or 0)}") from None

    def publish(self, reader: Reader) -> None:
        """Bring the folder to the newest anchor that had its quorum, or to the newest if none ever had."""
        note = reader.anchor(0, witnessed=True) or reader.anchor(0)
        if note is None or note == self._published:
            return
        size, before = _claimed(note).size, _claimed(self._published).size if self._published else 0
        if size < before:
            return
        folders = set[Path]()
        try:
            for path, data in self._tiles(reader, before, size):
                _write(self._folder / path, data)
                folders |= set(path.parents)
            for folder in folders:
                _sync(self._folder / folder)
            _write(self._folder / _CHECKPOINT, note)
            _sync(self._folder)
        except OSError as error:
            raise StoreError(f"a tile cannot be written: {os.strerror(error.errno or 0)}") from error
        self._published = note

    def _read(self) -> bytes:
        """What is published: it, too, says how far the log had come (threat L3)."""
        try:
            note = (self._folder / _CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return b""
        try:
            shown = _claimed(note)
        except MceError as error:
            raise StoreError(
                f"the published checkpoint is none: {error}", remedy="empty the tiles' folder"
            ) from None
        if shown.size > self._tree.size or not equal(self._tree.root(shown.size), shown.root):
            raise StoreError(f"the published log of {shown.size} entries is not this one", remedy=RESTORE)
        return note

    def _tiles(self, reader: Reader, before: int, size: int) -> Iterator[tuple[Path, bytes]]:
        entries = Path("tile", "entries")
        for name, first, end in _grown(before, size):
            yield entries / name, self._bundle(reader, first, end)
            self._tidy(entries / name)
        level = 0
        while size >> level * _LEVEL:
            hashes = Path("tile", str(level))
            for name, first, end in _grown(before >> level * _LEVEL, size >> level * _LEVEL):
                yield hashes / name, self._tree.hashes(level * _LEVEL, first, end)
                self._tidy(hashes / name)
            level += 1

    def _bundle(self, reader: Reader, first: int, end: int) -> bytes:
        entries = reader.entries(first, end - first)
        # Read from the disk again: what is not the tree's any more is not shown as if it were (threat L6).
        if not equal(b"".join(leaf_hashes(entries)), self._tree.hashes(0, first, end)):
            raise StoreError(f"entries {first} to {end - 1} are damaged", remedy=RESTORE)
        step = limits.LOG_ENTRY
        return bundle(entries[at : at + step] for at in range(0, len(entries), step))

    def _tidy(self, path: Path) -> None:
        """A whole tile takes the place of its parts, which some reader may still look for first."""
        shutil.rmtree(self._folder / path.with_name(f"{path.name}.p"), ignore_errors=True)


def bundle(entries: Iterable[bytes]) -> bytes:
    """Entries as a bundle: each behind its length."""
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def name_of(number: int) -> Path:
    """A tile's name: three digits to a folder, all but the last behind an x."""
    parts = [f"{number % 1000:03}"]
    while number := number // 1000:
        parts.insert(0, f"x{number % 1000:03}")
    return Path(*parts)


def _grown(before: int, size: int) -> Iterator[tuple[Path, int, int]]:
    """Name, first and last but one of each tile that is new or longer: whole ones, then the one in part."""
    for number in range(before // WIDTH, size // WIDTH):
        yield name_of(number), number * WIDTH, (number + 1) * WIDTH
    number, width = divmod(size, WIDTH)
    if width and size != before:
        name = name_of(number)
        yield name.with_name(f"{name.name}.p") / str(width), number * WIDTH, size


def _claimed(note: bytes) -> Checkpoint:
    return read_checkpoint(notes.parse(note).text)


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{path.name}.new")
    with open(temporary, "wb", opener=lambda name, flags: os.open(name, flags, _MODE)) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
