"""Signed Statements on their way to the log: queued durably, sent with the same bytes until answered."""

from collections.abc import Callable, Container, Sequence
from contextlib import closing
from dataclasses import dataclass

import msgpack

from mce_exchange import limits
from mce_exchange.hotline.answers import About
from mce_exchange.statement import Statement
from mce_exchange.store.database import Database, News
from mce_exchange.store.logbook import records
from mce_exchange.store.outbox import fitting


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A Statement's bytes; a re-wrap's wrap; a Directory's member records."""

    id: int
    type: str
    statement: bytes
    wrap: bytes
    members: tuple[bytes, ...]

    @property
    def size(self) -> int:
        """Bytes in a call."""
        return len(self.statement) + len(self.wrap) + sum(map(len, self.members))


class Publishing:
    """The queue. States: `waiting`, `held` (no key is left to sign it with), `accepted`, `refused`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, statement: Statement, *, wrap: bytes = b"", members: Sequence[bytes] = ()) -> None:
        """Queue."""
        self._database.touch(News.STATEMENTS)
        self._database.run(
            "INSERT INTO publishing (type, statement, wrap, members) VALUES (?, ?, ?, ?)",
            statement.type,
            statement.raw,
            wrap,
            msgpack.packb(list(members)),
        )

    def put_delivered(self, about: Sequence[About]) -> None:
        """Note what is acknowledged: durable like the rest, and signed by `sign_delivered`."""
        self._database.touch(News.STATEMENTS)
        for one in about:
            self._database.run(
                "INSERT INTO unsigned (header_id, log_index, position) VALUES (?, ?, ?)",
                one.header_id,
                one.index,
                one.position,
            )

    def sign_delivered(self, sign: Callable[[Sequence[About]], Statement]) -> None:
        """Queue one Statement a sender for what was acknowledged since the last, in one transaction.

        All of a Statement's parties read all of it, and no sender is to learn of another's messages.
        """
        # The cross join keeps to this order: from the other side it would walk every message of the home.
        found = self._database.rows(
            "SELECT u.header_id, u.log_index, u.position, u.id, m.sender FROM unsigned u"
            " CROSS JOIN message m ON m.header_id = u.header_id AND m.outgoing = 0 ORDER BY u.id LIMIT ?",
            limits.ACK_ITEMS,
        )
        if found:
            by_sender: dict[str, list[About]] = {}
            for header_id, index, position, _, sender in found:
                about = About(header_id=header_id, index=index, position=position)
                by_sender.setdefault(sender, []).append(about)
            with self._database.write():
                for one in by_sender.values():
                    self.put(sign(one))
                self._database.run("DELETE FROM unsigned WHERE id <= ?", found[-1][3])

    def empty(self) -> bool:
        """Whether nothing waits to be signed or published."""
        waiting = self._database.value("SELECT 1 FROM publishing WHERE state = 'waiting' LIMIT 1")
        return not (waiting or self._database.value("SELECT 1 FROM unsigned LIMIT 1"))

    def waiting(self, limit: int, *, skip: Container[object] = ()) -> list[Queued]:
        """The oldest that have no answer yet, are not in `skip`, and one call takes."""
        with closing(
            self._database.each(
                "SELECT id, type, statement, wrap, members FROM publishing WHERE state = 'waiting'"
                " ORDER BY id"
            )
        ) as rows:
            return fitting(
                (
                    Queued(id=r[0], type=r[1], statement=r[2], wrap=r[3], members=records(r[4]))
                    for r in rows
                    if r[0] not in skip
                ),
                limit,
            )

    def unanswered(self, *, held: bool) -> list[Queued]:
        """What waits; with `held`, also what could be logged if another key signed it."""
        rows = self._database.rows(
            "SELECT id, type, statement, wrap, members FROM publishing WHERE state = 'waiting' OR (? AND"
            " (state = 'held' OR (state = 'refused' AND reason = 'bad_signature'))) ORDER BY id",
            held,
        )
        return [Queued(id=r[0], type=r[1], statement=r[2], wrap=r[3], members=records(r[4])) for r in rows]

    def waits(self, queued: Queued) -> bool:
        """Whether just these bytes still wait for an answer."""
        return bool(
            self._database.value(
                "SELECT 1 FROM publishing WHERE id = ? AND state = 'waiting' AND statement = ?",
                queued.id,
                queued.statement,
            )
        )

    def replace(self, id_: int, statement: Statement) -> None:
        """The same, signed anew."""
        self._database.touch(News.STATEMENTS)
        self._database.run(
            "UPDATE publishing SET state = 'waiting', reason = '', statement = ? WHERE id = ?",
            statement.raw,
            id_,
        )

    def hold(self, id_: int) -> None:
        """It is not sent before it is signed anew."""
        self._database.run("UPDATE publishing SET state = 'held', reason = '' WHERE id = ?", id_)

    def unseen(self, type_: str, log_size: int) -> list[bytes]:
        """Statements of one type that wait, or stand in the log above what has been followed."""
        rows = self._database.rows(
            "SELECT statement FROM publishing WHERE type = ? AND"
            " (state IN ('waiting', 'held') OR (state = 'accepted' AND log_index >= ?))",
            type_,
            log_size,
        )
        return [bytes(row[0]) for row in rows]

    def revocations(self) -> list[bytes]:
        """Every one that this home made or took from a file, logged or not."""
        rows = self._database.rows("SELECT statement FROM publishing WHERE type = 'revocation' ORDER BY id")
        return [bytes(row[0]) for row in rows]

    def made(self, statement: bytes, log_index: int) -> bool:
        """Whether this home made these very bytes, which stand at a log index."""
        return bool(
            self._database.value(
                "SELECT 1 FROM publishing WHERE log_index = ?1 AND statement = ?2"
                " UNION SELECT 1 FROM publishing WHERE state = 'waiting' AND statement = ?2",
                log_index,
                statement,
            )
        )

    def accepted(self, id_: int, *, log_index: int, receipt: bytes, at: int) -> None:
        """It stands in the log, by a verified receipt, as of a POSIX time."""
        self._database.touch(News.SENT)
        self._database.run(
            "UPDATE publishing SET state = 'accepted', log_index = ?, receipt = ?, logged_at = ?"
            " WHERE id = ?",
            log_index,
            receipt,
            at,
            id_,
        )

    def withdraw(self, type_: str) -> None:
        """Forget what waits of one type."""
        self._database.run("DELETE FROM publishing WHERE type = ? AND state = 'waiting'", type_)

    def refused(self, id_: int, *, reason: str) -> None:
        """The relay will never take it."""
        self._database.touch(News.SENT)
        self._database.run("UPDATE publishing SET state = 'refused', reason = ? WHERE id = ?", reason, id_)
