"""Typed alarms: what a person has to know, once for each cause."""

from dataclasses import dataclass
from enum import StrEnum

from mce_exchange.store.database import Database


class Alarm(StrEnum):
    """What is wrong. None of these stops delivery."""

    GAP = "gap"
    REPLAY = "replay"
    NUMBER_USED = "number-used"
    FORK = "fork"
    LOG_ROLLED_BACK = "log-rolled-back"
    KEY_CHANGE = "key-change"
    OVERDUE = "overdue"
    UNDELIVERABLE = "undeliverable"
    REFUSED = "refused"
    NOT_ACCEPTED = "not-accepted"
    NOT_ANCHORED = "not-anchored"
    SILENT = "silent"
    INVALID_ENTRY = "invalid-entry"
    INVALID_MESSAGE = "invalid-message"
    NO_PREKEY = "no-prekey"
    DIRECTORY_STALE = "directory-stale"
    ASKS_A_PERSON = "asks-a-person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alarm: kind, what it is about (an id or a name), a sentence, POSIX seconds."""

    id: int
    kind: Alarm
    about: str
    text: str
    at: int


class Alarms:
    """The alarms of a home."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: Alarm, *, about: str, text: str, at: int) -> None:
        """Raise; the same cause again changes nothing."""
        self._database.run(
            "INSERT OR IGNORE INTO alarm (kind, about, text, at) VALUES (?, ?, ?, ?)", kind, about, text, at
        )

    def all(self, after: int = 0, *, unseen: bool = False) -> list[Raised]:
        """Alarms with an id above `after`, in order."""
        rows = self._database.rows(
            "SELECT id, kind, about, text, at FROM alarm WHERE id > ? AND seen <= ? ORDER BY id",
            after,
            0 if unseen else 1,
        )
        return [Raised(id=r[0], kind=Alarm(r[1]), about=r[2], text=r[3], at=r[4]) for r in rows]

    def mark_seen(self, up_to: int) -> None:
        """A person has seen them."""
        self._database.run("UPDATE alarm SET seen = 1 WHERE id <= ?", up_to)
