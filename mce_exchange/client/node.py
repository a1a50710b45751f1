"""The running node: a few loops around one home and one relay.

    send      what waits in the outbox, attachments first
    publish   acknowledgements and other Statements
    receive   the log, batch by batch
    fetch     attachments of messages that have come
    anchors   the newest anchor, held against the log as followed
    upkeep    prekeys, alarms
    watch     what other processes put into the home

The home is touched on one thread, the loops only wait. Nothing here decides what to believe.
A relay that cannot be reached is waited for; one that shows a false log is alarmed about, and asked
again; a home that fails ends the node, because it could no longer keep its promises.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any, Final, TypeVar

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.dispatch import Dispatch
from mce_exchange.client.fetch import Fetch
from mce_exchange.client.identity import Identity
from mce_exchange.client.intake import Intake
from mce_exchange.client.relay import Relay
from mce_exchange.client.upkeep import Upkeep
from mce_exchange.errors import LogError, MceError, ProtocolError, RefusedError, StoreError, TransportError
from mce_exchange.header import read_header
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Outgoing

_T = TypeVar("_T")
_SUBMIT_BYTES: Final = 8 * limits.MIB
_RETRY_SECONDS: Final = 1.0


class Node:
    """`run` until cancelled, then `close`. `trouble` is the relay's last, None since a batch came."""

    def __init__(
        self,
        home: Home,
        relay: Relay,
        *,
        check: Callable[[bytes], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Verify the home's log again. `UsageError` if the home has not joined a network yet."""
        self.home = home
        self.trouble: MceError | None = None
        self.failure: BaseException | None = None
        self.identity = Identity.of(home)
        self.follower = self.identity.follower(home)
        self.dispatch = Dispatch(home, self.identity, lambda: self.follower.state, clock=clock)
        self._relay = relay
        self._intake = Intake(home, self.identity, self.follower, clock=clock, check=check)
        self.upkeep = Upkeep(home, self.identity, self.follower, clock=clock)
        self._fetcher = Fetch(home, self.identity, relay, self.run_home)
        self._thread = ThreadPoolExecutor(1, "home")
        self._listeners: set[asyncio.Event] = set()
        self._caught_up = asyncio.Event()
        self._seen = -1

    async def run_home(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """Run on the home's thread; a change it makes wakes every loop through `changed`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def idle(self) -> bool:
        """Whether nothing waits, and the log is followed to the relay's newest checkpoint.

        Raises `TransportError` if the relay does not answer.
        """
        home = self.home
        if not await self.run_home(home.settled):
            return False
        return self._covers(await self._relay.checkpoint())

    async def catch_up(self, seconds: float) -> None:
        """Wait until the log has been followed to where the relay's was, once since the start, or so long.

        What is sealed then goes to the newest prekeys; without a relay it goes to those that are known.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._caught_up.wait()

    def _covers(self, note: bytes) -> bool:
        """Whether the log as followed reaches this checkpoint of the relay's."""
        directory, size = self.follower.state.directory, self.follower.tree.size
        key = directory.log_key(max(size, 1))
        reached = bool(size) and open_checkpoint(note, origin=directory.origin, key=key).size <= size
        if reached:
            self._caught_up.set()
        return reached

    def changed(self) -> None:
        """Something in the home may be of interest to a loop."""
        for event in self._listeners:
            event.set()

    def subscribe(self) -> asyncio.Event:
        """An event that every change sets; clear it before you look."""
        event = asyncio.Event()
        self._listeners.add(event)
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        """The end of it."""
        self._listeners.discard(event)

    async def run(self, *, poll_seconds: float = 0.2, anchor_seconds: float = 30.0) -> None:
        """Run until cancelled. Raises `StoreError` if the home fails; whoever waits is told too."""
        try:
            async with asyncio.TaskGroup() as group:
                for loop in (self._send, self._publish, self._fetch):
                    group.create_task(self._each_change(loop))
                group.create_task(self._forever(self._receive))
                group.create_task(self._every(anchor_seconds, self._anchors))
                group.create_task(self._every(60.0, self._keep_up))
                group.create_task(self._every(poll_seconds, self._watch))
        except* StoreError as failed:
            self.failure = failed.exceptions[0]
            self.changed()
            raise self.failure from None

    def close(self) -> None:
        """End the home's thread. The home itself stays open."""
        self._thread.shutdown()

    # Loops.

    async def _guarded(self, work: Callable[[], Awaitable[bool]]) -> bool:
        """Whether there may be more to do at once; trouble with the relay is told and waited out."""
        try:
            more = await work()
        except StoreError:
            raise
        except (TransportError, RefusedError, LogError, ProtocolError) as error:
            self.trouble = error
            await asyncio.sleep(_RETRY_SECONDS)
            return True
        return more

    async def _forever(self, work: Callable[[], Awaitable[bool]]) -> None:
        while True:
            await self._guarded(work)

    async def _each_change(self, work: Callable[[], Awaitable[bool]]) -> None:
        event = self.subscribe()
        while True:
            event.clear()
            if not await self._guarded(work):
                await event.wait()

    async def _every(self, seconds: float, work: Callable[[], Awaitable[bool]]) -> None:
        while True:
            await self._guarded(work)
            await asyncio.sleep(seconds)

    async def _send(self) -> bool:
        waiting = await self.run_home(self.home.outbox.waiting, limits.ENVELOPES_PER_CALL)
        if not waiting:
            return False
        batch = _fitting(waiting)
        for one in batch:
            await self._upload(one)
        outcomes = await self._relay.submit(batch)
        await self.run_home(self.dispatch.sent, batch, outcomes)
        self.changed()
        if any(isinstance(outcome, RefusedError) for outcome in outcomes):
            await asyncio.sleep(_RETRY_SECONDS)
        return True

    async def _upload(self, message: Outgoing) -> None:
        header = read_header(statements.decode(message.statement))
        for stream in header.core.streams[1:]:
            with self.home.attachments.path(stream.root).open("rb") as file:
                await self._relay.upload(stream.root, stream.ciphertext_size, file)

    async def _publish(self) -> bool:
        waiting = await self.run_home(self.home.publishing.waiting, limits.STATEMENTS_PER_CALL)
        if not waiting:
            return False
        outcomes = await self._relay.publish(waiting)
        await self.run_home(self.dispatch.published, waiting, outcomes)
        self.changed()
        if any(isinstance(outcome, RefusedError) for outcome in outcomes):
            await asyncio.sleep(_RETRY_SECONDS)
        return True

    async def _receive(self) -> bool:
        self._covers(await self._relay.checkpoint())
        async for batch in self._relay.receive(self.follower.tree.size):
            await self.run_home(self._intake.take, batch)
            self._covers(batch.checkpoint)
            self.trouble = None
            if self.follower.state.prekey(self.identity.member) is None:
                await self._keep_up()
            self.changed()
        return True

    async def _fetch(self) -> bool:
        for received in await self.run_home(self.home.inbox.in_state, "fetching"):
            await self._fetcher.message(received)
            self.changed()
        return False

    async def _anchors(self) -> bool:
        try:
            note = await self._relay.anchor(0)
        except RefusedError as error:
            if error.reason != "not_found":
                raise
            return False
        await self.run_home(self.upkeep.anchor, note)
        return False

    async def _keep_up(self) -> bool:
        await self.run_home(self.upkeep.run)
        self.changed()
        return False

    async def _watch(self) -> bool:
        seen = await self.run_home(lambda: self.home.database.changes)
        if seen != self._seen:
            self._seen = seen
            self.changed()
        return False


def _fitting(waiting: list[Outgoing]) -> list[Outgoing]:
    """As many, from the oldest on, as one call takes."""
    size = 0
    batch: list[Outgoing] = []
    for one in waiting:
        size += len(one.statement) + len(one.payload) + len(one.wraps) * limits.WRAP
        if batch and size > _SUBMIT_BYTES:
            break
        batch.append(one)
    return batch
