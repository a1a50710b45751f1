"""Statements of an evidence file, judged one by one: messages, what became of them, everything else.

A Statement that does not count is a fact, too: it is logged, and worth nothing.
"""

from dataclasses import dataclass, replace

from mce_exchange.audit.report import Fact, Message
from mce_exchange.audit.says import anchor_size, code_words, fact_of, invalid, is_final, undeliverable_words
from mce_exchange.directory.authority import Signed, Verdict, authenticate, later_verdict
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ContextError, MceError, ProtocolError
from mce_exchange.header import Header, read_header
from mce_exchange.statement import HEADER, Statement
from mce_exchange.v1 import statement_pb2

NOT_SHOWN = "no answer is shown"


@dataclass(slots=True)
class _Held:
    """A header that counts, and for each recipient the index of a final answer."""

    message: Message
    header: Header
    signers: tuple[bytes, ...]
    final: dict[str, int]


class Answers:
    """Collects what the Statements say; nothing of it is believed before the anchor is."""

    def __init__(self, network_id: bytes) -> None:
        self._network_id = network_id
        self._messages: dict[bytes, _Held] = {}
        self._facts: list[tuple[Fact, tuple[bytes, ...]]] = []
        self._seen: dict[bytes, int] = {}

    def header(self, header_id: bytes) -> Header:
        """A header that the file shows and that counts; `ContextError`."""
        held = self._messages.get(header_id)
        if held is None:
            raise ContextError(f"no message {header_id.hex()} is shown")
        return held.header

    def judge(self, decoded: Statement, index: int, state: PublicState) -> bool:
        """One Statement, by the state at its index; whether it counts so far."""
        id_ = decoded.id(self._network_id)
        try:
            if id_ in self._seen:
                raise ContextError(f"the same as entry {self._seen[id_]}: it counts once")
            signed = authenticate(decoded, state=state, index=index)
            header = read_header(decoded) if decoded.type == HEADER else None
        except ProtocolError as error:
            self._facts.append((invalid(decoded, index, error), ()))
            return False
        self._seen[id_] = index
        if header is not None:
            self._messages[id_] = _held(signed, header, index, id_)
        else:
            self._facts.append((fact_of(signed, index), decoded.signers))
            self._answer(signed, index)
        return True

    def passed_over(self, decoded: Statement, index: int, error: MceError) -> None:
        """The public one that `judge` has just let count does not after all, and why."""
        del self._seen[decoded.id(self._network_id)]
        self._facts[-1] = invalid(decoded, index, error), ()

    def finish(self, state: PublicState) -> tuple[tuple[Message, ...], tuple[Fact, ...]]:
        """Everything, by what the whole file shows of revocations."""
        messages = [
            replace(held.message, verdict=later_verdict(held.signers, state, held.message.index))
            for held in self._messages.values()
        ]
        facts = [
            replace(fact, verdict=later_verdict(signers, state, fact.index)) if signers else fact
            for fact, signers in self._facts
        ]
        return tuple(messages), tuple(facts)

    def _answer(self, signed: Signed, index: int) -> None:
        body = signed.body
        if isinstance(body, statement_pb2.Delivered):
            for one in body.items:
                place = (one.header_id, one.index, one.recipient_index)
                self._enter(signed, index, *place, f"delivered, entry {index}", final=True)
        elif isinstance(body, statement_pb2.Refused):
            for item in body.items:
                place = (item.header_id, item.index, item.recipient_index)
                final = is_final(item.code)
                says = f"refused ({code_words(item.code)}), entry {index}{'' if final else ', not final'}"
                self._enter(signed, index, *place, says, final=final)
        elif isinstance(body, statement_pb2.Undeliverable):
            held = self._messages.get(body.header_id)
            if held and held.message.recipients.get(body.recipient) == NOT_SHOWN:
                says = f"undeliverable ({undeliverable_words(body.code)}), entry {index}"
                held.message.recipients[body.recipient] = says
        elif isinstance(body, statement_pb2.Overdue):
            held = self._messages.get(body.header_id)
            answered = held.final.get(body.recipient) if held else None
            if answered is not None and answered < anchor_size(body.anchor):
                self._say(index, f"refuted by entry {answered}")

    def _enter(
        self,
        signed: Signed,
        index: int,
        header_id: bytes,
        header_index: int,
        position: int,
        says: str,
        *,
        final: bool,
    ) -> None:
        """An acknowledgement at the recipient it is by; another's, or of another place, is worth nothing."""
        held = self._messages.get(header_id)
        if held is None:
            return
        recipients = held.header.core.recipients
        member = recipients[position].member if position < len(recipients) else ""
        if held.message.index != header_index or member != signed.author:
            self._say(index, f"worth nothing for {header_id.hex()}: not its entry or not its recipient")
        # The first final one counts, and records come in log order.
        elif member not in held.final:
            held.message.recipients[member] = says
            if final:
                held.final[member] = index

    def _say(self, index: int, more: str) -> None:
        fact, signers = self._facts[-1]
        self._facts[-1] = replace(fact, says=f"{fact.says}; {more}"), signers


def _held(signed: Signed, header: Header, index: int, id_: bytes) -> _Held:
    message = Message(
        header_id=id_.hex(),
        index=index,
        sender=signed.author,
        verdict=Verdict.VALID,
        created_minutes=header.core.created_minutes,
        recipients={recipient.member: NOT_SHOWN for recipient in header.core.recipients},
    )
    return _Held(message, header, signed.statement.signers, {})
