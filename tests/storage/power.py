"""A power cut at any moment: what was synced is there, of the rest nothing, something, or half of a write.

SQLite writes through a file system of ours that keeps a diary; a cut replays the diary up to its moment.
"""

import random
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw


@dataclass(frozen=True)
class Write:
    """Bytes at an offset of a file, by its name only."""

    file: str
    offset: int
    data: bytes


@dataclass(frozen=True)
class Truncate:
    """A file's new length."""

    file: str
    size: int


@dataclass(frozen=True)
class Sync:
    """What was written to a file so far survives."""

    file: str


@dataclass(frozen=True)
class Delete:
    """A file is gone."""

    file: str


Entry = Write | Truncate | Sync | Delete | object
"""Anything else in a diary is a mark of the test's own."""


class _Files(apsw.VFS):
    def __init__(self, name: str, base: str, diary: list[Entry]) -> None:
        self.base, self.diary = base, diary
        super().__init__(name, base=base, makedefault=True)

    def xOpen(self, name: Any, flags: list[int]) -> "_File":  # noqa: N802 - apsw's name
        return _File(self, name, flags)

    def xDelete(self, name: str, sync: bool) -> None:  # noqa: N802 - apsw's name
        super().xDelete(name, sync)
        self.diary.append(Delete(Path(name).name))


class _File(apsw.VFSFile):
    def __init__(self, files: _Files, name: Any, flags: list[int]) -> None:
        super().__init__(files.base, name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        self._diary, self._name = files.diary, Path(path or "temporary").name

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802 - apsw's name
        super().xWrite(data, offset)
        self._diary.append(Write(self._name, offset, bytes(data)))

    def xTruncate(self, size: int) -> None:  # noqa: N802 - apsw's name
        super().xTruncate(size)
        self._diary.append(Truncate(self._name, size))

    def xSync(self, flags: int) -> None:  # noqa: N802 - apsw's name
        super().xSync(flags)
        self._diary.append(Sync(self._name))


@contextmanager
def recorded(diary: list[Entry]) -> Iterator[None]:
    """All SQLite files that are opened meanwhile are in the diary."""
    default = apsw.vfs_names()[0]
    files = _Files(f"power-{secrets.token_hex(4)}", default, diary)
    try:
        yield
    finally:
        files.unregister()
        assert apsw.vfs_names()[0] == default


def cut(folder: Path, diary: list[Entry], moment: int, seed: random.Random) -> None:
    """Bring the folder's files to where a power cut after so many entries may have left them.

    They are as they were before the first entry.
    """
    held: dict[str, bytearray] = {}
    pending: dict[str, list[Write | Truncate]] = {}
    for entry in diary[:moment]:
        match entry:
            case Write(file) | Truncate(file):
                pending.setdefault(file, []).append(entry)
            case Sync(file):
                for one in pending.pop(file, ()):
                    _apply(_of(held, folder, file), one)
            case Delete(file):
                held[file] = bytearray()
                pending.pop(file, None)
    share = seed.choice((0.0, 0.5, 1.0))
    for file, writes in pending.items():
        data = _of(held, folder, file)
        survivors = [one for one in writes if seed.random() < share]
        for one in survivors[:-1]:
            _apply(data, one)
        for one in survivors[-1:]:
            _apply(data, _torn(one, seed))
    for file, data in held.items():
        (folder / file).write_bytes(data)


def _of(held: dict[str, bytearray], folder: Path, file: str) -> bytearray:
    if file not in held:
        path = folder / file
        held[file] = bytearray(path.read_bytes() if path.exists() else b"")
    return held[file]


def _apply(data: bytearray, one: Write | Truncate) -> None:
    if isinstance(one, Truncate):
        del data[one.size :]
        return
    data.extend(bytes(max(0, one.offset + len(one.data) - len(data))))
    data[one.offset : one.offset + len(one.data)] = one.data


def _torn(one: Write | Truncate, seed: random.Random) -> Write | Truncate:
    if isinstance(one, Truncate) or seed.random() < 0.5:
        return one
    return Write(one.file, one.offset, one.data[: seed.randrange(len(one.data) + 1)])
