"""The relay's calls when the relay misbehaves: whatever it does comes out as an error of the tree."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from mce_exchange.client.relay import GrpcRelay
from mce_exchange.errors import LogError, RefusedError, TransportError
from mce_exchange.store.outbox import Outgoing
from mce_exchange.v1 import relay_pb2 as pb

MESSAGE = Outgoing(header_id=bytes(32), statement=b"s", wraps=(b"w",), payload=b"p")
Behave = Callable[[Any, grpc.aio.ServicerContext[bytes, bytes]], Any]


class Anything(grpc.GenericRpcHandler):
    """Answers every call with one behaviour, in bytes."""

    def __init__(self, behave: Behave, *, streams: bool) -> None:
        self.behave = behave
        self.streams = streams

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        if self.streams:
            return grpc.stream_stream_rpc_method_handler(self.behave)
        return grpc.unary_unary_rpc_method_handler(self.behave)


@asynccontextmanager
async def against(behave: Behave, *, streams: bool = False) -> AsyncIterator[GrpcRelay]:
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Anything(behave, streams=streams),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield GrpcRelay(channel, call_seconds=5.0)
    finally:
        await server.stop(None)


async def cancelled(_: object, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.CANCELLED, "as if we had wanted it")
    return b""


async def internal(_: object, context: Any) -> bytes:
    await context.abort(grpc.StatusCode.INTERNAL, "\x1b[31m")
    return b""


async def garbage(_: object, context: Any) -> bytes:
    return b"\xff\xff\xff"


async def too_few(_: object, context: Any) -> bytes:
    return b""


async def other_details(_: object, context: Any) -> bytes:
    detail = any_pb2.Any(type_url="type.googleapis.com/mce_exchange.v1.Refusal", value=b"\xff\xff")
    status = status_pb2.Status(code=code_pb2.ABORTED, message="x", details=[detail])
    await context.abort_with_status(rpc_status.to_status(status))
    return b""


async def other_code(_: object, context: Any) -> bytes:
    """Details that contradict the status: gRPC's own helper raises ValueError for them."""
    status = status_pb2.Status(code=code_pb2.ABORTED, message="x")
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    await context.abort(grpc.StatusCode.INTERNAL, "y")
    return b""


CALLS: list[Callable[[GrpcRelay], Awaitable[object]]] = [
    lambda relay: relay.submit([MESSAGE]),
    lambda relay: relay.checkpoint(),
    lambda relay: relay.upload(bytes(32), 1, io.BytesIO(b"x"), lambda _: None),
    lambda relay: relay.entries(0, 1),
    lambda relay: relay.witnessed(),
    lambda relay: relay.cosign(1, b"lines"),
]
# Whose empty answer is one: no checkpoint, no entries, no note, and nothing to say.
EMPTY = (CALLS[1], *CALLS[3:])


@pytest.mark.parametrize("behave", [cancelled, internal, garbage, too_few, other_details, other_code])
async def test_no_foreign_exception_leaves_a_call(behave: Behave) -> None:
    async with against(behave) as relay:
        for call in CALLS:
            if behave is too_few and call in EMPTY:
                continue
            with pytest.raises((TransportError, LogError)) as caught:
                await call(relay)
            assert "\x1b" not in str(caught.value)
        # A task that is really cancelled still ends so.
        task = asyncio.ensure_future(CALLS[0](relay))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_a_reason_of_a_newer_relay_is_told_and_is_not_final() -> None:
    async def newer(_: object, context: Any) -> bytes:
        refusal = pb.Refusal(message="m" * 5000, remedy="r" * 5000)
        refusal.reason = 77  # type: ignore[assignment]  # of a version that is still to come
        return pb.SubmitResponse(results=[pb.SubmitResult(refusal=refusal)]).SerializeToString()

    async with against(newer) as relay:
        [outcome] = await relay.submit([MESSAGE])
    assert isinstance(outcome, RefusedError)
    assert outcome.reason == "unspecified"
    assert len(str(outcome)) < 400
    assert len(outcome.remedy) <= 300


async def test_an_answer_without_a_result_is_not_final() -> None:
    async def empty(_: object, context: Any) -> bytes:
        return pb.SubmitResponse(results=[pb.SubmitResult()]).SerializeToString()

    async with against(empty) as relay:
        [outcome] = await relay.submit([MESSAGE])
    assert isinstance(outcome, RefusedError)
    assert outcome.reason == "unspecified"


async def ends_at_once(requests: Any, context: Any) -> AsyncIterator[bytes]:
    for one in list[bytes]():
        yield one


async def ends_after_one(requests: Any, context: Any) -> AsyncIterator[bytes]:
    await anext(requests), await anext(requests)
    yield pb.ReceiveResponse(first_index=0, entries=b"e").SerializeToString()


async def breaks_off(requests: Any, context: Any) -> AsyncIterator[bytes]:
    await anext(requests), await anext(requests)
    yield pb.ReceiveResponse(first_index=0, entries=b"e").SerializeToString()
    await context.abort(grpc.StatusCode.CANCELLED, "")


@pytest.mark.parametrize("behave", [ends_at_once, ends_after_one, breaks_off])
async def test_the_end_of_the_logs_stream_is_an_end_or_a_typed_error(behave: Behave) -> None:
    async with against(behave, streams=True) as relay:
        came = 0
        with suppress(TransportError):
            async for batch in relay.receive(0):
                came += len(batch.entries)
                # The stream is over before we grant more: writing to it is no foreign error.
                await asyncio.sleep(0.1)
        assert came == (behave is not ends_at_once)


async def test_a_download_that_falls_silent_is_given_up() -> None:
    async def silent(requests: Any, context: Any) -> AsyncIterator[bytes]:
        yield pb.GetAttachmentResponse(leaf_hashes=bytes(32)).SerializeToString()
        await asyncio.sleep(60)

    async with against(silent, streams=True) as relay:
        relay._seconds = 0.2
        with pytest.raises(TransportError, match="silent"):
            async for _ in relay.download(bytes(32), 0):
                pass
