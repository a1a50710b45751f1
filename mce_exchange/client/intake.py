"""What the log brings, taken into the home: one transaction a batch, each message once.

Runs on the home's thread. Order within a batch is the log's; every answer we owe is queued in the
same transaction, so a crash leaves both the message and its answer, or neither (promise 10).
"""

from collections.abc import Callable, Mapping
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.client.identity import Identity
from mce_exchange.directory.authority import Signed, authenticate
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ForkError, LogError, ProtocolError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers, rewrap
from mce_exchange.hotline.answers import About
from mce_exchange.hotline.follow import Batch, Follower, Given, Step
from mce_exchange.hotline.receiving import Arrived, Refusal, judge, open_arrived
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing import Opened
from mce_exchange.sealing import rewrap as wrap_again
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.body import Body
from mce_exchange.store.home import Home
from mce_exchange.store.logbook import Logged
from mce_exchange.v1 import statement_pb2

_UNDELIVERABLE: Final = {
    statement_pb2.UNDELIVERABLE_CODE_SUSPENDED: "suspended",
    statement_pb2.UNDELIVERABLE_CODE_LEFT: "left",
    statement_pb2.UNDELIVERABLE_CODE_UNKNOWN_MEMBER: "unknown member",
    statement_pb2.UNDELIVERABLE_CODE_MAILBOX_FULL: "mailbox full",
    statement_pb2.UNDELIVERABLE_CODE_NO_PREKEY: "no prekey",
}


