"""The running node: a few loops around one home and one relay.

    upload    attachments of what waits in the outbox
    submit    messages whose attachments are there
    publish   acknowledgements and other Statements
    receive   the log, batch by batch
    fetch     attachments of messages that have come
    anchors   the newest checkpoint and anchor, held against the log as followed, and cosigned
    upkeep    prekeys, alarms
    watch     what other processes put into the home

The home is touched on one thread, the loops only wait. Nothing here decides what to believe.
A relay that cannot be reached is waited for; one that shows a false log is alarmed about, and asked
again; a home that fails, or a defect of ours, ends the node, because it could no longer keep its promises.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from typing import Any, Final, TypeVar

from mce_exchange.client.anchoring import Anchoring
from mce_exchange.client.attaching import Progress, silent
from mce_exchange.client.behind import is_behind
from mce_exchange.client.dispatch import Dispatch
from mce_exchange.client.fetch import Fetch
from mce_exchange.client.forking import Forking
from mce_exchange.client.identity import Identity
from mce_exchange.client.intake import Intake
from mce_exchange.client.pace import FIRST_SECONDS
from mce_exchange.client.record import Record
from mce_exchange.client.relay import Relay
from mce_exchange.client.sending import Sending
from mce_exchange.client.upkeep import Upkeep
from mce_exchange.client.witnessing import Witnessing
from mce_exchange.errors import (
    ForkError,
    LogError,
    MceError,
    ProtocolError,
    RefusedError,
    StoreError,
    TransportError,
    UsageError,
)
from mce_exchange.hotline.receiving import Check
from mce_exchange.log.checkpoint import open_checkpoint, size_of
from mce_exchange.store.database import News
from mce_exchange.store.home import Home

_T = TypeVar("_T")
_PAUSE_SECONDS: Final = 15.0
_UPLOADS: Final = 2
_FETCHES: Final = 4
_UPKEEP_SECONDS: Final = 60.0
EVERYTHING: Final = frozenset(News)


class Node:
    """`run` until cancelled, then `close`. `trouble` is the relay's last, None since a batch came."""

    def __init__(
        self,
        home: Home,
        relay: Relay,
        *,
        check: Check,
        clock: Callable[[], float] = time.time,
        progress: Progress = silent,
    ) -> None:
        """Verify the home's log again. `UsageError` if the home has not joined a network yet."""
        self.home = home
        self.trouble: MceError | None = None
        self.failure: MceError | None = None
        self.identity = Identity.of(home)
        self.follower = self.identity.follower(home)
        self.dispatch = Dispatch(home, self.identity, lambda: self.follower.state, clock=clock)
        record = Record(home=home, identity=self.identity, clock=clock)
        self.upkeep = Upkeep(record, self.follower)
        self.anchoring = Anchoring(record, self.follower)
        self._witnessing = Witnessing(record, self.follower)
        self._stood = -1
        self._forking = Forking(record, self.follower, relay, self.run_home)
        self._relay = relay
        self._intake = Intake(record, self.follower, check=check)
        self._sending = Sending(
            home,
            self.dispatch,
            relay,
            self.run_home,
            takes_part=self._takes_part,
            trouble=self._troubled,
            progress=progress,
        )
        self._fetcher = Fetch(
            record,
            relay,
            self.run_home,
            trouble=self._troubled,
            progress=progress,
        )
        self._thread = ThreadPoolExecutor(1, "home")
        self._listeners: dict[asyncio.Event, Set[News]] = {}
        self._caught_up = asyncio.Event()
        self._due = True
        # What else has begun and is not to be broken off, by whoever runs beside the loops.
        self.unfinished: Callable[[], bool] = bool
        self._closed = False
        self._seen = -1

    async def run_home(self, work: Callable[..., _T], *arguments: Any) -> _T:
        """Run on the home's thread, then wake whom its changes interest. `UsageError` once closed."""
        if self._closed:
            raise UsageError("this hotline is closed")
        loop = asyncio.get_running_loop()

        def run() -> _T:
            try:
                return work(*arguments)
            finally:
                if news := self.home.database.news():
                    loop.call_soon_threadsafe(self.changed, news)

        return await loop.run_in_executor(self._thread, run)

    def _takes_part(self) -> bool:
        return not self.follower.size or self.follower.state.takes_part(self.identity.member)

    def _standing(self) -> tuple[object, ...]:
        """What a change of lets go, or holds back, what waits for the relay: our standing, anybody's keys."""
        state = self.follower.state
        return self._takes_part(), state.directory.id, len(state.revoked), len(state.recovered)

    async def idle(self) -> bool:
        """Whether nothing waits, and the log is followed to the relay's newest checkpoint.

        Raises `TransportError` if the relay does not answer.
        """
        settled = await self.run_home(self.home.settled)
        # Asked for between the two looks: so it covers all that was published before, and nothing came since.
        reached = await self._reached()
        done = reached and not await self.run_home(self.unfinished)
        return settled and done and await self.run_home(self.home.settled)

    async def look(self) -> None:
        """What the node does now and then, done now: the newest anchor, upkeep."""
        await self._anchors()
        await self._keep_up()

    async def catch_up(self, seconds: float) -> None:
        """The first time, wait until the log has been followed to where the relay's was, or so long.

        What is sealed then goes to the newest prekeys; without a relay it goes to those that are known.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._caught_up.wait()
        self._caught_up.set()

    async def _reached(self, note: bytes = b"", held: bytes = b"") -> bool:
        """Whether the log as followed reaches the relay's checkpoint; if it does, what waited for that.

        A home that is behind asks for one after it has learned so: an older one covers too little.
        """
        if note and not self._covers(note):
            return False
        behind = await self.run_home(is_behind, self.home)
        if (behind or not note) and not self._covers(await self._relay.checkpoint(held)):
            return False
        if behind:
            await self.run_home(self.upkeep.take_over, self.dispatch.renumber)
        self._caught_up.set()
        return True

    def _covers(self, note: bytes) -> bool:
        directory, size = self.follower.state.directory, self.follower.size
        if not size or size_of(note) > size:
            # Above what was followed it may be by a log key that a Directory to come names.
            return False
        open_checkpoint(note, origin=directory.origin, key=directory.log_key(size_of(note)))
        return True

    def changed(self, news: Set[News] = EVERYTHING) -> None:
        """Wake whoever waits for any of this."""
        for event, wanted in self._listeners.items():
            if not wanted.isdisjoint(news):
                event.set()

    def subscribe(self, *news: News) -> asyncio.Event:
        """An event that changes set: of the kinds named, or all; clear it before you look."""
        event = asyncio.Event()
        self._listeners[event] = frozenset(news) or EVERYTHING
        return event

    def unsubscribe(self, event: asyncio.Event) -> None:
        """The end of it."""
        self._listeners.pop(event, None)

    async def run(self, *, poll_seconds: float = 0.2, anchor_seconds: float = 30.0) -> None:
        """Run until cancelled. Raises `StoreError` if the home fails; whoever waits is told too."""
        sending = self._sending
        pieces = [(sending.submit, News.OUTBOX), (sending.publish, News.STATEMENTS)]
        pieces += [(sending.upload, News.UPLOADS)] * _UPLOADS + [
            (self._fetcher.next, News.FETCHES)
        ] * _FETCHES
        try:
            async with asyncio.TaskGroup() as group:
                for piece, news in pieces:
                    group.create_task(self._each_change(piece, news))
                group.create_task(self._forever(self._receive))
                group.create_task(self._every(anchor_seconds, self._anchors))
                group.create_task(self._every(_UPKEEP_SECONDS, self._keep_up))
                group.create_task(self._every(poll_seconds, self._watch))
        except ExceptionGroup as failed:
            failure = _typed(failed)
            self._end(failure)
            raise failure from failed

    def close(self) -> None:
        """End the home's thread, and tell whoever still waits. The home itself stays open."""
        self._closed = True
        self._end(self.failure or UsageError("this hotline is closed"))
        self._thread.shutdown()

    def _end(self, failure: MceError) -> None:
        self.failure = failure
        self.changed()

    def _troubled(self, error: MceError) -> None:
        self.trouble = error
        self.changed()

    # Loops.

    async def _each_change(self, work: Callable[[], Awaitable[float | None]], news: News) -> None:
        """Do pieces of work until there is none; then wait for a change, or until one may be tried again."""
        event, pause = self.subscribe(news), FIRST_SECONDS
        while True:
            event.clear()
            try:
                wait = await work()
            except StoreError:
                raise
            except MceError as error:
                pause = await self._pause(error, pause)
                continue
            pause = FIRST_SECONDS
            if wait != 0:
                with suppress(TimeoutError):
                    async with asyncio.timeout(wait):
                        await event.wait()

    async def _forever(self, work: Callable[[], Awaitable[bool]]) -> None:
        """Again and again; at once only if it got somewhere."""
        pause = FIRST_SECONDS
        while True:
            error: MceError = TransportError("the relay ends the stream of the log without a word")
            try:
                if await work():
                    pause = FIRST_SECONDS
            except StoreError:
                raise
            except MceError as found:
                error = found
            pause = await self._pause(error, pause)

    async def _every(self, seconds: float, work: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await work()
            except StoreError:
                raise
            except MceError as error:
                self._troubled(error)
            await asyncio.sleep(seconds)

    async def _pause(self, error: MceError, seconds: float) -> float:
        """Tell of trouble and wait it out; the pause for the next time."""
        self._troubled(error)
        await asyncio.sleep(seconds)
        return min(seconds * 2, _PAUSE_SECONDS)

    async def _receive(self) -> bool:
        """Follow the log until the stream ends; whether a batch came."""
        came = False
        held = await self.run_home(self.anchoring.held)
        await self._reached(held=held)
        async with aclosing(self._relay.receive(self.follower.size)) as batches:
            async for batch in batches:
                before = self._standing()
                try:
                    await self.run_home(self._intake.take, batch)
                except LogError as error:
                    if not isinstance(error, ForkError):
                        # What it finds is alarmed; that it finds nothing changes nothing.
                        with suppress(LogError, ProtocolError, RefusedError, TransportError):
                            await self._forking.look(batch.checkpoint)
                    raise
                came = True
                self.trouble = None
                await self._reached(batch.checkpoint)
                # What is due is known once the log has been followed, and is not left for a minute then.
                first, self._due = self._due and self._caught_up.is_set(), not self._caught_up.is_set()
                if first or self.follower.state.prekey(self.identity.member) is None:
                    await self._keep_up()
                self.changed(frozenset((News.LOG,)) if self._standing() == before else EVERYTHING)
        return came

    async def _anchors(self) -> None:
        shown = self.follower.checkpoint
        before = shown.size if shown else 0
        held = await self.run_home(self.anchoring.held)
        newest = await self._relay.checkpoint(held)
        await self.run_home(self.anchoring.checkpoint, newest, before)
        await self._reached(newest)
        note = await _found(self._relay.anchor(0))
        lacking = await self.run_home(self.anchoring.anchor, note)
        other = await _found(self._relay.witnessed()) if lacking else None
        if lacking:
            await self.run_home(self.anchoring.witnessed, other)
        if note is not None and (signed := await self.run_home(self._witnessing.lines, note, other)):
            await self._relay.cosign(*signed)
        stands, self._stood = self._stood == self.follower.size, self.follower.size
        if stands and size_of(newest) > self.follower.size:
            # It shows a longer log and does not send it: is that another one?
            await self._forking.look(newest)

    async def _keep_up(self) -> None:
        await self.run_home(self.upkeep.run)

    async def _watch(self) -> None:
        seen = await self.run_home(lambda: self.home.database.changes)
        if seen != self._seen:
            self._seen = seen
            # A key may have been made, or a revocation taken from a file, by a command.
            await self.run_home(lambda: self.identity.switch(self.home, self.follower.state))
            self.changed()


async def _found(asked: Awaitable[bytes]) -> bytes | None:
    """What the relay answers; None if it has none yet."""
    try:
        return await asked
    except RefusedError as error:
        if error.reason != "not_found":
            raise
        return None


def _typed(error: Exception) -> MceError:
    """An error of the tree: what is none of it is a defect of this software, told without its words."""
    while isinstance(error, ExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, MceError) else MceError(f"an unexpected {type(error).__name__}")
