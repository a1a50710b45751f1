"""The gate before every call: who calls, how many at once, how many bytes are under way (threats H2, H3).

A request is read only when its caller is admitted and has room for it, is bounded before it is
parsed, and counts until the work it asked for has ended, also when the caller hangs up meanwhile. All
of it is per member, so what one does takes nothing from the others. On the wire nothing changes: a
unary request is a stream of one message, which is how the gate gets to read it.
"""

import asyncio
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from mce_exchange import limits
from mce_exchange.errors import RefusedError
from mce_exchange.v1 import relay_pb2
from mce_relay import requests
from mce_relay.metrics import PrometheusMetrics
from mce_relay.refusals import light, refusal
from mce_relay.statuses import abort

CALLS: Final = 256
"""Calls of one member that may be open at once."""
READERS: Final = 4
"""Requests of one member that are read at once: each may be as long as a call."""
UNDER_WAY: Final = 2 * limits.CALL
"""Bytes of one member that were read and are not done; more is read when less is."""
ELEMENT: Final = 4 * limits.KIB
"""What each element of a request counts beside its bytes: what the relay keeps in memory about it."""
READ_SECONDS: Final = 60.0

_SMALL: Final = 64 * limits.KIB
_LARGE: Final = MappingProxyType(
    {
        "Submit": (limits.CALL, relay_pb2.SubmitRequest.DESCRIPTOR),
        "Publish": (limits.CALL, relay_pb2.PublishRequest.DESCRIPTOR),
        "PutAttachment": (limits.PART + limits.KIB, relay_pb2.PutAttachmentRequest.DESCRIPTOR),
    }
)
_Context = Any
_Requests = AsyncIterator[bytes]


@dataclass
class _Caller:
    """What one member has under way."""

    calls: int = 0
    size: int = 0
    readers: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(READERS))
    less: asyncio.Event = field(default_factory=asyncio.Event)

    @contextmanager
    def call(self, member: str) -> Iterator[None]:
        if self.calls >= CALLS:
            raise refusal("quota", f"{member} has {self.calls} calls open")
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1

    async def room(self) -> None:
        while self.size >= UNDER_WAY:
            self.less.clear()
            await self.less.wait()

    def begun(self, size: int, task: asyncio.Future[Any]) -> None:
        """Count until the work has ended, which a caller that hangs up does not end."""
        self.size += size
        task.add_done_callback(lambda _: self._done(size))

    def _done(self, size: int) -> None:
        self.size -= size
        self.less.set()


class Gate(grpc.aio.ServerInterceptor):
    """`who` names the caller of a call, or None for a stranger."""

    def __init__(self, who: Callable[[_Context], str | None], metrics: PrometheusMetrics) -> None:
        self._who = who
        self._metrics = metrics
        self._callers: dict[str, _Caller] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Any]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Any:
        """The same call behind the gate."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        name = str(handler_call_details.method).rsplit("/", 1)[-1]
        guarded = _Guarded(self, name, handler)
        if handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                guarded.stream, response_serializer=handler.response_serializer
            )
        return grpc.stream_unary_rpc_method_handler(
            guarded.unary, response_serializer=handler.response_serializer
        )

    def caller(self, context: _Context) -> tuple[str, _Caller]:
        """Who calls; a stranger ends here."""
        member = self._who(context)
        if member is None:
            raise refusal("not_admitted", "this certificate opens no door here")
        return member, self._callers.setdefault(member, _Caller())

    def called(self, name: str, context: _Context, seconds: float) -> None:
        """A unary call has ended."""
        code = context.code() or grpc.StatusCode.OK
        self._metrics.called(name, getattr(code, "name", str(code)), seconds)


async def _settled(work: Awaitable[Any]) -> tuple[Any, Exception | None]:
    try:
        return await work, None
    except Exception as error:
        return None, light(error)


class _Guarded:
    """One call's handler behind the gate."""

    def __init__(self, gate: Gate, name: str, handler: Any) -> None:
        self._gate = gate
        self._name = name
        self._handler = handler

    async def unary(self, raw: _Requests, context: _Context) -> Any:
        """Read, count, work to the end."""
        start = time.perf_counter()
        try:
            member, caller = self._gate.caller(context)
            with caller.call(member):
                request, size = await self._read(caller, raw)
                task = asyncio.ensure_future(_settled(self._handler.unary_unary(request, context)))
                del request
                caller.begun(size, task)
                answer, error = await asyncio.shield(task)
                if error is None:
                    return answer
                raise error
        except RefusedError as refused:
            await abort(context, light(refused))
        finally:
            self._gate.called(self._name, context, time.perf_counter() - start)

    async def stream(self, raw: _Requests, context: _Context) -> AsyncIterator[Any]:
        """Read what has to be read first; the answers are as many as the handler gives."""
        try:
            member, caller = self._gate.caller(context)
            with caller.call(member):
                if self._handler.request_streaming:
                    answers = self._handler.stream_stream(self._parsed(raw), context)
                else:
                    request, _ = await self._read(caller, raw)
                    answers = self._handler.unary_stream(request, context)
                if inspect.isawaitable(answers):
                    await answers
                    return
                async for answer in answers:
                    yield answer
        except RefusedError as refused:
            await abort(context, light(refused))

    async def _read(self, caller: _Caller, raw: _Requests) -> tuple[Any, int]:
        async with caller.readers:
            await caller.room()
            try:
                async with asyncio.timeout(READ_SECONDS):
                    data = await anext(raw, None)
                    # To the end, which makes gRPC let go of it too.
                    more = await anext(raw, None)
            except TimeoutError:
                raise refusal("quota", f"a request that did not come in {READ_SECONDS:.0f} s") from None
        if data is None or more is not None:
            raise refusal("malformed", "a call with no request, or more than one")
        return self._parse(data)

    async def _parsed(self, raw: _Requests) -> AsyncIterator[Any]:
        async for data in raw:
            yield self._parse(data)[0]

    def _parse(self, data: bytes) -> tuple[Any, int]:
        most, descriptor = _LARGE.get(self._name, (_SMALL, None))
        if len(data) > most:
            raise refusal("too_large", f"a request of {len(data)} bytes, at most {most}")
        elements = requests.elements(descriptor, data) if descriptor else 1
        try:
            return self._handler.request_deserializer(data), len(data) + elements * ELEMENT
        except DecodeError:
            raise refusal("malformed", "a request that is no protobuf message") from None
