"""A relay that keeps as many logs as it likes. By itself it is honest; each misdeed bends one of its acts."""

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import BinaryIO, TypeVar

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.relay import Accepted, Outcome, Told
from mce_exchange.errors import RefusedError, TransportError
from mce_exchange.header import Core, read_header
from mce_exchange.hotline.follow import Batch, Given
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued
from mce_exchange.v1 import statement_pb2
from tests.federation import RELAY_KEY, Federation
from tests.simulation.log import Held, View
from tests.simulation.misdeeds.base import Misdeed

DEADLINE = {1: 3600.0}
T = TypeVar("T")


class Relay:
    """Its views by name, and which one a member is shown: `""` is the first of all."""

    def __init__(self, federation: Federation, auditor: str, clock: Callable[[], float]) -> None:
        self.federation = federation
        self.auditor = auditor
        self.clock = clock
        first = [Held(raw) for raw in federation.raw]
        first[0].members = federation.genesis.members
        self.views = {"": View(federation.state.directory.origin, federation.network_id, first)}
        self.shown: dict[str, str] = {}
        self.misdeeds: list[Misdeed] = []
        self.numbers: dict[tuple[str, str, str, int], bytes] = {}
        self.answered: dict[tuple[str, bytes], set[str]] = {}
        self.waiting: dict[tuple[str, bytes], tuple[Core, float]] = {}

    @property
    def now(self) -> int:
        return int(self.clock())

    def view(self, member: str) -> View:
        return self.views[self.shown.get(member, "")]

    def fork(self, member: str) -> None:
        """Show one member another log from now on."""
        self.views["other"] = self.view(member).fork()
        self.shown[member] = "other"

    def log(self, held: Held, name: str = "") -> int:
        """Append to one view, whatever it is."""
        index = self.views[name].append(held)
        decoded = statements.decode(held.statement)
        if decoded.type == statements.HEADER and held.by:
            core, id_ = read_header(decoded).core, decoded.id(self.federation.network_id)
            for one in core.recipients:
                self.numbers.setdefault((name, core.sender, one.member, one.sequence), id_)
            self.waiting[name, id_] = core, self.clock()
        elif decoded.type in ("delivered", "refused"):
            body = statements.BODIES[decoded.type].FromString(decoded.body)
            assert isinstance(body, statement_pb2.Delivered | statement_pb2.Refused)
            for item in body.items:
                self.answered.setdefault((name, item.header_id), set()).add(body.member)
        return index

    def accept(self, member: str, held: Held) -> Outcome:
        """What a member hands in, into the view that it is shown."""
        name, view = self.shown.get(member, ""), self.view(member)
        decoded = statements.decode(held.statement)
        index = view.known.get(decoded.id(self.federation.network_id))
        if index is None:
            for misdeed in self.misdeeds:
                if outcome := misdeed.takes(member, held):
                    return outcome
            if decoded.type == statements.HEADER and self._used(name, decoded):
                return RefusedError("this number is used", reason="sequence_used")
            held.by, held.at = member, self.clock()
            index = self.log(held, name)
        return Accepted(view.receipt(index), view.held[index].statement)

    def _used(self, name: str, decoded: statements.Statement) -> bool:
        core, id_ = read_header(decoded).core, decoded.id(self.federation.network_id)
        keys = [(name, core.sender, one.member, one.sequence) for one in core.recipients]
        return any(self.numbers.get(key, id_) != id_ for key in keys)

    def header(self, statement: bytes, wraps: Sequence[bytes], payload: bytes) -> Held:
        """A message as the relay holds it."""
        core = read_header(statements.decode(statement)).core
        given = {r.member: wrap for r, wrap in zip(core.recipients, wraps, strict=True)}
        return Held(statement, frozenset({core.sender, *given}), given, payload)

    def about(self, member: str, queued: Queued) -> Held:
        """Another Statement, for the parties of what it speaks of."""
        decoded = statements.decode(queued.statement)
        body = statements.BODIES[decoded.type].FromString(decoded.body)
        if decoded.public:
            return Held(queued.statement, None, members=queued.members)
        if isinstance(body, statement_pb2.Void | statement_pb2.HighWater):
            return Held(queued.statement, frozenset({body.sender, body.recipient}))
        items = body.items if isinstance(body, statement_pb2.Delivered | statement_pb2.Refused) else [body]
        ids = [getattr(item, "header_id", b"") for item in items]
        return Held(queued.statement, self.parties(member, ids))

    def parties(self, member: str, ids: Sequence[bytes]) -> frozenset[str]:
        """Of these messages, as far as one member's view has them."""
        view = self.view(member)
        found = [view.held[view.known[id_]].parties or () for id_ in ids if id_ in view.known]
        return frozenset(one for parties in found for one in parties)

    def sweep(self) -> None:
        """Deadlines, and the next anchors."""
        for (name, id_), (core, at) in list(self.waiting.items()):
            seconds = DEADLINE.get(core.deadline_class)
            if seconds is None or self.clock() < at + seconds:
                continue
            if any(misdeed.hides_deadlines for misdeed in self.misdeeds):
                continue
            del self.waiting[name, id_]
            late = {one.member for one in core.recipients} - self.answered.get((name, id_), set())
            for member in sorted(late):
                self.log(self.overdue(name, id_, member), name)
        for view in self.views.values():
            view.freeze(self.now)

    def overdue(self, name: str, header_id: bytes, member: str) -> Held:
        """That nothing of this recipient stands in the newest anchor's tree."""
        view = self.views[name]
        body = statement_pb2.Overdue(
            signers=[RELAY_KEY.public.id],
            header_id=header_id,
            recipient=member,
            anchor=view.anchors[-1].note,
        )
        signed = self.federation.sign("overdue", body.SerializeToString(deterministic=True), RELAY_KEY)
        return Held(signed.raw, view.held[view.known[header_id]].parties)


