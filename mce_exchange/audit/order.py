"""The order within each pair: numbers used once, none left out, each naming the one before (SPEC 9.4)."""

from collections.abc import Callable
from typing import Final

from mce_exchange.audit.alarms import Alarms, Kind
from mce_exchange.audit.ledger import Ledger
from mce_exchange.header import Core
from mce_exchange.primitives.verify import equal
from mce_exchange.v1 import statement_pb2

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS number (
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL,
    sequence  INTEGER NOT NULL,
    id        BLOB NOT NULL,
    annulled  BLOB NOT NULL,
    previous  BLOB,
    log_index INTEGER NOT NULL,
    PRIMARY KEY (sender, recipient, sequence)
) WITHOUT ROWID;
-- By the log's clock: `broken` since when numbers are missing, `heard` of a header or mark, `wrote` a header.
CREATE TABLE IF NOT EXISTS pair (
    sender    TEXT NOT NULL,
    recipient TEXT NOT NULL,
    highest   INTEGER NOT NULL DEFAULT 0,
    used      INTEGER NOT NULL DEFAULT 0,
    broken    INTEGER,
    heard     INTEGER NOT NULL,
    wrote     INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (sender, recipient)
) WITHOUT ROWID;
"""
_DAY: Final = 24 * 3600
_GAP_SECONDS: Final = 600
# As a node's: a day's mark, two hours late at most; of those who wrote in the last 29 days.
_SILENT_SECONDS: Final = 26 * 3600
_WROTE_SECONDS: Final = 29 * _DAY


class Order:
    """Fed in log order; `now` is the log's clock as far as it is known."""

    def __init__(self, ledger: Ledger, alarms: Alarms) -> None:
        self._ledger = ledger
        self._alarms = alarms

    def header(self, core: Core, id_: bytes, index: int, now: int) -> None:
        """A message that counts uses its number to each recipient."""
        for one in core.recipients:
            self._use(core.sender, one.member, one.sequence, id_, b"", one.previous_id or None, index, now)
            self._heard(core.sender, one.member, now, wrote=now)

    def void(self, body: statement_pb2.Void, id_: bytes, index: int, now: int) -> None:
        """A number that has no message."""
        self._use(body.sender, body.recipient, body.sequence, id_, body.annulled_id, None, index, now)

    def mark(
        self, body: statement_pb2.HighWater, index: int, now: int, root_of: Callable[[int], bytes]
    ) -> None:
        """A daily mark: the number it names is logged and that message's, and its tree is this log's."""
        pair = f"{body.sender} to {body.recipient}"
        self._heard(body.sender, body.recipient, now, wrote=0)
        if not equal(root_of(body.log_size), body.log_root):
            text = f"the relay has shown {body.sender} another log of {body.log_size} entries"
            self._alarms.put(Kind.FORK, f"{pair} at {body.log_size}", text, at=now, index=index)
        held = self._ledger.row(
            "SELECT id, annulled FROM number WHERE sender = ? AND recipient = ? AND sequence = ?",
            body.sender,
            body.recipient,
            body.sequence,
        )
        if held is None or body.header_id not in held:
            text = (
                f"{body.sender} says that number {body.sequence} is logged, and this log has another or none"
            )
            self._alarms.put(Kind.MARK_FALSE, f"{pair} {body.sequence}", text, at=now, index=index)

    def anchored(self, now: int) -> None:
        """Time has passed: gaps that stay, pairs that fell silent."""
        for sender, recipient, highest in list(
            self._ledger.each(
                "SELECT sender, recipient, highest FROM pair WHERE broken <= ?", now - _GAP_SECONDS
            )
        ):
            missing = self._ledger.value(
                "SELECT min(sequence) + 1 FROM number n WHERE sender = ?1 AND recipient = ?2 AND NOT EXISTS"
                " (SELECT 1 FROM number m WHERE m.sender = ?1 AND m.recipient = ?2"
                " AND m.sequence = n.sequence + 1)",
                sender,
                recipient,
            )
            first = self._ledger.value(
                "SELECT 1 FROM number WHERE sender = ? AND recipient = ? AND sequence = 1", sender, recipient
            )
            text = f"number {missing if first else 1} of {sender} to {recipient} is missing, up to {highest}"
            self._alarms.put(Kind.GAP, f"{sender} to {recipient} below {highest}", text, at=now)
        for sender, recipient, heard in list(
            self._ledger.each(
                "SELECT sender, recipient, heard FROM pair WHERE wrote > ? AND heard < ?",
                now - _WROTE_SECONDS,
                now - _SILENT_SECONDS,
            )
        ):
            text = f"nothing of {sender} to {recipient} for more than a day, not even the daily mark"
            self._alarms.put(Kind.SILENT, f"{sender} to {recipient} since {heard}", text, at=now)

    def _use(
        self,
        sender: str,
        recipient: str,
        sequence: int,
        id_: bytes,
        annulled: bytes,
        previous: bytes | None,
        index: int,
        now: int,
    ) -> None:
        pair = f"{sender} to {recipient}"
        fresh = self._ledger.run(
            "INSERT OR IGNORE INTO number VALUES (?, ?, ?, ?, ?, ?, ?)",
            sender,
            recipient,
            sequence,
            id_,
            annulled,
            previous,
            index,
        )
        if not fresh:
            text = f"number {sequence} of {pair} was used before: the first counts"
            self._alarms.put(Kind.NUMBER_USED, f"{pair} {sequence} at {index}", text, at=now, index=index)
            return
        self._follows(sender, recipient, sequence, index, now)
        self._follows(sender, recipient, sequence + 1, index, now)
        self._heard(sender, recipient, now, wrote=0)
        self._ledger.run(
            "UPDATE pair SET highest = max(highest, ?), used = used + 1 WHERE sender = ? AND recipient = ?",
            sequence,
            sender,
            recipient,
        )
        self._ledger.run(
            "UPDATE pair SET broken = CASE WHEN used < highest THEN coalesce(broken, ?) END"
            " WHERE sender = ? AND recipient = ?",
            now,
            sender,
            recipient,
        )

    def _follows(self, sender: str, recipient: str, sequence: int, index: int, now: int) -> None:
        """Whether the header with this number names the one before, as far as both are known."""
        row = self._ledger.row(
            "SELECT n.previous, b.id, b.annulled FROM number n JOIN number b ON b.sender = n.sender"
            " AND b.recipient = n.recipient AND b.sequence = n.sequence - 1"
            " WHERE n.sender = ? AND n.recipient = ? AND n.sequence = ? AND n.previous IS NOT NULL",
            sender,
            recipient,
            sequence,
        )
        if row is not None and row[0] not in row[1:]:
            text = (
                f"number {sequence} of {sender} to {recipient} names another message before it than is logged"
            )
            self._alarms.put(Kind.ORDER, f"{sender} to {recipient} {sequence}", text, at=now, index=index)

    def _heard(self, sender: str, recipient: str, now: int, *, wrote: int) -> None:
        self._ledger.run(
            "INSERT INTO pair (sender, recipient, heard, wrote) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO UPDATE"
            " SET heard = max(heard, ?3), wrote = max(wrote, ?4)",
            sender,
            recipient,
            now,
            wrote,
        )
