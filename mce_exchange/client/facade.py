"""What an integrator uses: one asyncio object for one home.

async with open_home("home", passphrase) as hotline:
    await hotline.send(report, to=["pt", "es"], attachments=["photo.png"])
    async for item in hotline.inbox():
        ...
        await item.acknowledge()
"""

import asyncio
import os
import threading
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from mce_exchange import case
from mce_exchange.case import CaseMessage
from mce_exchange.client import approving, asking, desk
from mce_exchange.client.approving import Approval
from mce_exchange.client.asking import Question
from mce_exchange.client.attaching import Progress, Source, silent
from mce_exchange.client.dispatch import Encrypted, Manner
from mce_exchange.client.door import keep_door
from mce_exchange.client.ids import read_id
from mce_exchange.client.node import Node
from mce_exchange.client.relay import GrpcRelay, Relay
from mce_exchange.client.repin import Way, follow_relay
from mce_exchange.directory.model import Act
from mce_exchange.errors import UsageError
from mce_exchange.hotline import lives
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.keys import PrivateKey
from mce_exchange.sealing import AttachmentInfo
from mce_exchange.store.alarms import Raised
from mce_exchange.store.database import News
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Sent

_LOOK_SECONDS = 1.0
_PAGE = 16


@dataclass(frozen=True, kw_only=True)
class Item:
    """A message that waits for an answer. `id` is its header id in hex; names are untrusted text."""

    id: str
    sender: str
    message: CaseMessage
    attachments: tuple[AttachmentInfo, ...]
    _hotline: "Hotline"

    async def acknowledge(self) -> None:
        """Answer `delivered`: durable when this returns, and this message is never given again."""
        await self._hotline.acknowledge(self.id)

    async def refuse(self, code: Refusal = Refusal.BY_PERSON) -> None:
        """Sign and queue `refused`; this message is never given again."""
        await self._hotline.refuse(self.id, code)

    async def save(self, number: int, path: str | os.PathLike[str], *, progress: Progress = silent) -> None:
        """Write attachment `number` (from 0) to a file that does not exist yet, decrypted."""
        await self._hotline.save(self.id, number, path, progress=progress)


