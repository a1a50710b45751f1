"""A home: its folder, its master key, its lock, and the modules that stand on its database.

    home/            0700
      home.key       the master key, sealed by the passphrase (Argon2id, secretbox)
      home.db        everything else; private columns are boxes under the master key
      attachments/   ciphertext by root; its keys are in the messages' bodies

A changed passphrase seals the master key anew and rewrites nothing else.
"""

import fcntl
import os
import time
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
from mce_exchange.store.erasing import Erasing
from mce_exchange.store.forks import Forks
from mce_exchange.store.inbox import Inbox
from mce_exchange.store.logbook import Logbook
from mce_exchange.store.numbers import Numbers
from mce_exchange.store.outbox import Outbox
from mce_exchange.store.overtaken import Overtaken
from mce_exchange.store.publishing import Publishing
from mce_exchange.store.questions import Questions
from mce_exchange.store.receipts import Receipts
from mce_exchange.store.secrets import Secrets
from mce_exchange.store.settings import BEHIND, PLACE, Settings
from mce_exchange.store.witness import Witness

KEY_FILE: Final = "home.key"
DATABASE: Final = "home.db"
ATTACHMENTS: Final = "attachments"
MASTER: Final = b"master"
_LOCK_TRIES: Final = 20
_LOCK_SECONDS: Final = 0.05


@dataclass(frozen=True)
class Home:
    """An open home. For one thread at a time; other processes may have it open too."""

    path: Path
    database: Database
    settings: Settings
    secrets: Secrets
    logbook: Logbook
    numbers: Numbers
    outbox: Outbox
    overtaken: Overtaken
    inbox: Inbox
    publishing: Publishing
    receipts: Receipts
    alarms: Alarms
    questions: Questions
    witness: Witness
    forks: Forks
    attachments: Attachments
    erasing: Erasing

    @classmethod
    def create(cls, path: Path, passphrase: str, *, cost: Cost = Cost.MODERATE) -> Self:
        """Make a home in a folder that does not exist or is empty; `UsageError` otherwise."""
        try:
            if path.exists() and any(path.iterdir()):
                raise UsageError(f"{path} is not empty", remedy="choose another folder with --home")
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.chmod(0o700)
            (path / ATTACHMENTS).mkdir(mode=0o700)
        except (OSError, ValueError) as error:
            raise StoreError(f"cannot make the home: {_why(error)}") from error
        # The database first: a folder with a key is a home, and a home has its database.
        Database(path / DATABASE, make=True).close()
        write_keyfile(path / KEY_FILE, vault.new_key(), passphrase, label=MASTER, cost=cost)
        return cls.open(path, passphrase)

    @classmethod
    def open(cls, path: Path, passphrase: str) -> Self:
        """Open a home; `StoreError` for a wrong passphrase, open permissions or damage."""
        _check_private(path)
        master = read_keyfile(path / KEY_FILE, passphrase, label=MASTER)
        if len(master) != vault.KEY:
            raise StoreError("the home's master key is none", remedy="restore it from a backup")
        try:
            (path / DATABASE).chmod(0o600)
        except OSError as error:
            raise StoreError(
                f"the home's database does not open: {_why(error)}", remedy="restore it from a backup"
            ) from error
        database = Database(path / DATABASE)
        numbers = Numbers(database)
        secrets = Secrets(database, master)
        attachments = Attachments(path / ATTACHMENTS)
        return cls(
            path=path,
            database=database,
            settings=Settings(database),
            secrets=secrets,
            logbook=Logbook(database),
            numbers=numbers,
            outbox=Outbox(database, master, numbers),
            overtaken=Overtaken(database),
            inbox=Inbox(database, master),
            publishing=Publishing(database),
            receipts=Receipts(database),
            alarms=Alarms(database),
            questions=Questions(database),
            witness=Witness(database, secrets),
            forks=Forks(database),
            attachments=attachments,
            erasing=Erasing(database, master, attachments),
        )

    def notice_a_move(self) -> None:
        """Mark a copy of this home that stands elsewhere as behind: nobody else tells it (SPEC 9.9).

        The lock's file is never written and never copied back onto itself, so that its number and its
        birth on this file system are the place.
        """
        with self._lock_file() as descriptor:
            status = os.fstat(descriptor)
        here = f"{status.st_ino} {status.st_ctime_ns}".encode()
        known = self.settings.find(PLACE)
        if known != here:
            with self.database.write():
                self.settings.put(PLACE, here)
                if known is not None:
                    self.settings.put(BEHIND, "copied")
                    self.witness.forget()

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Held by the one process that runs the node; `StoreError` if another one does."""
        # Tried for a second: another command that only looks whether a node runs holds it for a moment.
        with self._locked(_LOCK_TRIES) as held:
            if not held:
                raise StoreError(
                    "a node runs on this home already", remedy="one `mce run` serves every other command"
                )
            yield

    @contextmanager
    def _locked(self, tries: int) -> Iterator[bool]:
        with self._lock_file() as descriptor:
            yield _flock(descriptor, tries)

    @contextmanager
    def _lock_file(self) -> Iterator[int]:
        try:
            descriptor = os.open(self.path / "node.lock", os.O_CREAT | os.O_RDWR, 0o600)
        except OSError as error:
            raise StoreError(f"cannot lock the home: {_why(error)}") from error
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def settled(self) -> bool:
        """Whether nothing waits to be sent, published or fetched."""
        return not (
            self.outbox.count("queued") or not self.publishing.empty() or self.inbox.count("fetching")
        )

    @property
    def locked(self) -> bool:
        """Whether some process runs this home's node."""
        with self._locked(1) as held:
            return not held

    def close(self) -> None:
        """Close the database."""
        self.database.close()


def change_passphrase(path: Path, old: str, new: str, *, cost: Cost = Cost.MODERATE) -> None:
    """Seal the master key anew; nothing else is rewritten."""
    master = read_keyfile(path / KEY_FILE, old, label=MASTER)
    write_keyfile(path / KEY_FILE, master, new, label=MASTER, cost=cost)


def _flock(descriptor: int, tries: int) -> bool:
    for left in reversed(range(tries)):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if left:
                time.sleep(_LOCK_SECONDS)
        except OSError as error:
            raise StoreError(f"cannot lock the home: {_why(error)}") from error
        else:
            return True
    return False


def _check_private(path: Path) -> None:
    try:
        mode = path.stat().st_mode
        there = (path / KEY_FILE).exists()
    except (OSError, ValueError):
        there = False
    if not there:
        raise UsageError(f"{path} is not a home", remedy="make one with `mce init`")
    if mode & 0o077:
        raise StoreError(f"others may read {path}", remedy=f"chmod 700 {path}")


def _why(error: Exception) -> str:
    return getattr(error, "strerror", None) or type(error).__name__
