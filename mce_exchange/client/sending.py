"""From the home to the relay: attachments, messages, other Statements; each retried with the same bytes.

A message goes once its attachments are there, urgent ones first. What the relay cannot take now
waits by itself; a call that fails is made smaller, so that what makes it fail is found and waits alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Sequence
from functools import partial
from typing import Any, Final, TypeVar

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.client.attaching import Progress
from mce_exchange.client.dispatch import Dispatch
from mce_exchange.client.pace import FIRST_SECONDS, Later
from mce_exchange.client.relay import TRANSIENT, Outcome, Relay
from mce_exchange.errors import Fault, LogError, MceError, ProtocolError, RefusedError, TransportError
from mce_exchange.header import read_header
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Outgoing

_T = TypeVar("_T")
_Run = Callable[..., Awaitable[Any]]
_ALONE_SECONDS: Final = 2.0


class Sending:
    """Each method does a piece of work: the seconds to wait for more, 0 for at once, None for a change."""

    def __init__(
        self,
        home: Home,
        dispatch: Dispatch,
        relay: Relay,
        run: _Run,
        *,
        takes_part: Callable[[], bool],
        trouble: Callable[[MceError], None],
        progress: Progress,
    ) -> None:
        self._home = home
        self._progress = progress
        self._dispatch = dispatch
        self._relay = relay
        self._run = run
        self._takes_part = takes_part
        self._trouble = trouble
        self._uploading: set[bytes] = set()
        self._no_upload = Later()
        self._messages = _Calls(limits.ENVELOPES_PER_CALL)
        self._statements = _Calls(limits.STATEMENTS_PER_CALL)

    async def upload(self) -> float | None:
        """The attachments of one message."""
        if not self._takes_part():
            return None
        skip = self._no_upload.waiting() | self._uploading
        waiting = await self._run(self._dispatch.to_upload, skip)
        if not waiting:
            return self._no_upload.pause()
        message = waiting[0]
        if message.header_id not in self._uploading:
            self._uploading.add(message.header_id)
            try:
                await self._upload(message)
            finally:
                self._uploading.discard(message.header_id)
        return 0

    async def _upload(self, message: Outgoing) -> None:
        try:
            header = read_header(statements.decode(message.statement))
            for stream in header.core.streams[1:]:
                await self._put(stream.root, stream.ciphertext_size)
        except RefusedError as error:
            if error.reason in TRANSIENT:
                self._wait(message, error)
            else:
                await self._give_up(message, error)
        except (TransportError, LogError, ProtocolError) as error:
            self._wait(message, error)
        else:
            self._no_upload.done(message.header_id)
            await self._run(lambda: self._home.outbox.uploaded(message.header_id, done=True))

    async def _put(self, root: bytes, size: int) -> None:
        if not self._home.attachments.has(root):
            # Our own disk lost it; the other messages go on, and a person is told.
            raise RefusedError(
                f"attachment {root.hex()} is gone from this home",
                reason="attachment_lost",
                fault=Fault.STORE,
                remedy="check the disk, then send the message again",
            )
        told = partial(self._progress, f"upload {root.hex()[:8]}", total=size)
        with self._home.attachments.reading(root) as file:
            await self._relay.upload(root, size, file, told)

    def _wait(self, message: Outgoing, error: MceError) -> None:
        self._no_upload.put(message.header_id)
        self._trouble(error)

    async def _give_up(self, message: Outgoing, error: RefusedError) -> None:
        def work() -> None:
            with self._home.database.write():
                self._dispatch.not_accepted(message, error)

        await self._run(work)

    async def submit(self) -> float | None:
        """Messages whose attachments are there."""
        calls = self._messages
        return await self._call(
            calls,
            partial(self._dispatch.to_submit, calls.size, calls.waiting()),
            lambda one: one.header_id,
            self._relay.submit,
            self._dispatch.sent,
        )

    async def publish(self) -> float | None:
        """Acknowledgements and all other Statements."""
        calls = self._statements
        return await self._call(
            calls,
            partial(self._dispatch.to_publish, calls.size, calls.waiting()),
            lambda one: one.id,
            self._relay.publish,
            self._dispatch.published,
        )

    async def _call(
        self,
        calls: "_Calls",
        waiting: Callable[[], list[_T]],
        key: Callable[[_T], Hashable],
        call: Callable[[Sequence[_T]], Awaitable[list[Outcome]]],
        take: Callable[[Sequence[_T], Sequence[Outcome]], list[MceError | None]],
    ) -> float | None:
        if not self._takes_part():
            return None
        batch: list[_T] = await self._run(waiting)
        if not batch:
            return calls.pause()
        keys = [key(one) for one in batch]
        try:
            outcomes = await call(batch)
        except MceError as error:
            calls.failed(keys)
            if len(keys) > 1:
                raise
            # What fails alone waits alone, longer than the others wait for it.
            self._trouble(error)
            await asyncio.sleep(FIRST_SECONDS)
            return 0
        again: list[MceError | None] = await self._run(take, batch, outcomes)
        calls.succeeded(keys, again)
        for wrong in again:
            if wrong is not None:
                self._trouble(wrong)
        return 0


class _Calls:
    """How many things go into one call, and which wait by themselves."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._later = Later()
        self._alone = Later(_ALONE_SECONDS)
        self.size = most

    def waiting(self) -> frozenset[Hashable]:
        """Those that are not in the next call."""
        return self._later.waiting() | self._alone.waiting()

    def pause(self) -> float | None:
        """Until one of them is."""
        pauses = [one for one in (self._later.pause(), self._alone.pause()) if one is not None]
        return min(pauses, default=None)

    def failed(self, keys: Sequence[Hashable]) -> None:
        """The call failed as a whole: half of it the next time; one thing alone waits."""
        if len(keys) > 1:
            self.size = len(keys) // 2
        else:
            self._alone.put(keys[0])

    def succeeded(self, keys: Sequence[Hashable], again: Sequence[MceError | None]) -> None:
        """The call was answered, which says for each thing whether it is to be sent again."""
        self.size = min(self._most, self.size * 2)
        for key, error in zip(keys, again, strict=True):
            self._alone.done(key)
            if error is None:
                self._later.done(key)
            else:
                self._later.put(key)
