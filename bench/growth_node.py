"""A node with 10^3 and 10^5 received messages in its home: how long it takes to start, and to receive.

The home is filled through the home's own tables: real rows, boxes and numbers, one real header with other
signature bytes as every Statement; nothing is verified on the way in, and all are acknowledged. Its log and
checkpoint are true, so the node starts on it as on its own. Receiving goes all the way: verified, opened,
durable, given to the application, acknowledged, and the acknowledgement receipted. The relay is the one of
the node's tests, in memory.
"""

import asyncio
import os
import secrets
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Final

from bench.frame import Goal, Plain, Scale, Table, interleave, number
from bench.sealing import SENDER, Ours
from examples.scenario_s1 import ScenarioS1
from mce_exchange import case
from mce_exchange import statement as statements
from mce_exchange.client.facade import Hotline, open_home
from mce_exchange.client.identity import GENESIS
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.vault import Cost
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import Sealed
from mce_exchange.store import settings
from mce_exchange.store.body import Body
from mce_exchange.store.home import Home
from mce_exchange.store.logbook import Logged
from tests.federation import NOW_MINUTES
from tests.node.hostile import Held, MemoryRelay

SIZES: Final = (1_000, 100_000)
ME: Final = "kv"
_SECRET: Final = "synthetic"
_GROUP: Final = 1_000
_CONTENT: Final = case.encode(ScenarioS1(canary="kanarie").sighting())


@dataclass
class Filled:
    """A home with so many messages, its relay, and messages that are still to come."""

    count: int
    path: Path
    loop: asyncio.AbstractEventLoop
    ours: Ours = field(default_factory=Ours)
    coming: list[list[Sealed]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.relay = MemoryRelay(self.ours.federation)
        self._stack = AsyncExitStack()
        self._home()

    def _home(self) -> None:
        federation, person = self.ours.federation, self.ours.federation.people[ME]
        home = Home.create(self.path, _SECRET, cost=Cost.INTERACTIVE)
        prekey = federation.state.prekeys[ME][0]
        with home.database.write():
            home.secrets.put_signing(person.key)
            home.secrets.put_prekey(prekey.id, person.kem)
            home.settings.put(settings.MEMBER, ME)
            home.settings.put(settings.NETWORK_ID, federation.network_id)
            home.settings.put(GENESIS, federation.genesis.encode())
            home.publishing.put(statements.decode(federation.raw[prekey.index]))
            home.publishing.accepted(1, log_index=prekey.index, receipt=b"", at=NOW_MINUTES * 60)
            for index, raw in enumerate(federation.raw):
                type_ = statements.decode(raw).type
                members = federation.genesis.members if not index else ()
                home.logbook.put_statement(Logged(index=index, type=type_, raw=raw, members=members))
                home.logbook.append(index, LogEntry(True, sha256(raw)).encode())
        raw = self.ours.seal_to(_CONTENT, [(ME, 1, b"")]).statement.raw
        for at in range(0, self.count, _GROUP):
            with home.database.write():
                for sequence in range(at + 1, min(at + _GROUP, self.count) + 1):
                    self._put(home, raw[:-64] + os.urandom(64), sequence)
        federation.state = federation.state.skipped(federation.tree.size)
        with home.database.write():
            home.logbook.put_checkpoint(federation.tree.size, federation.signed_checkpoint())
        home.close()

    def _put(self, home: Home, raw: bytes, sequence: int) -> None:
        tree, header_id = self.ours.federation.tree, secrets.token_bytes(32)
        index, entry = tree.size, LogEntry(False, sha256(raw))
        tree.append(entry.leaf_hash)
        self.relay.held.append(Held(b"", set()))
        home.logbook.append(index, entry.encode())
        home.logbook.put_statement(Logged(index=index, type="header", raw=raw), about=[header_id])
        home.numbers.use(SENDER, sequence, header_id, now=NOW_MINUTES * 60)
        home.inbox.put(
            header_id=header_id,
            sender=SENDER,
            state="acknowledged",
            statement=raw,
            payload=b"",
            body=Body(content=_CONTENT, attachments=(), secrets=(bytes(32),)),
            log_index=index,
            at=NOW_MINUTES * 60,
        )
        self._last = header_id

    def seal(self, rounds: int, each: int) -> None:
        """Messages for so many rounds."""
        sequence, previous = self.count, self._last
        for _ in range(rounds):
            made = []
            for _ in range(each):
                sequence += 1
                made.append(self.ours.seal_to(_CONTENT, [(ME, sequence, previous)]))
                previous = made[-1].id
            self.coming.append(made)

    def start(self) -> float:
        """Starts a second."""
        return self.loop.run_until_complete(self._start())

    async def _start(self) -> float:
        start = perf_counter()
        async with self._opened():
            return 1 / (perf_counter() - start)

    def _opened(self) -> AbstractAsyncContextManager[Hotline]:
        door = self.relay.door(ME)
        return open_home(self.path, _SECRET, clock=lambda: NOW_MINUTES * 60.0, relay=door, poll_seconds=60.0)

    async def run(self) -> None:
        """The node runs from here on, as long as the loop does."""
        self._hotline = await self._stack.enter_async_context(self._opened())
        self._inbox = self._hotline.inbox()

    async def stop(self) -> None:
        """End it."""
        await self._stack.aclose()

    def receive(self) -> float:
        """Messages a second, from the log's growth to their acknowledgement in the log."""
        return self.loop.run_until_complete(self._receive(self.coming.pop(0)))

    async def _receive(self, messages: Sequence[Sealed]) -> float:
        start = perf_counter()
        for one in messages:
            held = Held(one.statement.raw, {SENDER, ME}, {ME: one.wraps[0]}, one.payload)
            self.relay.log(held)
        got = [(await anext(self._inbox)).id for _ in messages]
        if got != [one.id.hex() for one in messages]:
            raise RuntimeError("other messages came than were sent")
        await self._hotline.acknowledge(*got)
        async with asyncio.timeout(60):
            while not await self._hotline.node.idle():
                await asyncio.sleep(0.001)
        return len(messages) / (perf_counter() - start)


def run(folder: Path, scale: Scale) -> Table:
    """Both homes take turns."""
    sizes, rounds, each = ((4, 8), 1, 2) if scale.tiny else (SIZES, 12, 64)
    loop = asyncio.new_event_loop()
    homes = [Filled(count, folder / str(count), loop) for count in sizes]
    for one in homes:
        one.seal(rounds + 1, each)
    starts = interleave([Plain(number(one.count), one.start) for one in homes], min(rounds, 5))
    try:
        for one in homes:
            loop.run_until_complete(one.run())
            one.receive()
        receives = interleave([Plain(number(one.count), one.receive) for one in homes], rounds)
    finally:
        for one in homes:
            loop.run_until_complete(one.stop())
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()
    first, last = number(sizes[0]), number(sizes[-1])
    rows = [
        [
            name,
            number(1 / starts[name].median),
            number(receives[name].median),
            number(receives[first].over(receives[name])),
        ]
        for name in receives
    ]
    return Table(
        title="Growth: messages in a node's home",
        head=("in the home", "start, s", f"received/s, {each} at a time", "cost, times"),
        rows=rows,
        goals=[
            Goal(
                what=f"cost of receiving at {last}, times that at {first}",
                measured=receives[first].over(receives[last]),
                wanted=1.1,
                at_least=False,
            )
        ],
    )
