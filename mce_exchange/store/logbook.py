"""The log as this home has followed it: entries, Statements given to us, checkpoints and anchors.

All entries are kept (34 bytes each), so that any proof can be made at home and offline.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgpack

from mce_exchange import limits
from mce_exchange.errors import StoreError
from mce_exchange.log.entry import LogEntry
from mce_exchange.store.database import Database

_APART_SECONDS: Final = 600
_KEPT_SECONDS: Final = 48 * 3600
PASSED_OVER: Final = "passed-over"
"""In place of its type, for a Statement that does not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """A Statement whose bytes we hold, at its log index; a Directory's member records beside it."""

    index: int
    type: str
    raw: bytes
    members: tuple[bytes, ...] = ()


def records(data: bytes) -> tuple[bytes, ...]:
    """A Directory's member records as they are kept; `StoreError` for damage."""
    try:
        return tuple(msgpack.unpackb(data)) if data else ()
    except (ValueError, TypeError, msgpack.UnpackException):
        raise StoreError(
            "a Directory in this home is damaged", remedy="restore the home from a backup"
        ) from None


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
        """All entries in order, in the memory of one."""
        return (row[0] for row in self._database.each("SELECT entry FROM entry ORDER BY log_index"))

    def holds(self, entry: LogEntry) -> bool:
        """Whether the log as followed has this entry. It looks at all of them."""
        return bool(self._database.value("SELECT 1 FROM entry WHERE entry = ? LIMIT 1", entry.encode()))

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

    def public(self, types: Sequence[str]) -> Iterator[Logged]:
        """Statements of these types in log order."""
        marks = ",".join("?" * len(types))
        return self._logged(
            f"SELECT log_index, type, raw, members FROM statement WHERE type IN ({marks}) ORDER BY log_index",
            *types,
        )

    def about(self, header_id: bytes) -> Iterator[Logged]:
        """Every Statement about a message, its header first."""
        return self._logged(
            "SELECT s.log_index, s.type, s.raw, s.members FROM statement s JOIN about a USING (log_index)"
            " WHERE a.header_id = ? ORDER BY s.log_index",
            header_id,
        )

    def period(self, first: int, last: int, size: int) -> Iterator[Logged]:
        """What was logged from `first` below `last`, and later, below `size`, about messages of then."""
        return self._logged(
            "SELECT s.log_index, s.type, s.raw, s.members FROM statement s WHERE"
            " s.log_index >= ?1 AND s.log_index < ?3 AND (s.log_index < ?2 OR EXISTS (SELECT 1 FROM about a"
            " JOIN about h USING (header_id) JOIN statement m ON m.log_index = h.log_index"
            " WHERE a.log_index = s.log_index AND m.type = 'header' AND m.log_index >= ?1"
            " AND m.log_index < ?2)) ORDER BY s.log_index",
            first,
            last,
            size,
        )

    def rows(self, first: int, last: int) -> Iterator[tuple[int, bytes, bytes | None, tuple[bytes, ...]]]:
        """Index, entry, the Statement if it was given to us, member records: from `first` below `last`."""
        for r in self._database.each(
            "SELECT e.log_index, e.entry, s.raw, s.members FROM entry e"
            " LEFT JOIN statement s USING (log_index) WHERE e.log_index >= ? AND e.log_index < ? ORDER BY 1",
            first,
            last,
        ):
            yield r[0], r[1], r[2], records(r[3] or b"")

    def notes(self, above: int) -> list[tuple[int, bytes]]:
        """(size, note) of the anchors kept of at least a size, the smallest first, the witnessed one too."""
        rows = self._database.rows(
            "SELECT size, note FROM anchor WHERE size >= ?1 UNION SELECT size, note FROM witnessed"
            " WHERE size >= ?1 ORDER BY size",
            above,
        )
        return [(int(r[0]), bytes(r[1])) for r in rows]

    def entry(self, index: int) -> bytes:
        """One entry (34 bytes)."""
        return bytes(self._database.value("SELECT entry FROM entry WHERE log_index = ?", index))

    def times(self) -> list[tuple[int, int]]:
        """(time, tree size) of the anchors kept."""
        return [(int(r[0]), int(r[1])) for r in self._database.rows("SELECT time, size FROM anchor")]

    def subjects(self, low: bytes, high: bytes) -> list[bytes]:
        """Header ids from `low` to `high` that Statements held here speak of, two at most."""
        rows = self._database.rows(
            "SELECT DISTINCT header_id FROM about WHERE header_id BETWEEN ? AND ? LIMIT 2", low, high
        )
        return [bytes(row[0]) for row in rows]

    def _logged(self, sql: str, *values: object) -> Iterator[Logged]:
        for r in self._database.each(sql, *values):
            yield Logged(index=r[0], type=r[1], raw=r[2], members=records(r[3]))

    @property
    def checkpoint(self) -> bytes | None:
        """The newest verified checkpoint, a note."""
        note: bytes | None = self._database.value("SELECT note FROM checkpoint")
        return note

    def put_checkpoint(self, size: int, note: bytes) -> None:
        """Replace it."""
        self._database.run("INSERT OR REPLACE INTO checkpoint VALUES (1, ?, ?)", size, note)

    def anchor(self) -> bytes | None:
        """The newest verified anchor, a note."""
        note: bytes | None = self._database.value("SELECT note FROM anchor ORDER BY size DESC LIMIT 1")
        return note

    def anchors(self) -> list[tuple[int, bytes]]:
        """Time and note of every verified anchor that is kept."""
        return [(int(r[0]), bytes(r[1])) for r in self._database.rows("SELECT time, note FROM anchor")]

    @property
    def anchored(self) -> int:
        """The size of the newest verified anchor, 0 before the first."""
        return int(self._database.value("SELECT coalesce(max(size), 0) FROM anchor"))

    def below_anchor_of(self, time: int) -> int:
        """The size that the log had at this time of its own clock, by the anchors kept; 0 if none is."""
        return int(self._database.value("SELECT coalesce(max(size), 0) FROM anchor WHERE since <= ?", time))

    @property
    def anchor_time(self) -> int:
        """The newest anchor's time, 0 before the first."""
        return int(self._database.value("SELECT coalesce(max(time), 0) FROM anchor"))

    def put_anchor(self, size: int, time: int, note: bytes) -> None:
        """Keep a verified anchor, the newest; of those before it one in ten minutes, for two days."""
        last = self._database.rows("SELECT size, time FROM anchor ORDER BY size DESC LIMIT 2")
        # A log that does not grow is as old as it is, however new its anchors.
        since = self._database.value("SELECT since FROM anchor WHERE size = ?", size) or time
        if len(last) == 2 and last[0][1] - last[1][1] < _APART_SECONDS:
            self._database.run("DELETE FROM anchor WHERE size = ?", last[0][0])
        self._database.run("DELETE FROM anchor WHERE time < ?", time - _KEPT_SECONDS)
        self._database.run("INSERT OR REPLACE INTO anchor VALUES (?, ?, ?, ?)", size, time, note, since)

    def witnessed(self) -> tuple[int, int, bytes] | None:
        """Size, time and note of the newest anchor that had its quorum."""
        rows = self._database.rows("SELECT size, time, note FROM witnessed")
        return (int(rows[0][0]), int(rows[0][1]), bytes(rows[0][2])) if rows else None

    def put_witnessed(self, size: int, time: int, note: bytes) -> None:
        """Replace it."""
        self._database.run("INSERT OR REPLACE INTO witnessed VALUES (1, ?, ?, ?)", size, time, note)
