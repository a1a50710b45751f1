"""Typed alarms: what a person has to know, once for each cause."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import msgpack

from mce_exchange.errors import StoreError
from mce_exchange.store.database import Database, News


class Alarm(StrEnum):
    """What is wrong. None of these stops delivery."""

    GAP = "gap"
    REPLAY = "replay"
    NUMBER_USED = "number-used"
    FORK = "fork"
    LOG_ROLLED_BACK = "log-rolled-back"
    LOG_STANDS_STILL = "log-stands-still"
    KEY_CHANGE = "key-change"
    OVERDUE = "overdue"
    UNDELIVERABLE = "undeliverable"
    REFUSED = "refused"
    UNANSWERED = "unanswered"
    NOT_ACCEPTED = "not-accepted"
    NOT_SENT = "not-sent"
    NOT_ANCHORED = "not-anchored"
    NOT_WITNESSED = "not-witnessed"
    WITNESS_STOPPED = "witness-stopped"
    NOT_ERASED = "not-erased"
    NO_ATTACHMENT = "no-attachment"
    SILENT = "silent"
    INVALID_ENTRY = "invalid-entry"
    INVALID_MESSAGE = "invalid-message"
    NO_PREKEY = "no-prekey"
    DIRECTORY_STALE = "directory-stale"
    ASKS_A_PERSON = "asks-a-person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """An alarm: kind, what it is about (an id or a name), a sentence, POSIX seconds.

    `notes` are the two signed notes that prove a fork.
    """

    id: int
    kind: Alarm
    about: str
    text: str
    at: int
    notes: tuple[bytes, ...] = field(default=(), repr=False)


class Alarms:
    """The alarms of a home."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, kind: Alarm, *, about: str, text: str, at: int, notes: Sequence[bytes] = ()) -> None:
        """Raise; the same cause again changes nothing."""
        self._database.touch(News.ALARMS)
        self._database.run(
            "INSERT OR IGNORE INTO alarm (kind, about, text, at, notes) VALUES (?, ?, ?, ?, ?)",
            kind,
            about,
            text,
            at,
            msgpack.packb(list(notes)) if notes else b"",
        )

    def all(self, after: int = 0, *, unseen: bool = False) -> list[Raised]:
        """Alarms with an id above `after`, in order."""
        rows = self._database.rows(
            "SELECT id, kind, about, text, at, notes FROM alarm WHERE id > ? AND seen <= ? ORDER BY id",
            after,
            0 if unseen else 1,
        )
        try:
            return [
                Raised(
                    id=r[0],
                    kind=Alarm(r[1]),
                    about=r[2],
                    text=r[3],
                    at=r[4],
                    notes=tuple(msgpack.unpackb(r[5])) if r[5] else (),
                )
                for r in rows
            ]
        except (ValueError, TypeError, msgpack.UnpackException):
            raise StoreError("an alarm in this home is damaged", remedy="restore it from a backup") from None

    def mark_seen(self, up_to: int) -> None:
        """A person has seen them."""
        self._database.run("UPDATE alarm SET seen = 1 WHERE id <= ?", up_to)
