"""The store on SQLite: WAL with synchronous=FULL, one writer connection, readers of their own.

An acknowledged write survives a power failure only with FULL, so the pragma is read back and
anything else refused. `secure_delete` overwrites what is erased.
"""

import fcntl
import os
import queue
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import IO, Final

import apsw

from mce_exchange.errors import StoreError
from mce_relay.store.rows import SqliteReader, typed
from mce_relay.store.writes import SqliteWriter

_FULL: Final = 2
_BUSY_MS: Final = 10_000
FILE: Final = "relay.sqlite"
"""The database's name in the data folder."""


class SqliteStore:
    """A `Store` in one folder, which becomes 0700 and belongs to one process at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock: IO[bytes] | None = None
        self._writer: apsw.Connection | None = None
        self._idle: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()

    def open(self) -> None:
        """Lock, migrate and check; `StoreError`, and nothing stays locked."""
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._folder.chmod(0o700)
            self._lock = (self._folder / "lock").open("ab")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StoreError(
                "another process serves this data folder", remedy="stop the other relay process first"
            ) from None
        except OSError as error:
            raise StoreError(f"the data folder cannot be used: {os.strerror(error.errno or 0)}") from None
        with typed():
            self._writer = self._connect()
            _migrate(self._writer)
            # The file itself, its name in the folder, and the lock's.
            folder = os.open(self._folder, os.O_RDONLY)
            os.fsync(folder)
            os.close(folder)

    def close(self) -> None:
        """Let go of everything."""
        with typed():
            while not self._idle.empty():
                self._idle.get().close()
            if self._writer is not None:
                self._writer.close()
                self._writer = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @contextmanager
    def write(self) -> Iterator[SqliteWriter]:
        """The one write transaction; the sequencer's thread is the only one to call this."""
        connection = self._open_writer()
        with typed():
            try:
                # Inside: one that failed may have begun, and a rollback that failed left one open.
                connection.execute("BEGIN IMMEDIATE")
                yield SqliteWriter(connection)
                connection.execute("COMMIT")
            finally:
                # A failed COMMIT may have ended the transaction by itself.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")

    @contextmanager
    def read(self) -> Iterator[SqliteReader]:
        """A snapshot on a connection that nobody else uses meanwhile."""
        with typed():
            try:
                connection = self._idle.get_nowait()
            except queue.Empty:
                connection = self._connect()
            try:
                connection.execute("BEGIN")
                yield SqliteReader(connection)
            finally:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                self._idle.put(connection)

    def scrub(self) -> None:
        """Fold the log of writes into the database, which overwrites erased rows, and empty it."""
        with typed():
            # A connection of its own: the writer's may be in the middle of a transaction.
            connection = self._connect()
            try:
                busy = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.close()
        if busy is None or busy[0]:
            raise StoreError("a reader keeps erased bytes in the write-ahead log", remedy="it is tried again")

    def faults(self) -> list[str]:
        """What SQLite finds wrong with the structure of its file, and with references between rows."""
        with typed():
            connection = self._connect()
            try:
                told = [str(row[0]) for row in connection.execute("PRAGMA integrity_check(20)")]
                loose = [
                    f"a row of {row[0]} refers to none"
                    for row in connection.execute("PRAGMA foreign_key_check")
                ]
            finally:
                connection.close()
        return [one for one in told if one != "ok"] + loose[:20]

    def _open_writer(self) -> apsw.Connection:
        if self._writer is None:
            raise StoreError("the store is closed", remedy="start the relay again")
        return self._writer

    def _connect(self) -> apsw.Connection:
        connection = apsw.Connection(str(self._folder / FILE))
        connection.set_busy_timeout(_BUSY_MS)
        for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
            connection.pragma(*pragma.split("="))
        mode, synchronous = connection.pragma("journal_mode"), connection.pragma("synchronous")
        if (mode, synchronous) != ("wal", _FULL):
            raise StoreError(
                f"this file system gives journal_mode={mode}, synchronous={synchronous}, not WAL and FULL",
                remedy="put the data folder on a local file system",
            )
        return connection


def migrations() -> list[str]:
    """The SQL of every version, in order."""
    folder = resources.files("mce_relay.store") / "migrations"
    names = sorted(one.name for one in folder.iterdir() if one.name.endswith(".sql"))
    return [(folder / name).read_text("utf-8") for name in names]


def _migrate(connection: apsw.Connection) -> None:
    scripts = migrations()
    version = connection.pragma("user_version")
    if version > len(scripts):
        raise StoreError(
            f"this database is of version {version}, this software knows {len(scripts)}",
            remedy="install the newer software again",
        )
    for number, script in enumerate(scripts[version:], version + 1):
        with connection:
            connection.execute(script)
            connection.pragma("user_version", number)
