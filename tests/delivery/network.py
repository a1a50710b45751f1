"""A network between real nodes and the real core of the relay, as bad as a test wants it.

Every call of a node meets one `Fault`. A copy of each request is kept, and any of them may arrive again
at any later time; of each answer to `receive` too. Nothing is forged here but refusals.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum
from typing import BinaryIO, Protocol, TypeVar

from mce_relay.core import Core
from mce_relay.values import Accepted as RelayAccepted
from mce_relay.values import EnvelopeIn, PublishIn
from mce_relay.values import Outcome as RelayOutcome

from mce_exchange import limits
from mce_exchange.client.relay import Accepted, Outcome, Told
from mce_exchange.errors import RefusedError, StoreError, TransportError
from mce_exchange.hotline.follow import Batch, Given
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued

T = TypeVar("T")
BATCH = 24 * limits.KIB


class Fault(Enum):
    """What the next call meets."""

    NONE = "nothing"
    REQUEST_LOST = "its request is lost"
    ANSWER_LOST = "its answer is lost"
    TWICE = "its request arrives twice"
    REFUSED = "somebody on the way refuses, and keeps a copy"
    CUT = "a stream ends in the middle"
    AGAIN = "a stream brings each batch twice"
    LATE = "a stream begins with an older batch"
    SKIPS = "a stream leaves out a batch"


@dataclass(frozen=True)
class Copy:
    """A request as it was sent once."""

    member: str
    envelopes: tuple[EnvelopeIn, ...] = ()
    statements: tuple[PublishIn, ...] = ()


class Watch(Protocol):
    """Who looks at what passes: the properties are checked there."""

    async def leaves(self, member: str, statement: bytes) -> None:
        """A Statement is on its way to the relay."""

    def accepted(self, index: int, statement: bytes) -> None:
        """The relay has answered somebody that it stands in the log."""


@dataclass
class Network:
    """Copies of what was sent, and the relay that runs now."""

    core: Core
    watch: Watch
    copies: list[Copy] = field(default_factory=list)
    batches: dict[str, list[Batch]] = field(default_factory=dict)

    async def arrive(self, copy: Copy) -> list[RelayOutcome]:
        """One request reaches the relay, which may die of it."""
        try:
            outcomes = await self.core.submit(copy.member, copy.envelopes)
            outcomes += await self.core.publish(copy.member, copy.statements)
        except StoreError as error:
            raise TransportError("the relay died") from error
        for outcome in outcomes:
            if isinstance(outcome, RelayAccepted):
                self.watch.accepted(outcome.receipt.index, outcome.statement)
        return outcomes


class Door:
    """A member's connection: the `Relay` of its node."""

    def __init__(self, network: Network, member: str) -> None:
        self.network = network
        self.member = member
        self.fault = Fault.NONE

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        envelopes = [EnvelopeIn(one.statement, one.wraps, one.payload) for one in messages]
        return await self._call(Copy(self.member, envelopes=tuple(envelopes)))

    async def publish(self, statements: Sequence[Queued]) -> list[Outcome]:
        items = [PublishIn(one.statement, one.members, one.wrap) for one in statements]
        for one in items:
            await self.network.watch.leaves(self.member, one.statement)
        return await self._call(Copy(self.member, statements=tuple(items)))

    async def _call(self, copy: Copy) -> list[Outcome]:
        fault, self.fault = self.fault, Fault.NONE
        self.network.copies.append(copy)
        if fault is Fault.REQUEST_LOST:
            raise TransportError("the request is lost")
        if fault is Fault.REFUSED and copy.envelopes:
            return [RefusedError("no", reason="no_recipient") for _ in copy.envelopes]
        if fault is Fault.TWICE:
            await self.network.arrive(copy)
        outcomes = await self.network.arrive(copy)
        if fault is Fault.ANSWER_LOST:
            raise TransportError("the answer is lost")
        return [
            Accepted(one.receipt, one.statement) if isinstance(one, RelayAccepted) else one
            for one in outcomes
        ]

    @asynccontextmanager
    async def _part(self) -> AsyncIterator[None]:
        """One call among several: lost, or its answer is."""
        fault, self.fault = self.fault, Fault.NONE
        if fault in (Fault.REQUEST_LOST, Fault.REFUSED):
            raise TransportError("the request is lost")
        try:
            yield
        except StoreError as error:
            raise TransportError("the relay died") from error
        if fault in (Fault.ANSWER_LOST, Fault.CUT):
            raise TransportError("the answer is lost")

    async def upload(self, root: bytes, size: int, source: BinaryIO, told: Told) -> None:
        async with self._part():
            state = await self.network.core.attachment_status(self.member, root)
        while not state.complete:
            source.seek(state.held)
            data = source.read(limits.PART)
            async with self._part():
                state = await self.network.core.put_attachment(
                    self.member, root=root, size=size, offset=state.held, data=data
                )

    async def download(self, root: bytes, offset: int) -> AsyncGenerator[tuple[bytes, bytes], None]:
        core = self.network.core
        hashes, size = await self._answered(core.attachment(self.member, root))
        yield hashes, b""
        while offset < size:
            data = await self._answered(core.attachment_part(self.member, root, offset))
            yield b"", data
            offset += len(data)

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        """What there is; then the stream ends."""
        fault, self.fault = self.fault, Fault.NONE
        known = self.network.batches.setdefault(self.member, [])
        if fault is Fault.REQUEST_LOST:
            raise TransportError("the request is lost")
        if fault is Fault.LATE and known:
            yield known[from_index % len(known)]
        while batch := await self._read(from_index):
            from_index += len(batch.entries) // limits.LOG_ENTRY
            known.append(batch)
            if fault is Fault.SKIPS:
                fault = Fault.NONE
                continue
            yield batch
            if fault is Fault.AGAIN:
                yield batch
            if fault in (Fault.CUT, Fault.ANSWER_LOST):
                raise TransportError("the stream is cut")

    async def _read(self, from_index: int) -> Batch | None:
        found = await self._answered(self.network.core.read(self.member, from_index, max_bytes=BATCH))
        if found is None:
            return None
        return Batch(
            first_index=found.first_index,
            entries=found.entries,
            statements=tuple(
                Given(
                    index=one.index,
                    statement=one.statement,
                    members=one.members,
                    wrap=one.wrap,
                    payload=one.payload,
                )
                for one in found.statements
            ),
            checkpoint=found.checkpoint,
            consistency=found.consistency,
        )

    async def anchor(self, min_size: int) -> bytes:
        return await self._answered(self.network.core.anchor(min_size))

    async def entries(self, first: int, count: int) -> bytes:
        return await self._answered(self.network.core.entries(first, count))

    async def witnessed(self) -> bytes:
        return await self._answered(self.network.core.anchor(0, witnessed=True))

    async def cosign(self, size: int, lines: bytes) -> None:
        await self._answered(self.network.core.cosign(self.member, size, lines))

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        return self.network.core.checkpoint()

    async def _answered(self, answer: Awaitable[T]) -> T:
        try:
            return await answer
        except StoreError as error:
            raise TransportError("the relay died") from error
