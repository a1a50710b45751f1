"""What is due when: answers at deadlines, ends of lifetimes, erasures (SPEC sections 9.4, 9.6 and 12.6).

The log dates trees, not entries: an entry was logged after the newest dated tree below it and before the
first above it. Nobody is accused unless that holds for the whole span.
"""

from dataclasses import dataclass
from typing import Final

from mce_exchange.audit import stages
from mce_exchange.audit.alarms import Alarms, Kind
from mce_exchange.audit.ledger import Ledger
from mce_exchange.header import Core
from mce_exchange.log.anchor import Anchor
from mce_exchange.v1 import statement_pb2

SCHEMA: Final = """
-- `earliest`, `latest`: when it was accepted. `closed`: entry of the last final answer, and when that was.
-- `erased`: the relay's entry. `key_erased`: the sender has said so. The rest: what has been looked at.
CREATE TABLE IF NOT EXISTS term (
    log_index       INTEGER PRIMARY KEY,
    id              BLOB NOT NULL UNIQUE,
    sender          TEXT NOT NULL,
    class           INTEGER NOT NULL,
    lifetime        INTEGER NOT NULL,
    earliest        INTEGER NOT NULL,
    latest          INTEGER,
    closed          INTEGER,
    closed_earliest INTEGER,
    closed_latest   INTEGER,
    erased          INTEGER,
    key_erased      INTEGER NOT NULL DEFAULT 0,
    deadline_seen   INTEGER NOT NULL DEFAULT 0,
    expiry_seen     INTEGER NOT NULL DEFAULT 0,
    erasure_seen    INTEGER NOT NULL DEFAULT 0,
    late_seen       INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX IF NOT EXISTS term_undated ON term (log_index) WHERE latest IS NULL;
CREATE INDEX IF NOT EXISTS term_unclosed ON term (closed) WHERE closed_latest IS NULL AND closed IS NOT NULL;
CREATE INDEX IF NOT EXISTS term_open ON term (latest) WHERE NOT (deadline_seen AND expiry_seen);
CREATE INDEX IF NOT EXISTS term_erased ON term (erased) WHERE erased IS NOT NULL AND NOT erasure_seen;
CREATE INDEX IF NOT EXISTS term_late ON term (latest) WHERE NOT late_seen;
"""
_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
# Nobody has answered for it, and the relay has not said that it cannot.
_OPEN: Final = "final IS NULL AND says NOT LIKE 'undeliverable%'"
# Whichever came first: the last answer, or the end of its lifetime.
_CLOSED: Final = "min(coalesce(closed_{0}, {0} + lifetime), {0} + lifetime)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """A relay's terms in seconds: by deadline class from 1, until ciphertext goes, and how late is late."""

    deadlines: tuple[int, ...] = (_HOUR, _DAY, 3 * _DAY)
    grace: int = 7 * _DAY
    overdue_slack: int = _HOUR
    erasure_slack: int = _DAY


