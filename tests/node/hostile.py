"""A relay in memory for the node's tests: obedient by default, and as hostile as a test wants it.

It logs whatever it is given, without the rules of the real one, so that a test can show what a node
does when the relay breaks them.
"""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.relay import Accepted, Outcome, Told
from mce_exchange.errors import RefusedError, TransportError
from mce_exchange.header import read_header
from mce_exchange.hotline.follow import Batch, Given
from mce_exchange.log import merkle
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import Receipt
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued
from mce_exchange.v1 import statement_pb2
from tests.federation import NOW_MINUTES, Federation


@dataclass
class Held:
    """What the relay holds beside an entry, and who may see its bytes (None: everybody)."""

    statement: bytes
    parties: set[str] | None
    wraps: dict[str, bytes] = field(default_factory=dict)
    payload: bytes = b""
    members: tuple[bytes, ...] = ()
    entry: bytes = b""  # where it is not what the Statement's own type says
    content_key: bytes = b""  # what its author keeps


class MemoryRelay:
    """Everybody's relay; `door(member)` is one member's connection to it."""

    def __init__(self, federation: Federation) -> None:
        self.federation = federation
        self.held = [Held(raw, None) for raw in federation.raw]
        self.held[0].members = federation.genesis.members
        self.known: dict[bytes, int] = {}
        self.attachments: dict[bytes, bytes] = {}
        self.grown = asyncio.Event()
        self.anchors = True
        self.cosigned: dict[int, dict[str, bytes]] = {}
        self.last_witnessed = b""
        self.time = NOW_MINUTES * 60

    def log(self, held: Held) -> int:
        """Append, whatever it is."""
        decoded = statements.decode(held.statement)
        self.known.setdefault(decoded.id(self.federation.network_id), len(self.held))
        if decoded.public:
            index = self.federation.publish(held.statement, held.members)
        else:
            index = self.federation.log(held.statement)
        self.held.append(held)
        self.wake()
        return index

    def wake(self) -> None:
        """Whoever follows the log looks again."""
        grown, self.grown = self.grown, asyncio.Event()
        grown.set()

    def header(self, message: Outgoing) -> Held:
        """A message as the relay holds it."""
        core = read_header(statements.decode(message.statement)).core
        wraps = {r.member: wrap for r, wrap in zip(core.recipients, message.wraps, strict=True)}
        return Held(message.statement, {core.sender, *wraps}, wraps, message.payload)

    def about(self, queued: Queued) -> Held:
        """Another Statement, for the parties of the message it speaks of."""
        decoded = statements.decode(queued.statement)
        body = statements.BODIES[decoded.type].FromString(decoded.body)
        parties: set[str] | None = None if decoded.public else set()
        items = body.items if isinstance(body, statement_pb2.Delivered | statement_pb2.Refused) else [body]
        ids = [getattr(item, "header_id", b"") for item in items]
        for header_id in body.header_ids if isinstance(body, statement_pb2.Erasure) else ids:
            index = self.known.get(header_id)
            if index is not None and parties is not None:
                parties |= self.held[index].parties or set()
        held = Held(queued.statement, parties, members=queued.members)
        if isinstance(body, statement_pb2.ReWrap):
            header = self.held[self.known[body.header_id]]
            member = list(header.wraps)[body.recipient_index]
            held.wraps, held.payload = {member: queued.wrap}, header.payload
        if isinstance(body, statement_pb2.Void | statement_pb2.HighWater):
            held.parties = {body.sender, body.recipient}
        return held

    def receipt(self, index: int) -> Receipt:
        """A true receipt under the newest checkpoint."""
        tree = self.federation.tree
        proof = tuple(tree.inclusion_proof(index, tree.size))
        return Receipt(index=index, proof=proof, checkpoint=self.federation.signed_checkpoint())

    def anchor(self) -> bytes:
        """The log as it is, with the lines that came for this size."""
        federation = self.federation
        lines = self.cosigned.get(federation.tree.size, {}).values()
        note = federation.anchor(self.time) + b"".join(lines)
        if federation.state.open_anchor(note).witnessed:
            self.last_witnessed = note
        return note

    def door(self, member: str) -> "Door":
        """One member's connection."""
        return Door(self, member)


