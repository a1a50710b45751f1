"""What the log says about messages of ours: that they are logged, answered, undeliverable, overdue."""

from mce_exchange import statement as statements
from mce_exchange.client.record import Record
from mce_exchange.directory.authority import Signed, authenticate
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import StoreError
from mce_exchange.header import read_header
from mce_exchange.hotline import rewrap
from mce_exchange.hotline.follow import Given
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.sealing import rewrap as wrap_again
from mce_exchange.store import receipts
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Sent
from mce_exchange.v1 import statement_pb2

_ERASE = "restored: `mce erase` it again, or telephone the federation if nobody here did"
_UNDELIVERABLE = {
    statement_pb2.UNDELIVERABLE_CODE_SUSPENDED: "suspended",
    statement_pb2.UNDELIVERABLE_CODE_LEFT: "left",
    statement_pb2.UNDELIVERABLE_CODE_UNKNOWN_MEMBER: "unknown member",
    statement_pb2.UNDELIVERABLE_CODE_MAILBOX_FULL: "mailbox full",
    statement_pb2.UNDELIVERABLE_CODE_NO_PREKEY: "no prekey",
}


class Replies:
    """Statements about what we sent."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._home = record.home

    def own_header(self, given: Given, state: PublicState) -> None:
        """A header of ours, in the log: better than any receipt, and what a restored home starts from.

        Raises `ProtocolError` for one that does not hold, which is nobody's message.
        """
        record = self._record
        decoded = statements.decode(given.statement)
        authenticate(decoded, state=state, index=given.index)
        core, id_ = read_header(decoded).core, decoded.id(record.identity.network_id)
        again = any(one.type == statements.HEADER for one in self._home.logbook.about(id_))
        record.keep(given, id_)
        if again:
            # What counted once counts no more (SPEC section 4.1): answers name the first entry.
            record.alarm(
                Alarm.REPLAY, id_.hex(), f"a message of ours was logged again, as entry {given.index}"
            )
            return
        # The log's numbers stand above ours: a restored home goes on behind them (threat H9).
        for one in core.recipients:
            self._home.numbers.give(one.member, one.sequence, id_)
        sent = self._home.outbox.find(id_)
        if sent is None:
            self._home.outbox.elsewhere(id_, core, statement=given.statement, log_index=given.index)
            text = f"a message in this member's name that this home does not know, of {record.who_else}"
            record.not_ours(state, f"log {given.index}", text)
            return
        if sent.state == "failed":
            record.alarm(Alarm.NOT_ACCEPTED, f"{id_.hex()} logged", "the relay refused it and logged it")
        self._logged(sent, given)

    def _logged(self, sent: Sent, given: Given) -> None:
        if sent.state == "elsewhere" or (sent.state == "accepted" and sent.log_index == given.index):
            return
        if sent.state == "accepted" and sent.receipt:
            receipt = receipts.decode(sent.receipt)
            text = f"a receipt says entry {receipt.index}, the log has this message at {given.index}"
            self._record.alarm(Alarm.FORK, sent.header_id.hex(), text, notes=[receipt.checkpoint])
        self._home.outbox.logged(
            sent.header_id, statement=given.statement, log_index=given.index, at=self._record.now
        )

    def own_void(self, given: Given, signed: Signed) -> None:
        """A number that we burned; news for a restored home only."""
        body = statements.body(signed.statement, statement_pb2.Void)
        if body.annulled_id in self._home.outbox.awaiting():
            # Rejected by the home that this one was made from: nobody approves it here.
            self._home.outbox.failed(body.annulled_id, reason="rejected")
        id_ = body.annulled_id or signed.statement.id(self._record.identity.network_id)
        self._claimed(body.recipient, body.sequence, id_)

    def own_mark(self, given: Given, signed: Signed) -> None:
        """A high-water of ours: a number that it names is used, though its message were withheld."""
        body = statements.body(signed.statement, statement_pb2.HighWater)
        if self._claimed(body.recipient, body.sequence, body.header_id):
            text = f"our mark names number {body.sequence} to {body.recipient}, whose message the relay hides"
            self._record.alarm(Alarm.GAP, f"{body.recipient} {body.sequence} own", text)

    def _claimed(self, peer: str, sequence: int, id_: bytes) -> bool:
        """Give a number to what the log names for it, unless it has named something; whether that is news."""
        held = self._home.numbers.given(peer, sequence)
        if held == id_ or (held is not None and not self._home.overtaken.waits(held)):
            return False
        self._home.numbers.give(peer, sequence, id_)
        return True

    def answered(self, given: Given, signed: Signed, state: PublicState) -> None:
        """`delivered` and `refused`, for each message named."""
        if signed.author == self._record.me:
            self._own_answers(given, signed, state)
            return
        for header_id, index, position, refusal in _items(signed):
            sent = self._home.outbox.find(header_id)
            # Our own header stands below every answer to it, so its index is known here.
            if sent is None or position >= len(sent.deliveries) or sent.log_index != index:
                continue
            # Nobody answers for another: the relay cannot make a hotline's acknowledgement (threat R5).
            member = sent.deliveries[position].member
            if member != signed.author:
                text = f"{signed.author} answers for {member}"
                self._record.alarm(Alarm.INVALID_MESSAGE, f"log {given.index}", text)
                continue
            status = f"refused:{refusal.name.lower()}" if refusal else "delivered"
            if not self._home.outbox.delivery(header_id, position, status=status, log_index=given.index):
                continue
            if refusal is Refusal.PREKEY_NOT_HELD:
                self._wrap_again(sent, position, index, state)
            elif refusal:
                self._record.alarm(Alarm.REFUSED, f"{header_id.hex()} {member}", f"{member} {status}")

    def _own_answers(self, given: Given, signed: Signed, state: PublicState) -> None:
        """Ours, by this home; or by a home that this one was restored from; or by a thief."""
        made = self._home.publishing.made(given.statement, given.index)
        if not made:
            text = f"an answer in this member's name that this home did not make, but {self._record.who_else}"
            self._record.not_ours(state, f"log {given.index}", text)
        for header_id, _, _, refusal in _items(signed):
            held = self._home.inbox.find(header_id)
            # What is here whole is given all the same; what does not open here was answered where it did.
            final = refusal is None or refusal.final
            if not made and held is not None and held.state in ("missing", "locked") and final:
                kind = "refused" if refusal else "acknowledged"
                self._home.inbox.move(header_id, state=kind, reason=refusal.name.lower() if refusal else "")

    def _wrap_again(self, sent: Sent, position: int, index: int, state: PublicState) -> None:
        """Once, by itself, to a key from before the message; anything else asks a person."""
        home, identity = self._home, self._record.identity
        member = sent.deliveries[position].member
        header = read_header(statements.decode(sent.statement))
        prekey = rewrap.target(state, member, header_index=index, prekey_id=header.wraps[position].prekey_id)
        try:
            content_key = home.outbox.body(sent.header_id).content_key
        except StoreError:
            content_key = b""
        if prekey is None or not content_key or not home.outbox.rewrapped(sent.header_id, position):
            self._ask(sent, position, state)
            return
        signed, wrap = wrap_again(
            header,
            header_id=sent.header_id,
            recipient_index=position,
            content_key=content_key,
            prekey_id=prekey.id,
            prekey=prekey.public_key,
            network_id=identity.network_id,
            keys=identity.author.keys,
        )
        home.publishing.put(signed, wrap=wrap)

    def _ask(self, sent: Sent, position: int, state: PublicState) -> None:
        """A prekey from after the message may be a thief's: only who has telephoned can know."""
        member, newest = sent.deliveries[position].member, state.prekey(sent.deliveries[position].member)
        self._home.questions.put(
            sent.header_id,
            position,
            member=member,
            prekey_id=newest.id if newest else b"",
            at=self._record.now,
        )
        text = (
            f"{member} cannot open a message and no key that it had then is left: telephone; `mce questions`"
        )
        self._record.alarm(Alarm.ASKS_A_PERSON, f"{sent.header_id.hex()} {member}", text)

    def undeliverable(self, given: Given, signed: Signed, state: PublicState) -> None:
        """The relay could not serve a recipient; the number is filled."""
        body = statements.body(signed.statement, statement_pb2.Undeliverable)
        code = _UNDELIVERABLE[body.code]
        sent = self._home.outbox.find(body.header_id)
        for position, delivery in enumerate(sent.deliveries if sent else ()):
            if delivery.member == body.recipient:
                self._home.outbox.delivery(
                    body.header_id, position, status=f"undeliverable:{code}", log_index=given.index
                )
        if sent or body.recipient == self._record.me:
            text = f"{body.recipient} was not served: {code}"
            self._record.alarm(Alarm.UNDELIVERABLE, f"{body.header_id.hex()} {body.recipient}", text)

    def overdue(self, given: Given, signed: Signed, state: PublicState) -> None:
        """The relay says that nothing was answered in time; an earlier answer in the log refutes it."""
        body = statements.body(signed.statement, statement_pb2.Overdue)
        sent = self._home.outbox.find(body.header_id)
        about = f"{body.header_id.hex()} {body.recipient}"
        size = state.open_anchor(body.anchor).checkpoint.size
        for one in sent.deliveries if sent else ():
            if one.member == body.recipient and one.final and (one.log_index or 0) < size:
                text = f"the relay calls {body.recipient} overdue, whose answer is entry {one.log_index}"
                self._record.alarm(Alarm.INVALID_MESSAGE, about, text)
                return
        if body.recipient == self._record.me and (index := self._answer_below(body.header_id, size)):
            text = f"the relay calls us overdue, whose answer is entry {index}"
            self._record.alarm(Alarm.INVALID_MESSAGE, about, text)
        elif sent or body.recipient == self._record.me:
            text = f"no answer of {body.recipient} was in the log at its deadline: telephone"
            self._record.alarm(Alarm.OVERDUE, about, text)

    def _answer_below(self, header_id: bytes, size: int) -> int:
        """The entry of our own final answer to a message, if it is below a tree size; else 0."""
        for one in self._home.logbook.about(header_id):
            raw = statements.decode(one.raw).body
            said: statement_pb2.Delivered | statement_pb2.Refused
            if one.type == "delivered":
                said, final = statement_pb2.Delivered.FromString(raw), True
            elif one.type == "refused":
                said = statement_pb2.Refused.FromString(raw)
                final = any(no.header_id == header_id and Refusal(no.code).final for no in said.items)
            else:
                continue
            if final and one.index < size and said.member == self._record.me:
                return one.index
        return 0

    def own_erasure(self, given: Given, signed: Signed, state: PublicState) -> None:
        """We, or a thief, have said that content is gone which a backup has brought back: a person judges."""
        body = statements.body(signed.statement, statement_pb2.Erasure)
        made = self._home.publishing.made(given.statement, given.index)
        if made or signed.author != self._record.me or body.what != statement_pb2.ERASED_PART_CONTENT:
            return
        for header_id in body.header_ids:
            if self._home.erasing.holds(header_id):
                text = f"this member has said that it erased a message which this home holds, {_ERASE}"
                self._record.alarm(Alarm.NOT_ERASED, f"{header_id.hex()} own", text)


def _items(signed: Signed) -> list[tuple[bytes, int, int, Refusal | None]]:
    if isinstance(signed.body, statement_pb2.Delivered):
        return [(one.header_id, one.index, one.recipient_index, None) for one in signed.body.items]
    items = statements.body(signed.statement, statement_pb2.Refused).items
    return [(one.header_id, one.index, one.recipient_index, Refusal(one.code)) for one in items]
