"""The receiving stream: the log from an index on, answer by answer, only as far as the reader's credit goes.

Memory is one answer for each connected member, however slow it reads (threat H3).
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Final

from mce_exchange.v1 import relay_pb2 as pb
from mce_relay.core import Core
from mce_relay.refusals import refusal
from mce_relay.values import Batch

_MOST_CREDIT: Final = 1024


class _Credit:
    """How many answers may still go out; ends when the reader hangs up."""

    def __init__(self) -> None:
        self._left = 0
        self._ended = False
        self._changed = asyncio.Event()

    async def fill(self, requests: AsyncIterator[pb.ReceiveRequest]) -> None:
        """Take what the reader grants, until it hangs up."""
        try:
            async for request in requests:
                if request.WhichOneof("request") == "credit":
                    self._left = min(self._left + request.credit, _MOST_CREDIT)
                    self._changed.set()
        finally:
            self._ended = True
            self._changed.set()

    async def take(self) -> bool:
        """Wait for one; False if the reader has hung up."""
        while not self._left and not self._ended:
            self._changed.clear()
            await self._changed.wait()
        if self._ended:
            return False
        self._left -= 1
        return True

    @property
    def ended(self) -> bool:
        """Whether the reader has hung up."""
        return self._ended


async def receive(
    core: Core, member: str, requests: AsyncIterator[pb.ReceiveRequest]
) -> AsyncIterator[pb.ReceiveResponse]:
    """Answer until the reader hangs up or the relay drains. The first request names the index."""
    first = await anext(requests, None)
    if first is None or first.WhichOneof("request") != "from_index":
        raise refusal("malformed", "the first request of this stream names an index")
    index = first.from_index
    credit = _Credit()
    filling = asyncio.create_task(credit.fill(requests))
    try:
        while await credit.take():
            batch = await _next(core, member, index, filling)
            if batch is None:
                return
            index = batch.first_index + len(batch.entries) // 34
            yield _answer(batch)
    finally:
        filling.cancel()
        await asyncio.wait([filling])


async def _next(core: Core, member: str, index: int, filling: asyncio.Task[None]) -> Batch | None:
    """The next batch; None at the reader's end or the relay's."""
    while (batch := await core.read(member, index)) is None:
        if filling.done() or core.draining:
            return None
        waiting = asyncio.create_task(core.wait(index))
        await asyncio.wait([waiting, filling], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
    return batch


def _answer(batch: Batch) -> pb.ReceiveResponse:
    answer = pb.ReceiveResponse(
        first_index=batch.first_index,
        entries=batch.entries,
        checkpoint=batch.checkpoint,
        consistency=batch.consistency,
    )
    for one in batch.statements:
        answer.statements.add(
            index=one.index,
            statement=one.statement,
            members=one.members,
            wrap=one.wrap,
            payload=one.payload,
        )
    return answer