class Door:
    """A `Relay` for one member; tests override what is to go wrong."""

    def __init__(self, relay: MemoryRelay, member: str) -> None:
        self.relay = relay
        self.member = member
        self.last = 10**9

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [self.accept(one.header_id, self.relay.header(one)) for one in messages]

    async def publish(self, queued: Sequence[Queued]) -> list[Outcome]:
        network_id = self.relay.federation.network_id
        return [
            self.accept(statements.decode(one.statement).id(network_id), self.relay.about(one))
            for one in queued
        ]

    def accept(self, id_: bytes, held: Held) -> Outcome:
        index = self.relay.known.get(id_)
        if index is None:
            index = self.relay.log(held)
        return Accepted(self.relay.receipt(index), self.relay.held[index].statement)

    async def upload(self, root: bytes, size: int, source: BinaryIO, told: Told) -> None:
        source.seek(0)
        self.relay.attachments[root] = source.read()

    async def download(self, root: bytes, offset: int) -> AsyncGenerator[tuple[bytes, bytes], None]:
        data = self.relay.attachments[root]
        step = limits.CHUNK + limits.TAG
        hashes = b"".join(merkle.leaf_hash(data[i : i + step]) for i in range(0, len(data), step))
        yield hashes, b""
        for at in range(offset, len(data), limits.PART):
            yield b"", data[at : at + limits.PART]

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        while True:
            while from_index >= min(len(self.relay.held), self.last):
                await self.relay.grown.wait()
            batch = self.batch(from_index)
            from_index += len(batch.entries) // limits.LOG_ENTRY
            yield batch

    def batch(self, first: int) -> Batch:
        held = self.relay.held[first : self.last]
        tree = self.relay.federation.tree
        entries, given = [], []
        for index, one in enumerate(held, start=first):
            entries.append(one.entry or _entry(one.statement))
            if self.may_see(one.parties):
                given.append(
                    Given(
                        index=index,
                        statement=one.statement,
                        members=one.members,
                        wrap=one.wraps.get(self.member, b""),
                        payload=one.payload if self.member in one.wraps else b"",
                    )
                )
        return Batch(
            first_index=first,
            entries=b"".join(entries),
            statements=tuple(given),
            checkpoint=self.relay.federation.signed_checkpoint(),
            consistency=tuple(tree.consistency_proof(first + len(held), tree.size)),
        )

    def may_see(self, parties: set[str] | None) -> bool:
        return parties is None or self.member in parties

    async def anchor(self, min_size: int) -> bytes:
        if not self.relay.anchors:
            raise RefusedError("no anchor", reason="not_found")
        return self.relay.anchor()

    async def entries(self, first: int, count: int) -> bytes:
        held = self.relay.held[first : first + count]
        return b"".join(one.entry or _entry(one.statement) for one in held)

    async def witnessed(self) -> bytes:
        if not self.relay.last_witnessed:
            raise RefusedError("no anchor", reason="not_found")
        return self.relay.last_witnessed

    async def cosign(self, size: int, lines: bytes) -> None:
        self.relay.cosigned.setdefault(size, {})[self.member] = lines
        self.relay.anchor()

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        return self.relay.federation.signed_checkpoint()


def _entry(statement: bytes) -> bytes:
    decoded = statements.decode(statement)
    return LogEntry(decoded.public, decoded.digest).encode()


class Deaf(Door):
    """Takes everything, and its answers are lost on the way, as often as `losses` says."""

    losses = 3

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        outcomes = await super().submit(messages)
        if self.losses:
            self.losses -= 1
            raise TransportError("the answer is lost")
        return outcomes
