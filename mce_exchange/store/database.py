"""The database file of a home: SQLite by apsw, durable at each commit, one writer at a time."""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager, suppress
from enum import Enum, auto
from importlib import resources
from pathlib import Path
from typing import Any, Final

import apsw

from mce_exchange.errors import StoreError

_BUSY_MS: Final = 30_000
# Damage can also show as text that is none, or as a number without end.
_FOREIGN: Final = (apsw.Error, UnicodeDecodeError, OverflowError)
Row = tuple[Any, ...]


class News(Enum):
    """What a change in a home is about, for whoever waits for one."""

    OUTBOX = auto()
    UPLOADS = auto()
    STATEMENTS = auto()
    SENT = auto()
    INBOX = auto()
    FETCHES = auto()
    ALARMS = auto()
    LOG = auto()


class Database:
    """One connection, for one thread at a time. Every `apsw` error comes out as `StoreError`."""

    def __init__(self, path: Path, *, make: bool = False) -> None:
        """Open, or `make` a new file; a home that has lost its database is never given an empty one."""
        self._news: set[News] = set()
        flags = apsw.SQLITE_OPEN_READWRITE | (apsw.SQLITE_OPEN_CREATE if make else 0)
        try:
            self._connection = apsw.Connection(str(path), flags=flags)
            self._connection.set_busy_timeout(_BUSY_MS)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
        except apsw.Error as error:
            raise StoreError(f"the home's database does not open: {type(error).__name__}") from error
        self._durable()
        self._migrate()

    def _durable(self) -> None:
        # WAL with synchronous=NORMAL loses acknowledged commits at a power cut, so it is read back.
        mode = self.value("PRAGMA journal_mode")
        sync = self.value("PRAGMA synchronous")
        if (mode, sync) != ("wal", 2):
            raise StoreError(f"the database gives no durable commits here: {mode}, synchronous {sync}")

    def _migrate(self) -> None:
        files = sorted(
            (file for file in resources.files("mce_exchange.store").joinpath("migrations").iterdir()),
            key=lambda file: file.name,
        )
        with self.write():
            done = int(self.value("PRAGMA user_version"))
            if done > len(files):
                raise StoreError("this home was written by newer software", remedy="update this software")
            for number, file in enumerate(files[done:], start=done + 1):
                self.run(file.read_text())
                self.run(f"PRAGMA user_version={number}")

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, durable when the block ends, undone if it or the commit raises."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            self._undo()
            raise

    @contextmanager
    def step(self) -> Iterator[None]:
        """A part of a transaction that is undone alone if it raises."""
        self.run("SAVEPOINT step")
        try:
            yield
        except BaseException:
            if self._connection.in_transaction:
                self.run("ROLLBACK TO step")
                self.run("RELEASE step")
            raise
        self.run("RELEASE step")

    @contextmanager
    def read(self) -> Iterator[None]:
        """Everything read in the block is of one moment, whatever other processes write meanwhile."""
        self.run("BEGIN")
        try:
            yield
        finally:
            self._undo()

    def _undo(self) -> None:
        # A full disk makes SQLite roll back by itself; the error that led here is the one to tell.
        if self._connection.in_transaction:
            with suppress(apsw.Error):
                self._connection.execute("ROLLBACK")

    def run(self, sql: str, *values: Any) -> None:
        """Execute without an answer."""
        try:
            self._connection.execute(sql, values)
        except _FOREIGN as error:
            raise StoreError(f"the home's database refuses: {type(error).__name__}") from error

    def each(self, sql: str, *values: Any) -> Generator[Row, None, None]:
        """Row by row; the caller closes the iterator if it stops early."""
        try:
            with closing(self._connection.cursor()) as cursor:
                yield from cursor.execute(sql, values)
        except _FOREIGN as error:
            raise StoreError(f"the home's database refuses: {type(error).__name__}") from error

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows."""
        return list(self.each(sql, *values))

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row."""
        try:
            with closing(self._connection.execute(sql, values)) as cursor:
                return next(cursor, None)
        except _FOREIGN as error:
            raise StoreError(f"the home's database refuses: {type(error).__name__}") from error

    def value(self, sql: str, *values: Any) -> Any:
        """The first row's first column, or None."""
        found = self.row(sql, *values)
        return found[0] if found else None

    def scrub(self) -> bool:
        """Fold the write-ahead log in and empty it: what was deleted stands in no file of ours any more.

        False if another process reads just now: try again.
        """
        # Without waiting for whoever reads: the home's one thread has more to do.
        self._connection.set_busy_timeout(0)
        try:
            return not self.value("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            self._connection.set_busy_timeout(_BUSY_MS)

    def touch(self, *news: News) -> None:
        """Note what a change is about."""
        self._news.update(news)

    def news(self) -> set[News]:
        """What was noted since the last call, undone or not."""
        news, self._news = self._news, set()
        return news

    @property
    def changes(self) -> int:
        """A number that differs once another process has committed."""
        return int(self.value("PRAGMA data_version"))

    def close(self) -> None:
        """Close; a WAL that no one else uses is folded in."""
        self._connection.close()
