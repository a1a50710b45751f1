"""A home: its folder, its master key, its lock, and the modules that stand on its database.

    home/            0700
      home.key       the master key, sealed by the passphrase (Argon2id, secretbox)
      home.db        everything else; private columns are boxes under the master key
      attachments/   ciphertext by root; its keys are in the messages' bodies

A changed passphrase seals the master key anew and rewrites nothing else.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.primitives import vault
from mce_exchange.primitives.vault import Cost, PassphraseParameters
from mce_exchange.store.alarms import Alarms
from mce_exchange.store.attachments import Attachments
from mce_exchange.store.database import Database
from mce_exchange.store.inbox import Inbox
from mce_exchange.store.logbook import Logbook
from mce_exchange.store.outbox import Outbox
from mce_exchange.store.publishing import Publishing
from mce_exchange.store.secrets import Secrets
from mce_exchange.store.settings import Settings

_KEY_FILE: Final = "home.key"
_LABEL: Final = b"master"


@dataclass(frozen=True)
class Home:
    """An open home. For one thread at a time; other processes may have it open too."""

    path: Path
    database: Database
    settings: Settings
    secrets: Secrets
    logbook: Logbook
    outbox: Outbox
    inbox: Inbox
    publishing: Publishing
    alarms: Alarms
    attachments: Attachments

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost = Cost.MODERATE) -> Self:
        """Make a home in a folder that does not exist or is empty; `UsageError` otherwise."""
        if path.exists() and any(path.iterdir()):
            raise UsageError(f"{path} is not empty", remedy="choose another folder with --home")
        if not passphrase:
            raise UsageError("a home needs a passphrase")
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            (path / "attachments").mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(f"cannot make the home: {error.strerror}") from error
        _write_key(path, vault.new_key(), passphrase, cost)
        return cls.open(path, passphrase)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self:
        """Open a home; `StoreError` for a wrong passphrase, open permissions or damage."""
        _check_private(path)
        master = _read_key(path, passphrase)
        database = Database(path / "home.db")
        (path / "home.db").chmod(0o600)
        alarms = Alarms(database)
        return cls(
            path=path,
            database=database,
            settings=Settings(database),
            secrets=Secrets(database, master),
            logbook=Logbook(database),
            outbox=Outbox(database, master),
            inbox=Inbox(database, master),
            publishing=Publishing(database),
            alarms=alarms,
            attachments=Attachments(path / "attachments"),
        )

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one process that runs the node; `StoreError` if another one does."""
        descriptor = os.open(self.path / "node.lock", os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise StoreError(
                "a node runs on this home already", remedy="one `mce run` serves every other command"
            ) from None
        try:
            yield
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def change_passphrase(path: Path, old: str, new: str, *, cost: Cost = Cost.MODERATE) -> None:
    """Seal the master key anew; nothing else is rewritten."""
    if not new:
        raise UsageError("a home needs a passphrase")
    _write_key(path, _read_key(path, old), new, cost)


def _write_key(path: Path, master: bytes, passphrase: str, cost: Cost) -> None:
    parameters = PassphraseParameters.fresh(cost)
    key = vault.passphrase_key(passphrase, parameters)
    record = {
        "format": 1,
        "cost": cost.name,
        "salt": parameters.salt.hex(),
        "box": vault.shut(key, master, label=_LABEL).hex(),
    }
    whole = json.dumps(record, indent=1).encode() + b"\n"
    replace_file(path / _KEY_FILE, whole)


def _read_key(path: Path, passphrase: str) -> bytes:
    try:
        record = json.loads((path / _KEY_FILE).read_bytes())
        parameters = PassphraseParameters(salt=bytes.fromhex(record["salt"]), cost=Cost[record["cost"]])
        box = bytes.fromhex(record["box"])
    except OSError:
        raise UsageError(f"{path} is not a home", remedy="make one with `mce init`") from None
    except (ValueError, KeyError, TypeError):
        raise StoreError(f"{path / _KEY_FILE} is damaged", remedy="restore it from a backup") from None
    return vault.unshut(vault.passphrase_key(passphrase, parameters), box, label=_LABEL)


def replace_file(path: Path, data: bytes) -> None:
    """Write a private file whole or not at all, durably."""
    temporary = path.with_name(path.name + ".new")
    try:
        descriptor = os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise StoreError(f"cannot write {path.name}: {error.strerror}") from error


def sync_folder(path: Path) -> None:
    """Make names in a folder durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _check_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise UsageError(f"{path} is not a home", remedy="make one with `mce init`") from None
    if mode & 0o077:
        raise StoreError(f"others may read {path}", remedy=f"chmod 700 {path}")