class Terms:
    """Fed in log order, `now` being the newest date of the log; `dated` when there is a newer one."""

    def __init__(self, ledger: Ledger, alarms: Alarms, rules: Rules) -> None:
        self._ledger = ledger
        self._alarms = alarms
        self._rules = rules

    def header(self, core: Core, id_: bytes, index: int, now: int) -> None:
        """A message that counts."""
        self._ledger.run(
            "INSERT INTO term (log_index, id, sender, class, lifetime, earliest) VALUES (?, ?, ?, ?, ?, ?)",
            index,
            id_,
            core.sender,
            core.deadline_class,
            core.lifetime_seconds,
            now,
        )

    def answered(self, header_id: bytes, index: int, now: int) -> None:
        """A Statement that may have been the last answer to a message."""
        self._ledger.run(
            "UPDATE term SET closed = ?, closed_earliest = ? WHERE id = ? AND closed IS NULL AND NOT EXISTS"
            f" (SELECT 1 FROM place WHERE place.log_index = term.log_index AND {_OPEN})",
            index,
            now,
            header_id,
        )

    def overdue(self, body: statement_pb2.Overdue, anchor: Anchor, index: int, now: int) -> None:
        """The relay says that nothing was answered at the deadline: is that so, and was it the deadline?"""
        row = self._ledger.row(
            "SELECT class, earliest, final FROM term JOIN place USING (log_index)"
            " WHERE id = ? AND member = ?",
            body.header_id,
            body.recipient,
        )
        if row is None:
            return
        about = f"{body.header_id.hex()} {body.recipient}"
        deadline = self._deadline(row[0])
        if row[2] is not None and row[2] < anchor.checkpoint.size:
            kind, text = (
                Kind.OVERDUE_FALSE,
                f"the relay calls {body.recipient} overdue, who answered in entry {row[2]}",
            )
        elif not deadline or anchor.time < row[1] + deadline:
            kind, text = Kind.OVERDUE_FALSE, f"the relay calls {body.recipient} overdue before any deadline"
        else:
            kind, text = Kind.OVERDUE, f"no answer of {body.recipient} was in the log at its deadline"
        self._alarms.put(kind, about, text, at=now, index=index, header_id=body.header_id)

    def erased(self, body: statement_pb2.Erasure, index: int) -> None:
        """Somebody says that its part is gone."""
        for header_id in body.header_ids:
            if body.what == statement_pb2.ERASED_PART_CIPHERTEXT:
                self._ledger.run(
                    "UPDATE term SET erased = ? WHERE id = ? AND erased IS NULL", index, header_id
                )
            elif body.what == statement_pb2.ERASED_PART_CONTENT_KEY:
                self._ledger.run(
                    "UPDATE term SET key_erased = 1 WHERE id = ? AND sender = ?", header_id, body.author
                )

    def dated(self, size: int, now: int) -> None:
        """The tree of this size is of this time."""
        self._ledger.run("UPDATE term SET latest = ? WHERE latest IS NULL AND log_index < ?", now, size)
        self._ledger.run(
            "UPDATE term SET closed_latest = ? WHERE closed_latest IS NULL AND closed < ?", now, size
        )
        self._missing(now)
        self._expired(now)
        self._early(size, now)
        self._late(now)

    def _deadline(self, class_: int) -> int:
        return self._rules.deadlines[class_ - 1] if 0 < class_ <= len(self._rules.deadlines) else 0

    def _missing(self, now: int) -> None:
        """An `overdue` that the relay should have logged."""
        for class_ in range(1, 1 + len(self._rules.deadlines)):
            before = now - self._deadline(class_) - self._rules.overdue_slack
            for id_, member in list(
                self._ledger.each(
                    "SELECT id, member FROM term t JOIN place p USING (log_index) WHERE NOT deadline_seen"
                    f" AND class = ? AND latest < ? AND {_OPEN} AND NOT EXISTS (SELECT 1 FROM step s WHERE"
                    " s.message_index = t.log_index AND s.member = p.member AND stage = ?)",
                    class_,
                    before,
                    stages.TABLE.index(stages.OVERDUE),
                )
            ):
                text = f"the relay has not logged that {member} is overdue"
                self._alarms.put(Kind.OVERDUE_MISSING, f"{id_.hex()} {member}", text, at=now, header_id=id_)
            self._ledger.run(
                "UPDATE term SET deadline_seen = 1 WHERE NOT deadline_seen AND class = ? AND latest < ?",
                class_,
                before,
            )

    def _expired(self, now: int) -> None:
        where = "NOT expiry_seen AND latest + lifetime < ?"
        for id_, member in list(
            self._ledger.each(
                f"SELECT id, member FROM term JOIN place USING (log_index) WHERE {where} AND {_OPEN}", now
            )
        ):
            text = f"{member} never answered, and the message's lifetime has ended"
            self._alarms.put(Kind.UNANSWERED, f"{id_.hex()} {member}", text, at=now, header_id=id_)
        self._ledger.run(f"UPDATE term SET expiry_seen = 1 WHERE {where}", now)

    def _early(self, size: int, now: int) -> None:
        """Erased for sure before its time: what was erased by `now` was to stay for longer."""
        where = "erased < ? AND NOT erasure_seen"
        earliest = _CLOSED.format("earliest")
        for id_, entry in list(
            self._ledger.each(
                f"SELECT id, erased FROM term WHERE {where} AND {earliest} + ? > ?",
                size,
                self._rules.grace,
                now,
            )
        ):
            text = "the relay erased a message before it was answered or expired and its grace had passed"
            self._alarms.put(Kind.ERASED_EARLY, id_.hex(), text, at=now, index=entry, header_id=id_)
        self._ledger.run(f"UPDATE term SET erasure_seen = 1 WHERE {where}", size)

    def _late(self, now: int) -> None:
        """Relay and sender should have said by now that their part is gone."""
        where = f"NOT late_seen AND {_CLOSED.format('latest')} < ?"
        before = now - self._rules.grace - self._rules.erasure_slack
        for id_, sender, erased, key_erased in list(
            self._ledger.each(f"SELECT id, sender, erased, key_erased FROM term WHERE {where}", before)
        ):
            for who, what, said in (
                ("the relay", "the ciphertext", erased),
                (sender, "the content key", key_erased),
            ):
                if not said:
                    text = f"{who} has not said that it erased {what}"
                    self._alarms.put(Kind.NOT_ERASED, f"{id_.hex()} {who}", text, at=now, header_id=id_)
        self._ledger.run(f"UPDATE term SET late_seen = 1 WHERE {where}", before)
