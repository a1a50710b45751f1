"""The database file of a home: SQLite by apsw, durable at each commit, one writer at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any, Final

import apsw

from mce_exchange.errors import StoreError

_BUSY_MS: Final = 30_000
Row = tuple[Any, ...]


class Database:
    """One connection, for one thread at a time. Every `apsw` error comes out as `StoreError`."""

    def __init__(self, path: Path) -> None:
        try:
            self._connection = apsw.Connection(str(path))
            self._connection.set_busy_timeout(_BUSY_MS)
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "secure_delete=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._durable()
            self._migrate()
        except apsw.Error as error:
            raise StoreError(f"the home's database does not open: {type(error).__name__}") from error

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
        """One transaction, durable when the block ends, undone if it raises."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self.run("COMMIT")

    def run(self, sql: str, *values: Any) -> None:
        """Execute without an answer."""
        try:
            self._connection.execute(sql, values)
        except apsw.Error as error:
            raise StoreError(f"the home's database refuses: {type(error).__name__}") from error

    def rows(self, sql: str, *values: Any) -> list[Row]:
        """All rows."""
        try:
            return list(self._connection.execute(sql, values))
        except apsw.Error as error:
            raise StoreError(f"the home's database refuses: {type(error).__name__}") from error

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row."""
        found = self.rows(sql, *values)
        return found[0] if found else None

    def value(self, sql: str, *values: Any) -> Any:
        """The first row's first column, or None."""
        found = self.row(sql, *values)
        return found[0] if found else None

    @property
    def changes(self) -> int:
        """A number that differs once another process has committed."""
        return int(self.value("PRAGMA data_version"))

    def close(self) -> None:
        """Close; a WAL that no one else uses is folded in."""
        self._connection.close()
