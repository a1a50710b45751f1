"""A home in one encrypted file, and a home made of it (SPEC section 9.8).

    "mce-backup 1\\n"
    u32 length || key file: the archive's key, sealed by the backup's passphrase (Argon2id, secretbox)
    archive (libsodium secretstream) of a tar: `master`, `home.db`, `attachments/<root>`

The master key is inside, so that the backup's passphrase is enough; the private halves of prekeys are not.
"""

import io
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, cast

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.keyfile import MOST, sealed, sync_folder, unsealed, write_keyfile
from mce_exchange.primitives import vault
from mce_exchange.primitives.archive import ArchiveReader, ArchiveWriter
from mce_exchange.primitives.vault import Cost
from mce_exchange.store import settings
from mce_exchange.store.database import Database
from mce_exchange.store.home import ATTACHMENTS, DATABASE, KEY_FILE, MASTER, Home
from mce_exchange.store.snapshot import snapshot

_MAGIC: Final = b"mce-backup 1\n"
_LABEL: Final = b"backup"
_MASTER: Final = "master"
_KNOWN: Final = re.compile(rf"{_MASTER}|{DATABASE}|{ATTACHMENTS}/[0-9a-f]{{64}}")
_PIECE: Final = 1024 * 1024

Told = Callable[[str, int, int | None], None]
"""What is at work, bytes done, bytes in all if that is known."""


def backup(
    home: Home, out: Path, passphrase: str, *, at: int, told: Told, cost: Cost = Cost.MODERATE
) -> None:
    """Write a backup, whole or not at all, while a node may run; it replaces an older one of that name.

    Raises `UsageError` if `out` is something else, `StoreError` if a disk refuses.
    """
    _check_replaceable(out)
    key = vault.new_key()
    head = sealed(key, passphrase, label=_LABEL, cost=cost)
    with _whole(out) as sink, snapshot(home.path, home.path / DATABASE, at=at) as database:
        sink.write(_MAGIC + len(head).to_bytes(4, "big") + head)
        writer = ArchiveWriter(sink, key)
        # A tar only writes to it.
        with tarfile.open(mode="w|", fileobj=cast(IO[bytes], writer), format=tarfile.PAX_FORMAT) as tar:
            _add(tar, _MASTER, io.BytesIO(home.secrets.master), told)
            _add(tar, DATABASE, database, told)
            for root in home.attachments.roots():
                # One that was erased meanwhile is no part of any message any more.
                if home.attachments.has(root):
                    with home.attachments.reading(root) as file:
                        _add(tar, f"{ATTACHMENTS}/{root.hex()}", file, told)
        writer.close()
    home.settings.put(settings.BACKUP_AT, str(at))


def _add(tar: tarfile.TarFile, name: str, file: BinaryIO, told: Told) -> None:
    info = tarfile.TarInfo(name)
    info.size = file.seek(0, os.SEEK_END)
    file.seek(0)
    tar.addfile(info, cast(IO[bytes], _Watched(file, info, told)))


class _Watched:
    """A member on its way in or out of a tar, with progress."""

    def __init__(self, file: IO[bytes], info: tarfile.TarInfo, told: Told) -> None:
        self._file, self._info, self._told = file, info, told
        self._done = 0

    def read(self, size: int) -> bytes:
        """Up to `size` bytes."""
        piece = self._file.read(size)
        self._done += len(piece)
        self._told(self._info.name[:20], self._done, self._info.size)
        return piece


def restore(
    file: Path, path: Path, passphrase: str, new: str, *, told: Told, cost: Cost = Cost.MODERATE
) -> None:
    """Make a home of a backup in a folder that does not exist or is empty, under a passphrase of its own.

    Raises `UsageError` for what is no backup or no free folder, `StoreError` for damage or a wrong
    passphrase; nothing is left of a home that was not made whole.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise UsageError(f"{path} is not empty", remedy="choose another folder with --home")
    with _opened(file) as source:
        key = unsealed(_head(source, file), passphrase, label=_LABEL, what=file)
        with _folder(path) as made:
            (made / ATTACHMENTS).mkdir(mode=0o700)
            master = _unpack(ArchiveReader(source, key), made, told)
            _check(made / DATABASE)
            write_keyfile(made / KEY_FILE, master, new, label=MASTER, cost=cost)
            sync_folder(made / ATTACHMENTS)


def _unpack(reader: ArchiveReader, made: Path, told: Told) -> bytes:
    """Write database and attachments; the master key."""
    master = b""
    # A tar only reads from it.
    with tarfile.open(mode="r|", fileobj=cast(IO[bytes], reader)) as tar:
        for info in tar:
            held = tar.extractfile(info) if info.isreg() else None
            if held is None or not _KNOWN.fullmatch(info.name):
                raise StoreError("this backup holds what no home has", remedy="update this software")
            if info.name == _MASTER:
                master = held.read(vault.KEY)
            else:
                _write(made / info.name, _Watched(held, info, told))
    # To the archive's own end: what the tar does not need must be there and hold as well.
    while reader.read(_PIECE):
        pass
    if len(master) != vault.KEY or not (made / DATABASE).exists():
        raise StoreError("this backup has no master key or no database", remedy="take another copy of it")
    return master


def _write(path: Path, held: _Watched) -> None:
    with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as sink:
        while piece := held.read(_PIECE):
            sink.write(piece)
        sink.flush()
        os.fsync(sink.fileno())


def _check(path: Path) -> None:
    database = Database(path)
    try:
        if database.value("PRAGMA quick_check") != "ok":
            raise StoreError("the database in this backup is damaged", remedy="take an older backup")
    finally:
        database.close()


def _head(source: BinaryIO, file: Path) -> bytes:
    """The key file at the start of a backup."""
    if source.read(len(_MAGIC)) != _MAGIC:
        raise UsageError(f"{file} is no backup of a home")
    size = int.from_bytes(source.read(4), "big")
    if size > MOST:
        raise StoreError(f"{file} is damaged", remedy="take another copy of it, or an older one")
    return source.read(size)


def _check_replaceable(out: Path) -> None:
    """Only a backup is replaced by a backup."""
    if out.exists():
        with _opened(out) as file:
            if file.read(len(_MAGIC)) != _MAGIC:
                raise UsageError(f"{out} exists and is no backup", remedy="choose another name with --out")


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except (OSError, ValueError) as error:
        raise UsageError(f"cannot read {path}: {_why(error)}") from None


@contextmanager
def _whole(out: Path) -> Iterator[BinaryIO]:
    """A file of another name beside it, which takes its name when it is durable."""
    part = None
    try:
        descriptor, name = tempfile.mkstemp(prefix=f".{out.name}.", suffix=".part", dir=out.parent)
        part = Path(name)
        with os.fdopen(descriptor, "wb") as sink:
            yield sink
            sink.flush()
            os.fsync(sink.fileno())
        part.replace(out)
        sync_folder(out.parent)
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot write {out}: {_why(error)}") from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


@contextmanager
def _folder(path: Path) -> Iterator[Path]:
    """A folder of another name beside it, which takes its name if all went well, and is gone if not."""
    made = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        made = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent))
        yield made
        made.replace(path)
        sync_folder(path.parent)
    except tarfile.TarError as error:
        raise StoreError("this backup is damaged", remedy="take another copy of it") from error
    except (OSError, ValueError) as error:
        raise StoreError(f"cannot write {path}: {_why(error)}") from error
    finally:
        if made is not None:
            shutil.rmtree(made, ignore_errors=True)


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or "not a file's name"
