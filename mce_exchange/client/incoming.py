"""What peers send us: headers judged, opened and stored once, with their answers; their order.

Every answer we owe is queued in the transaction that takes the message, so a crash leaves both or
neither (promise 10).
"""

from mce_exchange import statement as statements
from mce_exchange.client.record import Record
from mce_exchange.directory.authority import Signed
from mce_exchange.directory.model import Role
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ContextError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import About
from mce_exchange.hotline.follow import Given
from mce_exchange.hotline.receiving import Arrived, Check, Refusal, judge, open_arrived
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing import Opened
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.body import Body
from mce_exchange.v1 import statement_pb2


class Incoming:
    """Headers, re-wraps, voids and high-waters of others. `check` judges what was opened."""

    def __init__(self, record: Record, *, check: Check) -> None:
        self._record = record
        self._home = record.home
        self._check = check

    def header(self, given: Given, state: PublicState) -> None:
        """A header that is not ours."""
        record, me = self._record, self._record.me
        decoded = statements.decode(given.statement)
        if state.directory.member(me).role is Role.AUDITOR and not _is_for(me, decoded):
            # An auditor is shown every message, and is a party to none.
            record.keep(given, decoded.id(record.identity.network_id))
            return
        arrived = judge(given.statement, state=state, index=given.index, me=me)
        record.keep(given, arrived.header_id)
        if self._known(given, arrived):
            return
        self._precedence(arrived)
        if arrived.strange_directory:
            version = arrived.header.core.directory_version
            text = f"{arrived.sender} follows a Directory version {version} that our log does not have"
            record.alarm(Alarm.FORK, arrived.header_id.hex(), text)
        self._home.numbers.use(arrived.sender, arrived.sequence, arrived.header_id, now=record.now)
        self._home.numbers.heard(arrived.sender, given.index, message_at=record.now)
        if arrived.disputed:
            self._in_doubt(arrived.header_id, arrived.sender)
        self._settle(given, arrived, self._opened(given, arrived, state))

    def _in_doubt(self, header_id: bytes, sender: str) -> None:
        text = f"a disputed key of {sender} signed a message to us: telephone before you rely on it"
        self._record.alarm(Alarm.KEY_CHANGE, header_id.hex(), text)

    def revoked(self, before: PublicState, after: PublicState) -> None:
        """What came between a revocation's cut and the revocation is in doubt from now on (SPEC 8.4)."""
        for key_id, one in after.revoked.items():
            if before.revoked.get(key_id) != one:
                for header_id, sender, raw in self._home.inbox.between(one.cut, one.index):
                    if key_id in statements.decode(raw).signers:
                        self._in_doubt(header_id, sender)

    def _known(self, given: Given, arrived: Arrived) -> bool:
        """Whether this header, or another with its number, came before (threat R1)."""
        if self._home.inbox.find(arrived.header_id) is not None:
            self._record.alarm(
                Alarm.REPLAY, arrived.header_id.hex(), f"{arrived.sender}'s message came again"
            )
            return True
        known = self._home.numbers.id_of(arrived.sender, arrived.sequence)
        if known is None:
            return False
        text = f"number {arrived.sequence} of {arrived.sender} was used before, by a message or a void"
        self._record.alarm(Alarm.NUMBER_USED, arrived.header_id.hex(), text)
        self._settle(given, arrived, Refusal.NUMBER_USED)
        return True

    def _precedence(self, arrived: Arrived) -> None:
        recipient = arrived.header.core.recipients[arrived.position]
        before = recipient.sequence - 1
        if not self._home.numbers.may_precede(arrived.sender, before, recipient.previous_id):
            text = f"{arrived.sender} names another message for number {before} than we hold"
            self._record.alarm(Alarm.FORK, arrived.header_id.hex(), text)

    def _opened(self, given: Given, arrived: Arrived, state: PublicState) -> Opened | Refusal | None:
        """None if what the relay hands out is not what was signed: no refusal lays that upon the sender."""
        try:
            return open_arrived(
                arrived,
                wrap=given.wrap,
                payload=given.payload,
                prekey=self._home.secrets.prekey,
                check=self._check,
            )
        except ContextError:
            if not given.payload and self._record.older(state):
                # What the home before had taken is erased at the relay in time: told once, accusing nobody.
                text = "messages from before this home's keys are not here: ask for what is still needed"
                self._record.alarm(Alarm.UNDELIVERABLE, "before this home", text)
                return None
            how = "with other content than was signed" if given.payload else "without its content"
            text = f"a message of {arrived.sender} came {how}: telephone them, and tell the federation"
            self._record.alarm(Alarm.UNDELIVERABLE, arrived.header_id.hex(), text)
            return None

    def _settle(self, given: Given, arrived: Arrived, result: Opened | Refusal | None) -> None:
        """Store the message with its answer's Statement, if it needs one now."""
        refusal = result if isinstance(result, Refusal) else None
        state = _refused_state(refusal) if refusal else _opened_state(arrived) if result else "missing"
        self._home.inbox.put(
            header_id=arrived.header_id,
            sender=arrived.sender,
            state=state,
            statement=given.statement,
            payload=given.payload if state == "locked" else b"",
            body=_body(result) if isinstance(result, Opened) else None,
            log_index=arrived.index,
            reason=refusal.name.lower() if refusal else "",
            at=self._record.now,
            urgent=arrived.header.core.urgent,
            position=arrived.position,
            lifetime=arrived.header.core.lifetime_seconds,
        )
        if refusal:
            self._refuse(arrived, refusal)

    def _refuse(self, arrived: Arrived, refusal: Refusal) -> None:
        about = About(header_id=arrived.header_id, index=arrived.index, position=arrived.position)
        self._home.publishing.put(answers.refused(self._record.identity.author, about, refusal))
        kind = Alarm.REFUSED if refusal.final else Alarm.NO_PREKEY
        text = f"a message of {arrived.sender} was refused: {refusal.name.lower().replace('_', ' ')}"
        if refusal is Refusal.POLICY:
            text += ": it takes two persons there, and one signed; is their desk hijacked? Telephone them"
        self._record.alarm(kind, arrived.header_id.hex(), text)

    def rewrapped(self, given: Given, signed: Signed, state: PublicState) -> None:
        """Another wrap for a message that we could not open, by its sender (SPEC section 9.5)."""
        body = statements.body(signed.statement, statement_pb2.ReWrap)
        held = self._home.inbox.find(body.header_id)
        # Without its bytes there is nothing to judge: the message stays locked, and nobody refuses it.
        if held is None or held.state != "locked" or signed.author != held.sender or not given.wrap:
            return
        prekey = state.find_prekey(self._record.me, body.prekey_id)
        # A key logged after the message is a person's to say (SPEC 9.5), whatever the relay let through.
        if not body.by_person and (prekey is None or prekey.index >= held.log_index):
            raise ContextError(f"{signed.author} wraps again for a later prekey, and no person says so")
        arrived = judge(held.statement, state=state, index=held.log_index, me=self._record.me)
        if body.recipient_index != arrived.position:
            return
        result = open_arrived(
            arrived,
            wrap=given.wrap,
            payload=held.payload,
            prekey=self._home.secrets.prekey,
            check=self._check,
            rewrap=body,
        )
        if isinstance(result, Opened):
            self._home.inbox.unlock(body.header_id, state=_opened_state(arrived), body=_body(result))
        elif result.final:
            self._home.inbox.move(body.header_id, state="refused", reason=result.name.lower())
            self._refuse(arrived, result)

    def void(self, given: Given, signed: Signed, state: PublicState) -> None:
        """A number that has no message. Of header and void the first logged counts."""
        body = statements.body(signed.statement, statement_pb2.Void)
        record, id_ = self._record, signed.statement.id(self._record.identity.network_id)
        if body.recipient == record.me and self._home.numbers.id_of(body.sender, body.sequence) is None:
            self._home.numbers.use(body.sender, body.sequence, id_, now=record.now, annulled=body.annulled_id)

    def high_water(self, given: Given, signed: Signed, state: PublicState, tree: Tree) -> None:
        """A peer's daily mark: its highest number to us, and the log as it sees it (threats R2, L1)."""
        body = statements.body(signed.statement, statement_pb2.HighWater)
        record = self._record
        if body.recipient != record.me:
            return
        self._home.numbers.heard(body.sender, given.index)
        # Not above its own index, by the rules of its type.
        if not equal(tree.root(body.log_size), body.log_root):
            text = f"the relay has shown {body.sender} another log of {body.log_size} entries than us"
            record.alarm(Alarm.FORK, f"{body.sender} at {body.log_size}", f"{text}: compare by telephone")
        if self._home.numbers.id_of(body.sender, body.sequence) is None:
            text = f"{body.sender} has sent number {body.sequence}, which has not come"
            record.alarm(Alarm.GAP, f"{body.sender} {body.sequence}", text)
        elif not self._home.numbers.may_precede(body.sender, body.sequence, body.header_id):
            text = f"{body.sender} names another message for number {body.sequence} than we hold"
            record.alarm(Alarm.FORK, f"{body.sender} {body.sequence}", text)


def _is_for(member: str, decoded: statements.Statement) -> bool:
    statements.lint(decoded)
    return any(one.member == member for one in read_header(decoded).core.recipients)


def _refused_state(refusal: Refusal) -> str:
    return "refused" if refusal.final else "locked"


def _opened_state(arrived: Arrived) -> str:
    return "fetching" if len(arrived.header.core.streams) > 1 else "ready"


def _body(opened: Opened) -> Body:
    return Body(content=opened.content, attachments=opened.attachments, secrets=opened.secrets)
