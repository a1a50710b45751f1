"""The log as this home has followed it: entries, Statements given to us, checkpoints and anchors.

All entries are kept (34 bytes each), so that any proof can be made at home and offline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import msgpack

from mce_exchange import limits
from mce_exchange.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A Statement whose bytes we hold, at its log index; a Directory's member records beside it."""

    index: int
    type: str
    raw: bytes
    members: tuple[bytes, ...] = ()


class Logbook:
    """Entries ascend without a gap; callers append within their transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def size(self) -> int:
        """How many entries have been taken over."""
        return int(self._database.value("SELECT coalesce(max(log_index) + 1, 0) FROM entry"))

    def append(self, first_index: int, entries: bytes) -> None:
        """Entries of 34 bytes from `first_index` on."""
        for i in range(len(entries) // limits.LOG_ENTRY):
            entry = entries[i * limits.LOG_ENTRY : (i + 1) * limits.LOG_ENTRY]
            self._database.run("INSERT INTO entry VALUES (?, ?)", first_index + i, entry)

    def entries(self) -> Iterator[bytes]:
        """All entries in order."""
        return (row[0] for row in self._database.rows("SELECT entry FROM entry ORDER BY log_index"))

    def put_statement(self, logged: Logged, *, about: Sequence[bytes] = ()) -> None:
        """Keep a Statement's bytes, and the header ids it speaks of (32 bytes each)."""
        self._database.run(
            "INSERT OR IGNORE INTO statement VALUES (?, ?, ?, ?)",
            logged.index,
            logged.type,
            logged.raw,
            msgpack.packb(list(logged.members)),
        )
        for header_id in about:
            self._database.run("INSERT OR IGNORE INTO about VALUES (?, ?)", header_id, logged.index)

    def public(self, types: Sequence[str]) -> list[Logged]:
        """Statements of these types in log order."""
        marks = ",".join("?" * len(types))
        return self._logged(
            f"SELECT log_index, type, raw, members FROM statement WHERE type IN ({marks}) ORDER BY log_index",
            *types,
        )

    def about(self, header_id: bytes) -> list[Logged]:
        """Every Statement about a message, its header first."""
        return self._logged(
            "SELECT s.log_index, s.type, s.raw, s.members FROM statement s JOIN about a USING (log_index)"
            " WHERE a.header_id = ? ORDER BY s.log_index",
            header_id,
        )

    def _logged(self, sql: str, *values: object) -> list[Logged]:
        return [
            Logged(index=r[0], type=r[1], raw=r[2], members=tuple(msgpack.unpackb(r[3])))
            for r in self._database.rows(sql, *values)
        ]

    @property
    def checkpoint(self) -> bytes | None:
        """The newest verified checkpoint, a note."""
        note: bytes | None = self._database.value("SELECT note FROM checkpoint")
        return note

    def put_checkpoint(self, size: int, note: bytes) -> None:
        """Replace it."""
        self._database.run("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?)", size, note)

    def anchor(self, at_least: int = 0) -> bytes | None:
        """The newest verified anchor of at least this size, a note."""
        note: bytes | None = self._database.value(
            "SELECT note FROM anchor WHERE size >= ? ORDER BY size DESC LIMIT 1", at_least
        )
        return note

    def put_anchor(self, size: int, time: int, note: bytes) -> None:
        """Keep a verified anchor."""
        self._database.run("INSERT OR REPLACE INTO anchor VALUES (?, ?, ?)", size, time, note)
