"""What has been found so far, kept where memory does not grow with it: a private SQLite file.

Without a path SQLite keeps it in a temporary file of its own that no name leads to, most of it in a few
megabytes of cache. It holds ids, indices and words of the report, never content. Every error is `StoreError`.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from mce_exchange.errors import StoreError

Row = tuple[Any, ...]

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen (
    id        BLOB PRIMARY KEY,
    log_index INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS message (
    log_index INTEGER PRIMARY KEY,
    id        BLOB NOT NULL UNIQUE,
    sender    TEXT NOT NULL,
    created   INTEGER NOT NULL,
    signers   BLOB NOT NULL,
    body      BLOB NOT NULL
);
-- `final`: the log index of the first final answer.
CREATE TABLE IF NOT EXISTS place (
    log_index INTEGER NOT NULL,
    position  INTEGER NOT NULL,
    member    TEXT NOT NULL,
    says      TEXT NOT NULL,
    final     INTEGER,
    PRIMARY KEY (log_index, position)
) WITHOUT ROWID;
-- Without signers it does not count, whatever comes.
CREATE TABLE IF NOT EXISTS fact (
    log_index INTEGER PRIMARY KEY,
    type      TEXT NOT NULL,
    author    TEXT NOT NULL,
    verdict   TEXT NOT NULL,
    says      TEXT NOT NULL,
    header_id TEXT NOT NULL,
    signers   BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS step (
    message_index INTEGER NOT NULL,
    log_index     INTEGER NOT NULL,
    member        TEXT NOT NULL,
    stage         INTEGER NOT NULL,
    PRIMARY KEY (message_index, log_index, member, stage)
) WITHOUT ROWID;
"""


class Ledger:
    """For one thread at a time."""

    def __init__(self, path: Path | None = None, *, schema: str = SCHEMA) -> None:
        with _typed():
            # Nothing begins a transaction but `write`.
            self._connection = sqlite3.connect(path or "", isolation_level=None)
            self._connection.execute("PRAGMA synchronous=FULL" if path else "PRAGMA synchronous=OFF")
            self._connection.executescript(schema)
        if path is None:
            # Nobody else sees it, and it does not outlive us: one transaction without end.
            self.run("BEGIN")

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction, on disk when the block ends, undone if it raises."""
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            # Where SQLite has rolled back by itself, what led here is the error to tell.
            with suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def run(self, sql: str, *values: Any) -> int:
        """Execute; how many rows it changed."""
        with _typed():
            return self._connection.execute(sql, values).rowcount

    def many(self, sql: str, rows: Sequence[Row]) -> None:
        """Execute for each row."""
        with _typed():
            self._connection.executemany(sql, rows)

    def each(self, sql: str, *values: Any) -> Iterator[Row]:
        """Row by row."""
        with _typed():
            yield from self._connection.execute(sql, values)

    def row(self, sql: str, *values: Any) -> Row | None:
        """The first row."""
        with _typed():
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    def value(self, sql: str, *values: Any) -> Any:
        """The first row's first column, or None."""
        found = self.row(sql, *values)
        return found[0] if found else None

    def close(self) -> None:
        """The end; a temporary one is gone."""
        self._connection.close()


@contextmanager
def _typed() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, sqlite3.Warning, OverflowError) as error:
        raise StoreError(f"the ledger of an audit refuses: {type(error).__name__}") from error