class Hotline:
    """A hotline's node. Use `open_home`."""

    def __init__(self, node: Node, *, catch_up_seconds: float, clock: Callable[[], float]) -> None:
        self.node = node
        self._clock = clock
        self._home = node.home
        self._catch_up_seconds = catch_up_seconds

    @property
    def member(self) -> str:
        """This hotline's member id."""
        return self.node.identity.member

    async def send(
        self,
        message: CaseMessage,
        *,
        to: Sequence[str],
        attachments: Sequence[Source] = (),
        urgent: bool = False,
        deadline_class: int = 0,
        supersedes: str = "",
        second: str = "",
        progress: Progress = silent,
    ) -> str:
        """Hand over a case message: encrypted, signed and durable when this returns, and sent from then on.

        What this member's policy reserves to two persons goes only once the other one approves it; `second`
        names her if there are several.
        The answer is the header id in hex. A home that was restored refuses what is not `urgent` until it has
        followed the log, and what it takes before may go under another id (an alarm names it).
        Raises `CaseError` for a message that breaks a rule,
        `UsageError` for a recipient that has to be telephoned instead, `LimitError` above a cap.
        Attachments are read once, in bounded memory; `progress` is called from another thread.
        """
        content = case.encode(message)
        act = case.check_bytes(content)
        manner = Manner.checked(
            urgent=urgent, deadline_class=deadline_class, supersedes=supersedes, second=second
        )
        await self.node.catch_up(self._catch_up_seconds)
        await self.node.run_home(self.node.dispatch.check, to, manner)
        if attachments:
            encrypted = await self._encrypted(content, to, attachments, act, progress)
            header_id = await self.node.run_home(self.node.dispatch.send, encrypted, manner)
        else:
            header_id = await self.node.run_home(self._send, content, to, act, manner)
        return header_id.hex()

    def _send(self, content: bytes, to: Sequence[str], act: Act | None, manner: Manner) -> bytes:
        dispatch = self.node.dispatch
        return dispatch.send(dispatch.encrypt(content, to, act=act), manner)

    async def _encrypted(
        self,
        content: bytes,
        to: Sequence[str],
        attachments: Sequence[Source],
        act: Act | None,
        progress: Progress,
    ) -> Encrypted:
        """Off the home's thread: a large attachment holds up neither receiving nor acknowledging."""
        stop = threading.Event()
        encrypt = partial(self.node.dispatch.encrypt, act=act, progress=progress, stop=stop)
        work = asyncio.ensure_future(asyncio.to_thread(encrypt, content, to, attachments))
        try:
            return await asyncio.shield(work)
        except asyncio.CancelledError:
            # The thread ends by itself at its next piece; what it says then interests nobody.
            stop.set()
            work.add_done_callback(lambda done: done.cancelled() or done.exception())
            raise

    async def inbox(self) -> AsyncIterator[Item]:
        """Messages that wait for an answer, oldest first, then each as it comes, without end.

        What is not answered is given again by the next iteration, in this process or a later one.
        """
        given: set[bytes] = set()
        clock = asyncio.get_running_loop().time
        async for _ in self._changes(News.INBOX):
            more = True
            while more:
                page = await self.node.run_home(self._page, given)
                more, fresh = len(page) == _PAGE, clock() + _LOOK_SECONDS
                for header_id, read in page:
                    given.add(header_id)
                    # The ones before may have taken the application long.
                    item = read if clock() < fresh else await self.node.run_home(self._item, header_id)
                    if item is not None:
                        yield item

    async def alarms(self, after: int = 0, *, unseen: bool = False) -> AsyncIterator[Raised]:
        """Alarms with an id above `after`, then each as it is raised, without end."""
        async for _ in self._changes(News.ALARMS):
            look = partial(self._home.alarms.all, after, unseen=unseen)
            for alarm in await self.node.run_home(look):
                after = alarm.id
                yield alarm

    async def questions(self) -> AsyncIterator[Question]:
        """What only a person may decide: those that wait, then each as it comes, without end."""
        given: set[int] = set()
        async for _ in self._changes(News.ALARMS, News.LOG):
            for one in await self.node.run_home(self._questions):
                if one.id not in given:
                    given.add(one.id)
                    yield one

    def _questions(self) -> list[Question]:
        return asking.questions(self._home, self.node.follower.state)

    async def approvals(self) -> AsyncIterator[Approval]:
        """What awaits a second person: those that wait, then each as it comes, without end."""
        given: set[str] = set()
        async for _ in self._changes(News.ALARMS):
            for one in await self.node.run_home(self._approvals):
                if one.id not in given:
                    given.add(one.id)
                    yield one

    def _approvals(self) -> list[Approval]:
        return approving.approvals(self._home, self.node.follower.state)

    async def approve(self, id_: str, key: PrivateKey) -> None:
        """The second person's yes, by her key (`read_second`): durable when this returns, then sent."""
        node, now = self.node, int(self._clock())
        approve = partial(approving.approve, now=now)
        await node.run_home(approve, self._home, node.identity, node.follower.state, read_id(id_), key)

    async def reject(self, id_: str) -> None:
        """A no: the message goes nowhere, and its numbers are void."""
        reject = partial(approving.reject, now=int(self._clock()))
        await self.node.run_home(reject, self._home, self.node.identity, read_id(id_))

    def warnings(self, *members: str) -> list[str]:
        """What a person has to know before sending to these members: contested changes in their names."""
        state = self.node.follower.state
        return [text for member in members for text in lives.warnings(state, member)]

    async def answer(self, question: Question, *, yes: bool) -> None:
        """Decide it: durable when this returns. A yes wraps one message again for the prekey it names.

        Raises `UsageError` if that cannot be done any more.
        """
        node = self.node
        decide = partial(asking.answer, yes=yes, now_minutes=int(self._clock() // 60))
        await node.run_home(decide, self._home, node.identity, node.follower.state, question.id)

    async def acknowledge(self, *ids: str) -> None:
        """Answer `delivered` for these messages: durable when this returns, and never given again."""
        await self.node.run_home(desk.acknowledge, self._home, ids)

    async def refuse(self, id_: str, code: Refusal = Refusal.BY_PERSON) -> None:
        """Sign and queue `refused` for a message, which is never given again."""
        await self.node.run_home(desk.refuse, self._home, self.node.identity, id_, code)

    async def sent(self, id_: str) -> Sent:
        """How far a message of ours is, recipient by recipient."""
        found = await self.node.run_home(self._home.outbox.find, read_id(id_))
        if found is None:
            raise UsageError(f"no message {id_} was sent from this home")
        return found

    async def settled(self, id_: str) -> Sent:
        """Wait until every recipient has answered, or the relay for it."""
        async for _ in self._changes(News.SENT):
            found = await self.sent(id_)
            if found.state == "failed" or all(one.status != "waiting" for one in found.deliveries):
                return found
        raise AssertionError("changes end by raising only")

    async def idle(self, patience_seconds: float | None = None) -> None:
        """Wait until everything handed over is in the log and everything in the log has been taken.

        Raises `TransportError` if the relay does not answer, and what troubles the node if that lasts
        longer than `patience_seconds`.
        """
        loop = asyncio.get_running_loop()
        end = None if patience_seconds is None else loop.time() + patience_seconds
        while not await self.node.idle():
            if self.node.failure is not None:
                raise self.node.failure
            if self.node.trouble is not None and end is not None and loop.time() > end:
                raise self.node.trouble
            event = self.node.subscribe()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await event.wait()
            self.node.unsubscribe(event)

    async def look(self) -> None:
        """Hold every receipt against the relay's newest anchor, and make what is due: a prekey, marks.

        A node does so by itself now and then. What is made has to be sent: `idle` waits for it.
        """
        await self.node.look()

    async def case(self, case_id: str) -> list[tuple[str, CaseMessage]]:
        """Every message of a case that this home holds, both ways, oldest first: (sender, message)."""
        found, after = [], 0
        while True:
            go_on, page = await self.node.run_home(desk.case_page, self._home, case_id, after)
            found += page
            if go_on is None:
                return found
            after = go_on

    async def save(
        self, id_: str, number: int, path: str | os.PathLike[str], *, progress: Progress = silent
    ) -> None:
        """Write attachment `number` (from 0) of a received message to a new file, decrypted."""
        one = await self.node.run_home(desk.attachment, self._home, read_id(id_), number)
        await asyncio.to_thread(desk.save, self._home, one, Path(path), progress=progress)

    def _page(self, given: set[bytes]) -> list[tuple[bytes, Item | None]]:
        """The oldest that wait and are not among `given`, which forgets those that wait no more."""
        waiting = [header_id for _, header_id in self._home.inbox.ids("ready")]
        given.intersection_update(waiting)
        new = islice((one for one in waiting if one not in given), _PAGE)
        return [(one, self._item(one)) for one in new]

    def _item(self, header_id: bytes) -> Item | None:
        received = self._home.inbox.find(header_id)
        # Another process may have answered it a moment ago.
        if received is None or received.state != "ready":
            return None
        body = self._home.inbox.body(header_id)
        return Item(
            id=header_id.hex(),
            sender=received.sender,
            message=case.decode(body.content),
            attachments=body.attachments,
            _hotline=self,
        )

    async def _changes(self, *news: News) -> AsyncIterator[None]:
        event = self.node.subscribe(*news)
        try:
            while self.node.failure is None:
                event.clear()
                yield
                await event.wait()
            raise self.node.failure
        finally:
            self.node.unsubscribe(event)


@asynccontextmanager
async def open_home(
    path: str | os.PathLike[str],
    passphrase: str,
    *,
    clock: Callable[[], float] = time.time,
    relay: Relay | None = None,
    poll_seconds: float = 0.2,
    anchor_seconds: float = 30.0,
    catch_up_seconds: float = 5.0,
    call_seconds: float = 60.0,
    door_seconds: float = 5.0,
    progress: Progress = silent,
) -> AsyncIterator[Hotline]:
    """Open a home and run its node until the block ends. One process at a time runs a home's node.

    The first `send` waits up to `catch_up_seconds` for the newest prekeys, then uses those it knows. A
    call of the relay may take `call_seconds`; while it is not reached, its door is looked at every
    `door_seconds`. `progress` is told of attachments on their way.

    Raises `StoreError` for a wrong passphrase or a second node, `UsageError` if the home has not joined.
    `relay` replaces the connection, for tests.
    """
    home = Home.open(Path(path), passphrase)
    try:
        with home.lock():
            home.notice_a_move()
            async with _connected(home, relay, call_seconds) as connection:
                node = Node(home, connection, check=case.check_bytes, clock=clock, progress=progress)
                running = [
                    asyncio.create_task(node.run(poll_seconds=poll_seconds, anchor_seconds=anchor_seconds))
                ]
                if isinstance(connection, GrpcRelay):
                    running.append(asyncio.create_task(follow_relay(node, connection, every=door_seconds)))
                    running.append(asyncio.create_task(keep_door(node, connection, every=door_seconds)))
                try:
                    yield Hotline(node, catch_up_seconds=catch_up_seconds, clock=clock)
                finally:
                    for task in running:
                        task.cancel()
                    for task in running:
                        with suppress(asyncio.CancelledError):
                            await task
                    node.close()
    finally:
        home.close()


@asynccontextmanager
async def _connected(home: Home, relay: Relay | None, call_seconds: float) -> AsyncIterator[Relay]:
    if relay is not None:
        yield relay
        return
    connection = GrpcRelay(Way.of(home).channel(), call_seconds=call_seconds)
    try:
        yield connection
    finally:
        await connection.close()
