"""A home: its folder, its master key, its lock, and the modules that stand on its database.

    home/            0700
      home.key       the master key, sealed by the passphrase (Argon2id, secretbox)
      home.db        everything else; private columns are boxes under the master key
      attachments/   ciphertext by root; its keys are in the messages' bodies

A changed passphrase seals the master key anew and rewrites nothing else.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.keyfile import read_keyfile, write_keyfile
from mce_exchange.primitives import vault
from mce_exchange.primitives.vault import Cost
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
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            (path / "attachments").mkdir(mode=0o700)
        except OSError as error:
            raise StoreError(f"cannot make the home: {error.strerror}") from error
        write_keyfile(path / _KEY_FILE, vault.new_key(), passphrase, label=_LABEL, cost=cost)
        return cls.open(path, passphrase)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self:
        """Open a home; `StoreError` for a wrong passphrase, open permissions or damage."""
        _check_private(path)
        if not (path / _KEY_FILE).exists():
            raise UsageError(f"{path} is not a home", remedy="make one with `mce init`")
        master = read_keyfile(path / _KEY_FILE, passphrase, label=_LABEL)
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

    def settled(self) -> bool:
        """Whether nothing waits to be sent, published or fetched."""
        waiting = (
            self.outbox.waiting(1),
            self.publishing.waiting(1),
            self.inbox.in_state("fetching", limit=1),
        )
        return not any(waiting)

    @property
    def locked(self) -> bool:
        """Whether some process runs this home's node."""
        try:
            with self.lock():
                return False
        except StoreError:
            return True

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def change_passphrase(path: Path, old: str, new: str, *, cost: Cost = Cost.MODERATE) -> None:
    """Seal the master key anew; nothing else is rewritten."""
    master = read_keyfile(path / _KEY_FILE, old, label=_LABEL)
    write_keyfile(path / _KEY_FILE, master, new, label=_LABEL, cost=cost)


def _check_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except OSError:
        raise UsageError(f"{path} is not a home", remedy="make one with `mce init`") from None
    if mode & 0o077:
        raise StoreError(f"others may read {path}", remedy=f"chmod 700 {path}")
