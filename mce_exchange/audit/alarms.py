"""What a monitor tells: typed, once for each cause, with the log entry that proves it (SPEC section 12.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from mce_exchange.audit.ledger import Ledger

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS alarm (
    id        INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    about     TEXT NOT NULL,
    text      TEXT NOT NULL,
    at        INTEGER NOT NULL,
    log_index INTEGER,
    header_id BLOB NOT NULL,
    seen      INTEGER NOT NULL DEFAULT 0,
    UNIQUE (kind, about)
);
CREATE INDEX IF NOT EXISTS alarm_entry ON alarm (log_index);
"""


class Kind(StrEnum):
    """The relay's, a member's or the federation's; `DIRECTORY` and `KEYS` are news and no faults."""

    FORK = "fork"
    ROLLED_BACK = "rolled-back"
    WITHHELD = "withheld"
    LOG_SILENT = "log-silent"
    NOT_WITNESSED = "not-witnessed"
    INVALID = "invalid"
    DISPUTED = "disputed"
    NUMBER_USED = "number-used"
    GAP = "gap"
    ORDER = "order"
    MARK_FALSE = "mark-false"
    SILENT = "silent"
    OVERDUE = "overdue"
    OVERDUE_MISSING = "overdue-missing"
    OVERDUE_FALSE = "overdue-false"
    UNANSWERED = "unanswered"
    ERASED_EARLY = "erased-early"
    NOT_ERASED = "not-erased"
    STALE = "stale"
    CONTEST = "contest"
    DIRECTORY = "directory"
    KEYS = "keys"


NEWS: Final = frozenset({Kind.DIRECTORY, Kind.KEYS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """`at`: POSIX seconds by the log's clock; the entry and the message it is about, where there is one."""

    id: int
    kind: Kind
    about: str
    text: str
    at: int
    log_index: int | None
    header_id: str

    @property
    def news(self) -> bool:
        """Whether nobody is at fault."""
        return self.kind in NEWS


class Alarms:
    """Those of one ledger; callers are in its transaction."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def put(
        self,
        kind: Kind,
        about: str,
        text: str,
        *,
        at: int,
        index: int | None = None,
        header_id: bytes = b"",
    ) -> None:
        """Raise; the same cause again changes nothing."""
        self._ledger.run(
            "INSERT OR IGNORE INTO alarm (kind, about, text, at, log_index, header_id)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            str(kind),
            about,
            text,
            at,
            index,
            header_id,
        )

    def date(self, first: int, last: int, at: int) -> None:
        """Those about entries from `first` below `last` are of this time."""
        self._ledger.run("UPDATE alarm SET at = ? WHERE log_index >= ? AND log_index < ?", at, first, last)

    def all(
        self, after: int = 0, *, unseen: bool = False, since: int = 0, until: int = 1 << 62
    ) -> Iterator[Alarm]:
        """In the order they came, from POSIX second `since` below `until`."""
        rows = self._ledger.each(
            "SELECT id, kind, about, text, at, log_index, header_id FROM alarm"
            " WHERE id > ? AND seen <= ? AND at >= ? AND at < ? ORDER BY id",
            after,
            0 if unseen else 1,
            since,
            until,
        )
        for r in rows:
            yield Alarm(
                id=r[0],
                kind=Kind(r[1]),
                about=r[2],
                text=r[3],
                at=r[4],
                log_index=r[5],
                header_id=r[6].hex(),
            )

    def mark_seen(self) -> None:
        """A person has seen all of them."""
        self._ledger.run("UPDATE alarm SET seen = 1")

    def counts(self) -> dict[Kind, int]:
        """How many of each kind ever came."""
        rows: dict[str, int] = dict(self._ledger.each("SELECT kind, count(*) FROM alarm GROUP BY kind"))
        return {kind: rows.get(str(kind), 0) for kind in Kind}
