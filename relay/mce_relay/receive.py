"""The receiving stream: the log from an index on, answer by answer, only as far as the reader's credit goes.

Memory is one answer for each stream, however slow it is read, and a member has few streams (threat H3).
Who loses the door loses the stream; one that half-closes gets what its credit is for.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from mce_exchange.errors import RefusedError
from mce_exchange.v1 import relay_pb2 as pb
from mce_relay.core import Core
from mce_relay.refusals import refusal
from mce_relay.values import Batch

STREAMS: Final = 8
"""Streams of one member; a further one takes the place of the oldest, whose reader may be long gone."""
_MOST_CREDIT: Final = 1024


@dataclass
class Place:
    """One stream among those of its member. `changed` is set whenever it has to look again."""

    changed: asyncio.Event = field(default_factory=asyncio.Event)
    lost: bool = False


class Places:
    """All streams that are open."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Place]] = {}

    @contextmanager
    def take(self, member: str) -> Iterator[Place]:
        """A place until the stream ends."""
        places = self._of.setdefault(member, deque())
        if len(places) == STREAMS:
            oldest = places.popleft()
            oldest.lost = True
            oldest.changed.set()
        place = Place()
        places.append(place)
        try:
            yield place
        finally:
            if not place.lost:
                places.remove(place)


class _Credit:
    """How many answers may still go out; `ended` when no more will be granted."""

    def __init__(self, changed: asyncio.Event) -> None:
        self.left = 0
        self.ended = False
        self.fault: RefusedError | None = None
        self._changed = changed

    async def fill(self, requests: AsyncIterator[pb.ReceiveRequest]) -> None:
        """Take what the reader grants, until it hangs up."""
        try:
            async for request in requests:
                if request.WhichOneof("request") != "credit":
                    raise refusal("malformed", "after the first request of this stream come credits")
                self.left = min(self.left + request.credit, _MOST_CREDIT)
                self._changed.set()
        except RefusedError as error:
            self.fault = error
        finally:
            self.ended = True
            self._changed.set()


async def receive(
    core: Core, member: Callable[[], str], requests: AsyncIterator[pb.ReceiveRequest], place: Place
) -> AsyncIterator[pb.ReceiveResponse]:
    """Answer until the reader hangs up, loses its door or place, or the relay drains."""
    first = await anext(requests, None)
    if first is None or first.WhichOneof("request") != "from_index":
        raise refusal("malformed", "the first request of this stream names an index")
    index = first.from_index
    credit = _Credit(place.changed)
    filling = asyncio.create_task(credit.fill(requests))
    try:
        with core.listening(place.changed):
            while not (credit.ended and not credit.left):
                place.changed.clear()
                reader = member()
                _may_go_on(core, credit, place)
                batch = await core.read(reader, index) if credit.left else None
                if batch is None:
                    if core.moved and credit.left:
                        raise refusal("moved", "this log goes on at another relay")
                    await place.changed.wait()
                    continue
                credit.left -= 1
                index = batch.first_index + len(batch.entries) // 34
                answer, batch = _answer(batch), None
                # Not the same bytes twice for as long as a slow reader takes.
                yield answer
            _may_go_on(core, credit, place)
    finally:
        filling.cancel()
        await asyncio.wait([filling])


def _may_go_on(core: Core, credit: _Credit, place: Place) -> None:
    if credit.fault:
        raise credit.fault
    if core.draining:
        raise refusal("draining", "the relay restarts: go on from the same index")
    if place.lost:
        raise refusal("quota", f"a newer stream took the place of this one: a member has {STREAMS}")


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