class Door:
    """A member's connection: the `Relay` of its node."""

    def __init__(self, relay: Relay, member: str) -> None:
        self.relay = relay
        self.member = member

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [
            self.relay.accept(self.member, self.relay.header(one.statement, one.wraps, one.payload))
            for one in messages
        ]

    async def publish(self, queued: Sequence[Queued]) -> list[Outcome]:
        return [self.relay.accept(self.member, self.relay.about(self.member, one)) for one in queued]

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        """What there is; then the stream ends."""
        while (batch := self._batch(from_index)) is not None:
            yield batch
            from_index += len(batch.entries) // limits.LOG_ENTRY

    def _batch(self, first: int) -> Batch | None:
        view = self.relay.view(self.member)
        if first >= view.size:
            return None
        # What a misdeed logs meanwhile comes in the next batch.
        held = view.held[first:]
        given = [self._given(index, one) for index, one in enumerate(held, first) if self._sees(one)]
        end = first + len(held)
        batch = Batch(
            first_index=first,
            entries=b"".join(one.entry.encode() for one in held),
            statements=tuple(given),
            checkpoint=view.checkpoint(end),
            consistency=(),
        )
        return self._bent(batch, lambda misdeed, one: misdeed.batch(self.member, one))

    def _sees(self, held: Held) -> bool:
        party = held.parties is None or self.member in held.parties or self.member == self.relay.auditor
        return party and all(misdeed.gives(self.member, held) for misdeed in self.relay.misdeeds)

    def _given(self, index: int, held: Held) -> Given:
        given = Given(
            index=index,
            statement=held.statement,
            members=held.members,
            wrap=held.wraps.get(self.member, b""),
            payload=held.payload if self.member in held.wraps else b"",
        )
        for misdeed in self.relay.misdeeds:
            given = misdeed.content(self.member, given)
        return given

    async def anchor(self, min_size: int) -> bytes:
        anchors = self.relay.view(self.member).anchors
        note = self._bent(
            anchors[-1].full if anchors else None, lambda misdeed, one: misdeed.anchor(self.member, one)
        )
        if note is None:
            raise RefusedError("no anchor", reason="not_found")
        return note

    async def witnessed(self) -> bytes:
        note = self._bent(
            self.relay.view(self.member).witnessed or None,
            lambda misdeed, one: misdeed.anchor(self.member, one),
        )
        if note is None:
            raise RefusedError("no anchor", reason="not_found")
        return note

    async def cosign(self, size: int, lines: bytes) -> None:
        if all(misdeed.cosigned(self.member) for misdeed in self.relay.misdeeds):
            self.relay.view(self.member).cosign(self.member, size, lines)

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        note = self._bent(
            self.relay.view(self.member).checkpoint(),
            lambda misdeed, one: misdeed.checkpoint(self.member, one),
        )
        if note is None:
            raise TransportError("no answer")
        return note

    def _bent(self, value: T | None, by: Callable[[Misdeed, T], T | None]) -> T | None:
        for misdeed in self.relay.misdeeds:
            value = by(misdeed, value) if value is not None else None
        return value

    async def entries(self, first: int, count: int) -> bytes:
        held = self.relay.view(self.member).held[first : first + count]
        return b"".join(one.entry.encode() for one in held)

    async def upload(self, root: bytes, size: int, source: BinaryIO, told: Told) -> None:
        raise NotImplementedError("no history has attachments")

    async def download(self, root: bytes, offset: int) -> AsyncGenerator[tuple[bytes, bytes], None]:
        if root:
            raise NotImplementedError("no history has attachments")
        yield b"", b""
