"""Statements in log order, judged one by one: messages, what became of them, everything else.

A Statement that does not count is a fact, too: it is logged, and worth nothing. All of it stands in a
ledger, so memory does not grow with the file; nothing of it is believed before the anchor is.
"""

from collections.abc import Iterator
from typing import Final

from mce_exchange import limits
from mce_exchange.audit import stages
from mce_exchange.audit.ledger import Ledger, Row
from mce_exchange.audit.report import Fact, Message, Step
from mce_exchange.audit.says import anchor_size, code_words, fact_of, invalid, is_final, undeliverable_words
from mce_exchange.audit.stages import Stage
from mce_exchange.directory.authority import Signed, Verdict, authenticate, later_verdict
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ContextError, MceError, ProtocolError
from mce_exchange.header import Header, read_header
from mce_exchange.statement import HEADER, Statement
from mce_exchange.v1 import statement_pb2

NOT_SHOWN = "no answer is shown"
# Written one by one they cost more than their signatures.
_TOGETHER: Final = 256


class Answers:
    """Collects what the Statements say."""

    def __init__(self, network_id: bytes, ledger: Ledger) -> None:
        self._network_id = network_id
        self._ledger = ledger
        self._waiting: list[Row] = []

    def header(self, header_id: bytes) -> Header:
        """A header that the file shows and that counts; `ContextError`."""
        body = self._ledger.value("SELECT body FROM message WHERE id = ?", header_id)
        if body is None:
            raise ContextError(f"no message {header_id.hex()} is shown")
        return read_header(Statement(HEADER, body, ()))

    def directory(self, decoded: Statement, index: int) -> None:
        """A Directory that holds: a contest may name it."""
        self._see(decoded.id(self._network_id), index)

    def judge(self, decoded: Statement, index: int, state: PublicState) -> Signed | ProtocolError:
        """One Statement, by the state at its index: what it is if it counts so far, else why it does not."""
        id_ = decoded.id(self._network_id)
        try:
            if not self._see(id_, index):
                raise ContextError(f"the same as entry {self._entry(id_)}: it counts once")
            try:
                signed = authenticate(decoded, state=state, index=index)
                header = read_header(decoded) if decoded.type == HEADER else None
            except ProtocolError:
                self._forget(id_)
                raise
        except ProtocolError as error:
            self._put(invalid(decoded, index, error), ())
            return error
        if header is not None:
            self._message(signed, header, index, id_)
        else:
            self._put(fact_of(signed, index), decoded.signers)
            self._answer(signed, index)
        return signed

    def passed_over(self, decoded: Statement, index: int, error: MceError) -> None:
        """The public one that `judge` has just let count does not after all, and why."""
        self._forget(decoded.id(self._network_id))
        self._put(invalid(decoded, index, error), ())

    def counts(self, signed: Signed, index: int) -> None:
        """A public one has taken effect: a contest is shown beside what it contests (SPEC section 8.9)."""
        if isinstance(signed.body, statement_pb2.Contest):
            entry = self._entry(signed.body.statement_id)
            self._say(
                index, "what it contests is not shown" if entry is None else f"it contests entry {entry}"
            )
            self._say(entry, f"contested by {signed.author}, entry {index}")

    def messages(self, state: PublicState) -> Iterator[Message]:
        """All that count, in log order, by what the whole file shows of revocations."""
        self.flush()
        rows = self._ledger.each("SELECT log_index, id, sender, created, signers FROM message ORDER BY 1")
        for index, id_, sender, created, signers in rows:
            places = self._ledger.each(
                "SELECT member, says FROM place WHERE log_index = ? ORDER BY position", index
            )
            yield Message(
                header_id=id_.hex(),
                index=index,
                sender=sender,
                verdict=later_verdict(_split(signers), state, index),
                created_minutes=created,
                recipients=dict(places),
                steps=tuple(self._steps(index, state)),
            )

    def facts(self, state: PublicState) -> Iterator[Fact]:
        """Everything else, likewise."""
        self.flush()
        for row in self._ledger.each(
            "SELECT log_index, type, author, verdict, says, header_id, signers FROM fact ORDER BY 1"
        ):
            yield Fact(
                index=row[0],
                type=row[1],
                author=row[2],
                verdict=_later(row, state),
                says=row[4],
                header_id=row[5],
            )

    def _steps(self, message: int, state: PublicState) -> Iterator[Step]:
        rows = self._ledger.each(
            "SELECT s.log_index, type, author, verdict, s.member, stage, signers FROM step s"
            " JOIN fact f USING (log_index) WHERE message_index = ? ORDER BY 1, 5",
            message,
        )
        for row in rows:
            yield Step(
                entry=row[0],
                stage=stages.TABLE[row[5]].name,
                event=stages.TABLE[row[5]].event,
                author=row[2],
                recipient=row[4],
                verdict=_later(row, state),
            )

    def flush(self) -> None:
        """Into the ledger what waits to be written with others: before it is read, or a transaction ends."""
        self._ledger.many("INSERT OR REPLACE INTO fact VALUES (?, ?, ?, ?, ?, ?, ?)", self._waiting)
        self._waiting.clear()

    def _see(self, id_: bytes, index: int) -> bool:
        """Whether this id is new."""
        return bool(self._ledger.run("INSERT OR IGNORE INTO seen VALUES (?, ?)", id_, index))

    def _forget(self, id_: bytes) -> None:
        self._ledger.run("DELETE FROM seen WHERE id = ?", id_)

    def _entry(self, id_: bytes) -> int | None:
        found: int | None = self._ledger.value("SELECT log_index FROM seen WHERE id = ?", id_)
        return found

    def _put(self, fact: Fact, signers: tuple[bytes, ...]) -> None:
        row = (fact.index, fact.type, fact.author, str(fact.verdict), fact.says, fact.header_id)
        self._waiting.append((*row, b"".join(signers)))
        if len(self._waiting) == _TOGETHER:
            self.flush()

    def _message(self, signed: Signed, header: Header, index: int, id_: bytes) -> None:
        core = header.core
        self._ledger.run(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?)",
            index,
            id_,
            signed.author,
            core.created_minutes,
            b"".join(signed.statement.signers),
            signed.statement.body,
        )
        self._ledger.many(
            "INSERT INTO place VALUES (?, ?, ?, ?, NULL)",
            [(index, position, one.member, NOT_SHOWN) for position, one in enumerate(core.recipients)],
        )

    def _answer(self, signed: Signed, index: int) -> None:
        body = signed.body
        if isinstance(body, statement_pb2.Delivered):
            for one in body.items:
                place = (one.header_id, one.index, one.recipient_index)
                says = f"delivered, entry {index}"
                self._enter(signed, index, *place, says, stages.DELIVERED, final=True)
        elif isinstance(body, statement_pb2.Refused):
            for item in body.items:
                place = (item.header_id, item.index, item.recipient_index)
                final = is_final(item.code)
                says = f"refused ({code_words(item.code)}), entry {index}{'' if final else ', not final'}"
                self._enter(signed, index, *place, says, stages.of_refusal(item.code), final=final)
        elif isinstance(body, statement_pb2.Undeliverable):
            says = f"undeliverable ({undeliverable_words(body.code)}), entry {index}"
            self._unserved(body.header_id, body.recipient, says)
            self._step(body.header_id, index, stages.UNDELIVERABLE, body.recipient)
        elif isinstance(body, statement_pb2.Overdue):
            answered = self._final(body.header_id, body.recipient)
            if answered is not None and answered < anchor_size(body.anchor):
                self._say(index, f"refuted by entry {answered}")
            else:
                self._step(body.header_id, index, stages.OVERDUE, body.recipient)
        elif isinstance(body, statement_pb2.Erasure):
            for header_id in body.header_ids:
                self._step(header_id, index, stages.ERASED)
        elif isinstance(body, statement_pb2.ReWrap):
            self._step(body.header_id, index, stages.REWRAPPED, sender=signed.author)

    def _enter(
        self,
        signed: Signed,
        index: int,
        header_id: bytes,
        header_index: int,
        position: int,
        says: str,
        stage: Stage,
        *,
        final: bool,
    ) -> None:
        """An acknowledgement at the recipient it is by; another's, or of another place, is worth nothing."""
        held = self._ledger.value("SELECT log_index FROM message WHERE id = ?", header_id)
        if held is None:
            return
        place = self._ledger.row(
            "SELECT member, final FROM place WHERE log_index = ? AND position = ?", held, position
        )
        if held != header_index or place is None or place[0] != signed.author:
            self._say(index, f"worth nothing for {header_id.hex()}: not its entry or not its recipient")
            return
        self._step(header_id, index, stage, signed.author)
        # The first final one counts, and records come in log order.
        if place[1] is None:
            self._ledger.run(
                "UPDATE place SET says = ?, final = ? WHERE log_index = ? AND position = ?",
                says,
                index if final else None,
                held,
                position,
            )

    def _unserved(self, header_id: bytes, member: str, says: str) -> None:
        """Shown where nothing else is."""
        self._ledger.run(
            "UPDATE place SET says = ? WHERE log_index = (SELECT log_index FROM message WHERE id = ?)"
            " AND member = ? AND says = ?",
            says,
            header_id,
            member,
            NOT_SHOWN,
        )

    def _final(self, header_id: bytes, member: str) -> int | None:
        found: int | None = self._ledger.value(
            "SELECT final FROM place JOIN message USING (log_index) WHERE id = ? AND member = ?",
            header_id,
            member,
        )
        return found

    def _step(self, header_id: bytes, index: int, stage: Stage, member: str = "", sender: str = "") -> None:
        """A stage of a message, unless it names a recipient or a sender that the header does not."""
        self._ledger.run(
            "INSERT OR IGNORE INTO step SELECT log_index, ?, ?, ? FROM message WHERE id = ?"
            " AND (? = '' OR ? IN (SELECT member FROM place WHERE place.log_index = message.log_index))"
            " AND ? IN ('', sender)",
            index,
            member,
            stages.TABLE.index(stage),
            header_id,
            member,
            member,
            sender,
        )

    def _say(self, index: int | None, more: str) -> None:
        self.flush()
        self._ledger.run("UPDATE fact SET says = says || '; ' || ? WHERE log_index = ?", more, index)


def _split(signers: bytes) -> list[bytes]:
    return [signers[at : at + limits.KEY_ID] for at in range(0, len(signers), limits.KEY_ID)]


def _later(row: Row, state: PublicState) -> Verdict:
    """What held at its index, by what is known now; row: index first, verdict fourth, signers last."""
    return later_verdict(_split(row[-1]), state, row[0]) if row[-1] else Verdict(row[3])