class Intake:
    """Takes batches; `check` raises `CaseError` for content that is no valid case message."""

    def __init__(
        self,
        home: Home,
        identity: Identity,
        follower: Follower,
        *,
        clock: Callable[[], float],
        check: Callable[[bytes], None],
    ) -> None:
        self._home = home
        self._identity = identity
        self._me = identity.member
        self._follower = follower
        self._clock = clock
        self._check = check
        self._claims: list[tuple[str, int, bytes]] = []
        self._private: Mapping[str, Callable[[Given, Signed, PublicState], None]] = {
            "delivered": self._answered,
            "refused": self._answered,
            "undeliverable": self._undeliverable,
            "overdue": self._overdue,
            "void": self._void,
            "high-water": self._high_water,
            "re-wrap": self._rewrapped,
            "erasure": self._erased,
        }

    def take(self, batch: Batch) -> bool:
        """Verify, commit, go on; whether a message is new here. Raises `LogError` and raises its alarm."""
        try:
            taken = self._follower.take(batch)
        except LogError as error:
            with self._home.database.write():
                kind = Alarm.FORK if isinstance(error, ForkError) else Alarm.INVALID_ENTRY
                self._alarm(kind, f"log {batch.first_index}", str(error))
            raise
        with self._home.database.write():
            before = self._home.database.value("SELECT count(*) FROM message WHERE outgoing = 0")
            self._home.logbook.append(batch.first_index, batch.entries)
            self._home.logbook.put_checkpoint(taken.checkpoint.size, batch.checkpoint)
            for step in taken.steps:
                self._step(step)
            after = self._home.database.value("SELECT count(*) FROM message WHERE outgoing = 0")
        self._follower.commit(taken)
        self._compare_views()
        return bool(after != before)

    def _compare_views(self) -> None:
        """What peers say they saw of the log, against the log as we followed it (promise 6)."""
        claims, self._claims = self._claims, []
        for peer, size, root in claims:
            if not equal(self._follower.tree.root(size), root):
                text = (
                    f"the relay has shown {peer} another log of {size} entries than us: compare by telephone"
                )
                with self._home.database.write():
                    self._alarm(Alarm.FORK, f"{peer} {size}", text)

    def _step(self, step: Step) -> None:
        given = step.given
        if step.error is not None:
            self._alarm(Alarm.INVALID_ENTRY, f"log {given.index}", f"passed over: {step.error}")
            return
        if step.public:
            self._keep(given)
            if given.index:
                self._own_name(given, step)
            return
        try:
            decoded = statements.decode(given.statement)
            if decoded.type == statements.HEADER:
                self._header(given, step.after)
            else:
                signed = authenticate(decoded, state=step.after, index=given.index)
                self._private[decoded.type](given, signed, step.after)
        except ProtocolError as error:
            # Logged is not valid: what does not hold is nobody's message, and halts nobody.
            self._alarm(Alarm.INVALID_MESSAGE, f"log {given.index}", str(error))

    # Public Statements.

    def _own_name(self, given: Given, step: Step) -> None:
        """Promise 7: a member sees every change in its own name that it did not make."""
        decoded = statements.decode(given.statement)
        if decoded.type == statements.DIRECTORY:
            mine = [state.directory.members.get(self._me) for state in (step.before, step.after)]
            if mine[0] != mine[1]:
                self._alarm(
                    Alarm.KEY_CHANGE,
                    f"log {given.index}",
                    f"Directory version {step.after.directory.version} changes this member's own entry",
                )
            return
        named = getattr(statements.BODIES[decoded.type].FromString(decoded.body), "member", "")
        ours = self._home.database.value("SELECT 1 FROM publishing WHERE statement = ?", given.statement)
        if named == self._me and not ours:
            text = f"a {decoded.type} Statement in this member's name that this home did not make"
            self._alarm(Alarm.KEY_CHANGE, f"log {given.index}", text)

    # Headers.

    def _header(self, given: Given, state: PublicState) -> None:
        decoded = statements.decode(given.statement)
        if decoded.signers and self._is_mine(decoded, state):
            self._keep(given, decoded.id(self._identity.network_id))
            return
        arrived = judge(given.statement, state=state, index=given.index, me=self._me)
        self._keep(given, arrived.header_id)
        now = int(self._clock())
        known = self._home.inbox.number_id(arrived.sender, arrived.sequence)
        if known == arrived.header_id:
            self._alarm(Alarm.REPLAY, arrived.header_id.hex(), f"{arrived.sender}'s message came again")
            return
        if known is not None:
            text = f"number {arrived.sequence} of {arrived.sender} has another message already"
            self._alarm(Alarm.NUMBER_USED, arrived.header_id.hex(), text)
            self._settle(given, arrived, Refusal.NUMBER_USED)
            return
        self._compare_previous(arrived)
        if arrived.strange_directory:
            version = arrived.header.core.directory_version
            text = f"{arrived.sender} follows a Directory version {version} that our log does not have"
            self._alarm(Alarm.FORK, arrived.header_id.hex(), text)
        self._home.inbox.use_number(arrived.sender, arrived.sequence, arrived.header_id, now=now)
        if arrived.disputed:
            self._alarm(
                Alarm.KEY_CHANGE, arrived.header_id.hex(), f"a disputed key of {arrived.sender} signed"
            )
        result = open_arrived(
            arrived,
            wrap=given.wrap,
            payload=given.payload,
            prekey=self._home.secrets.prekey,
            check=self._check,
        )
        self._settle(given, arrived, result)

    def _is_mine(self, decoded: statements.Statement, state: PublicState) -> bool:
        holder = state.holder(decoded.signers[0])
        return holder is not None and holder.id == self._me

    def _compare_previous(self, arrived: Arrived) -> None:
        recipient = arrived.header.core.recipients[arrived.position]
        before = self._home.inbox.number_id(arrived.sender, recipient.sequence - 1)
        if before is not None and before != recipient.previous_id:
            text = f"{arrived.sender} names another message for number {recipient.sequence - 1} than we hold"
            self._alarm(Alarm.FORK, arrived.header_id.hex(), text)

    def _settle(self, given: Given, arrived: Arrived, result: Opened | Refusal) -> None:
        """Store the message with its answer's Statement, if it needs one now."""
        refusal = result if isinstance(result, Refusal) else None
        if refusal is None:
            state = "fetching" if len(arrived.header.core.streams) > 1 else "ready"
        else:
            state = "refused" if refusal.final else "locked"
        self._home.inbox.put(
            header_id=arrived.header_id,
            sender=arrived.sender,
            state=state,
            statement=given.statement,
            payload=given.payload if state == "locked" else b"",
            body=body_of(result) if isinstance(result, Opened) else None,
            log_index=arrived.index,
            reason=refusal.name.lower() if refusal else "",
            at=int(self._clock()),
        )
        if refusal:
            self._refuse(arrived, refusal)

    def _refuse(self, arrived: Arrived, refusal: Refusal) -> None:
        about = About(header_id=arrived.header_id, index=arrived.index, position=arrived.position)
        self._home.publishing.put(answers.refused(self._identity.author, about, refusal))
        text = f"a message of {arrived.sender} was refused: {refusal.name.lower().replace('_', ' ')}"
        self._alarm(Alarm.REFUSED, arrived.header_id.hex(), text)

    def _rewrapped(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = _as(statement_pb2.ReWrap, signed)
        self._keep(given, body.header_id)
        held = self._home.inbox.find(body.header_id)
        if held is None or held.state != "locked" or signed.author != held.sender:
            return
        arrived = judge(held.statement, state=state, index=held.log_index, me=self._me)
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
            ready = "fetching" if len(arrived.header.core.streams) > 1 else "ready"
            self._home.inbox.unlock(body.header_id, state=ready, body=body_of(result))
        elif result.final:
            self._home.inbox.move(body.header_id, state="refused", reason=result.name.lower())
            self._refuse(arrived, result)

    # Statements about messages of ours, or from a peer.

    def _answered(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = signed.body
        found: list[tuple[bytes, int, int, Refusal | None]]
        if isinstance(body, statement_pb2.Delivered):
            found = [(item.header_id, item.index, item.recipient_index, None) for item in body.items]
        else:
            items = _as(statement_pb2.Refused, signed).items
            found = [(i.header_id, i.index, i.recipient_index, Refusal(i.code)) for i in items]
        for header_id, index, position, refusal in found:
            status = f"refused:{refusal.name.lower()}" if refusal else "delivered"
            sent = self._home.outbox.find(header_id)
            if sent is None or position >= len(sent.deliveries) or sent.log_index not in (None, index):
                continue
            # Nobody answers for another: the relay cannot make a hotline's acknowledgement (threat R5).
            if sent.deliveries[position].member != signed.author:
                text = f"{signed.author} answers for {sent.deliveries[position].member}"
                self._alarm(Alarm.INVALID_MESSAGE, f"log {given.index}", text)
                continue
            self._keep(given, header_id)
            self._home.outbox.delivery(header_id, position, status=status, log_index=given.index)
            if refusal is Refusal.PREKEY_NOT_HELD:
                self._wrap_again(header_id, position, index, state)
            elif refusal:
                self._alarm(Alarm.REFUSED, f"{header_id.hex()} {signed.author}", f"{signed.author} {status}")

    def _wrap_again(self, header_id: bytes, position: int, index: int, state: PublicState) -> None:
        sent = self._home.outbox.find(header_id)
        if sent is None:
            return
        member = sent.deliveries[position].member
        header = read_header(statements.decode(sent.statement))
        prekey = rewrap.target(state, member, header_index=index, prekey_id=header.wraps[position].prekey_id)
        if prekey is None or not self._home.outbox.rewrapped(header_id, position):
            text = (
                f"{member} cannot open a message and no key that it had then is left: telephone, send again"
            )
            self._alarm(Alarm.ASKS_A_PERSON, f"{header_id.hex()} {member}", text)
            return
        signed, wrap = wrap_again(
            header,
            header_id=header_id,
            recipient_index=position,
            content_key=self._home.outbox.body(header_id).content_key,
            prekey_id=prekey.id,
            prekey=prekey.public_key,
            network_id=self._identity.network_id,
            keys=self._identity.author.keys,
        )
        self._home.publishing.put(signed, wrap=wrap)

    def _undeliverable(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = _as(statement_pb2.Undeliverable, signed)
        code = _UNDELIVERABLE[body.code]
        self._keep(given, body.header_id)
        sent = self._home.outbox.find(body.header_id)
        for position, delivery in enumerate(sent.deliveries if sent else ()):
            if delivery.member == body.recipient:
                self._home.outbox.delivery(
                    body.header_id, position, status=f"undeliverable:{code}", log_index=given.index
                )
        text = f"{body.recipient} was not served: {code}"
        self._alarm(Alarm.UNDELIVERABLE, f"{body.header_id.hex()} {body.recipient}", text)

    def _overdue(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = _as(statement_pb2.Overdue, signed)
        self._keep(given, body.header_id)
        text = f"no answer of {body.recipient} was in the log at its deadline: telephone"
        self._alarm(Alarm.OVERDUE, f"{body.header_id.hex()} {body.recipient}", text)

    def _void(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = _as(statement_pb2.Void, signed)
        if body.recipient != self._me:
            return
        self._keep(given)
        id_ = signed.statement.id(self._identity.network_id)
        # Of header and void the first logged wins: a number that has a message keeps it.
        if self._home.inbox.number_id(body.sender, body.sequence) is None:
            self._home.inbox.use_number(body.sender, body.sequence, id_, now=int(self._clock()))

    def _high_water(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = _as(statement_pb2.HighWater, signed)
        if body.recipient != self._me:
            return
        self._keep(given)
        self._claims.append((body.sender, body.log_size, body.log_root))
        if self._home.inbox.number_id(body.sender, body.sequence) is None:
            text = f"{body.sender} has sent number {body.sequence}, which has not come"
            self._alarm(Alarm.GAP, f"{body.sender} {body.sequence}", text)

    def _erased(self, given: Given, signed: Signed, state: PublicState) -> None:
        body = _as(statement_pb2.Erasure, signed)
        self._keep(given, *body.header_ids)

    def _keep(self, given: Given, *about: bytes) -> None:
        type_ = statements.decode(given.statement).type
        self._home.logbook.put_statement(
            Logged(index=given.index, type=type_, raw=given.statement, members=given.members), about=about
        )

    def _alarm(self, kind: Alarm, about: str, text: str) -> None:
        self._home.alarms.put(kind, about=about, text=text, at=int(self._clock()))


def body_of(opened: Opened) -> Body:
    """What a recipient keeps."""
    return Body(
        content=opened.content,
        attachments=opened.attachments,
        secrets=opened.secrets,
    )


def _as(kind: type[statements.M], signed: Signed) -> statements.M:
    """The body as its type's message: the Statement's type decides, and it has been verified."""
    return statements.body(signed.statement, kind)
