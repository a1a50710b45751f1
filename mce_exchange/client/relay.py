"""The relay's calls as values: what a node asks, whoever answers.

`Relay` is the seam: the real one is `GrpcRelay`, tests put a hostile one in its place. Nothing that
comes back is believed here; `intake` and `dispatch` verify it.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, TypeVar, cast

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from mce_exchange import limits
from mce_exchange.errors import Fault, LogError, RefusedError, TransportError
from mce_exchange.hotline.follow import Batch, Given
from mce_exchange.log.receipt import Receipt
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import relay_pb2_grpc

_CREDIT: Final = 8
_CALL_SECONDS: Final = 60.0
_TEXT: Final = 300
TRANSIENT: Final = frozenset(
    {"draining", "moved", "quota", "attachment_missing", "wrong_offset", "not_admitted", "unspecified"}
)
"""Refusals after which the same bytes may be accepted later: a suspension, for one, can be lifted."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The relay's receipt and the Statement as it stands in the log; verified by the caller."""

    receipt: Receipt
    statement: bytes


Outcome = Accepted | RefusedError
Told = Callable[[int], None]
_T = TypeVar("_T")


class Relay(Protocol):
    """What a node asks of a relay. Every method raises `TransportError` or `RefusedError`."""

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand in messages; an outcome for each, in order."""

    async def publish(self, statements: Sequence[Queued]) -> list[Outcome]:
        """Hand in other Statements."""

    async def upload(self, root: bytes, size: int, source: BinaryIO, told: Told) -> None:
        """Hand in an attachment's ciphertext, from where the relay stopped; `told` of bytes held."""

    def download(self, root: bytes, offset: int) -> AsyncGenerator[tuple[bytes, bytes], None]:
        """`(leaf hashes, data)`; the first piece has the leaf hashes of the whole."""

    def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        """The log from an index on, without end."""

    async def anchor(self, min_size: int) -> bytes:
        """The oldest anchor of at least a size, 0 for the newest: a note."""

    async def entries(self, first: int, count: int) -> bytes:
        """At most so many log entries from an index on, 34 bytes each."""

    async def witnessed(self) -> bytes:
        """The newest anchor that had its quorum: a note."""

    async def cosign(self, size: int, lines: bytes) -> None:
        """Hand in a witness's two lines on the anchor of a size."""

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        """The newest checkpoint: a note. The relay is shown an anchor of its own."""


class GrpcRelay:
    """The relay at the other end of a channel. Nothing but the log's stream may stay silent for long."""

    def __init__(self, channel: grpc.aio.Channel, *, call_seconds: float = _CALL_SECONDS) -> None:
        self._channel = channel
        self._stub = relay_pb2_grpc.RelayServiceStub(channel)
        self._seconds = call_seconds

    @property
    def reached(self) -> bool:
        """Whether a connection stands, or none has been asked for."""
        return self._channel.get_state() in (
            grpc.ChannelConnectivity.READY,
            grpc.ChannelConnectivity.IDLE,
        )

    async def use(self, channel: grpc.aio.Channel, *, grace: float | None = None) -> None:
        """Another connection from here on; calls over the one before have `grace` seconds to end, and then
        do with `TransportError`.
        """
        before, self._channel = self._channel, channel
        self._stub = relay_pb2_grpc.RelayServiceStub(channel)
        await before.close(grace)

    async def close(self) -> None:
        """End the connection."""
        await self._channel.close()

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """See `Relay`."""
        request = pb.SubmitRequest()
        for one in messages:
            request.envelopes.add(statement=one.statement, wraps=one.wraps, payload=one.payload)
        with _errors():
            answer = await self._stub.Submit(request, timeout=self._seconds, wait_for_ready=True)
        return _outcomes(_there(answer).results, len(messages))

    async def publish(self, statements: Sequence[Queued]) -> list[Outcome]:
        """See `Relay`."""
        request = pb.PublishRequest()
        for one in statements:
            request.statements.add(statement=one.statement, members=one.members, wrap=one.wrap)
        with _errors():
            answer = await self._stub.Publish(request, timeout=self._seconds, wait_for_ready=True)
        return _outcomes(_there(answer).results, len(statements))

    async def upload(self, root: bytes, size: int, source: BinaryIO, told: Told) -> None:
        """See `Relay`."""
        with _errors():
            state = await self._stub.AttachmentStatus(
                pb.AttachmentStatusRequest(root=root), timeout=self._seconds, wait_for_ready=True
            )
            held, complete = _there(state).held, state.complete
            while not complete:
                source.seek(held)
                part = pb.PutAttachmentRequest(
                    root=root, size=size, offset=held, data=source.read(limits.PART)
                )
                answer = await self._stub.PutAttachment(part, timeout=self._seconds, wait_for_ready=True)
                if _there(answer).held <= held and not answer.complete:
                    raise LogError("the relay takes no more of an attachment that is not whole")
                held, complete = answer.held, answer.complete
                told(min(held, size))

    async def download(self, root: bytes, offset: int) -> AsyncGenerator[tuple[bytes, bytes], None]:
        """See `Relay`."""
        with _errors():
            call = self._stub.GetAttachment(
                pb.GetAttachmentRequest(root=root, offset=offset), wait_for_ready=True
            )
            try:
                while True:
                    async with asyncio.timeout(self._seconds):
                        piece = await call.read()
                    if piece is grpc.aio.EOF:
                        return
                    part = _there(cast(pb.GetAttachmentResponse | None, piece))
                    yield part.leaf_hashes, part.data
            finally:
                call.cancel()

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        """See `Relay`. At most eight answers wait on our side: more come as these are taken."""
        with _errors():
            call = self._stub.Receive(wait_for_ready=True)
            try:
                await call.write(pb.ReceiveRequest(from_index=from_index))
                await call.write(pb.ReceiveRequest(credit=_CREDIT))
                async for answer in call:
                    yield _batch(_there(answer))
                    await call.write(pb.ReceiveRequest(credit=1))
            finally:
                call.cancel()

    async def anchor(self, min_size: int) -> bytes:
        """See `Relay`."""
        return await self._anchor(pb.GetAnchorRequest(min_size=min_size))

    async def witnessed(self) -> bytes:
        """See `Relay`."""
        return await self._anchor(pb.GetAnchorRequest(witnessed=True))

    async def _anchor(self, request: pb.GetAnchorRequest) -> bytes:
        with _errors():
            answer = await self._stub.GetAnchor(request, timeout=self._seconds, wait_for_ready=True)
        return _there(answer).note

    async def entries(self, first: int, count: int) -> bytes:
        """See `Relay`."""
        request = pb.GetEntriesRequest(from_index=first, count=count)
        with _errors():
            answer = await self._stub.GetEntries(request, timeout=self._seconds, wait_for_ready=True)
        return _there(answer).entries

    async def cosign(self, size: int, lines: bytes) -> None:
        """See `Relay`."""
        with _errors():
            answer = await self._stub.Cosign(
                pb.CosignRequest(size=size, lines=lines), timeout=self._seconds, wait_for_ready=True
            )
        _there(answer)

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        """See `Relay`."""
        request = pb.GetCheckpointRequest(anchor=anchor)
        with _errors():
            answer = await self._stub.GetCheckpoint(request, timeout=self._seconds, wait_for_ready=True)
        return _there(answer).checkpoint


def _there(answer: _T | None) -> _T:
    """An answer that gRPC could read: for bytes that are none it gives None."""
    if answer is None:
        raise LogError("the relay's answer is none")
    return answer


def _batch(answer: pb.ReceiveResponse) -> Batch:
    return Batch(
        first_index=answer.first_index,
        entries=answer.entries,
        statements=tuple(
            Given(
                index=one.index,
                statement=one.statement,
                members=tuple(one.members),
                wrap=one.wrap,
                payload=one.payload,
            )
            for one in answer.statements
        ),
        checkpoint=answer.checkpoint,
        consistency=tuple(answer.consistency),
    )


def _outcomes(results: Sequence[pb.SubmitResult], count: int) -> list[Outcome]:
    if len(results) != count:
        raise LogError(f"{len(results)} answers to {count} messages")
    outcomes: list[Outcome] = []
    for one in results:
        if one.WhichOneof("result") == "accepted":
            receipt = one.accepted.receipt
            outcomes.append(
                Accepted(
                    Receipt(index=receipt.index, proof=tuple(receipt.proof), checkpoint=receipt.checkpoint),
                    one.accepted.statement,
                )
            )
        else:
            outcomes.append(_refused(one.refusal))
    return outcomes


def _refused(refusal: pb.Refusal) -> RefusedError:
    """The relay's words are its own: cut, and a reason of a newer version is none that we know."""
    known = refusal.reason in pb.RefusalReason.values()
    reason = pb.RefusalReason.Name(refusal.reason if known else pb.REFUSAL_REASON_UNSPECIFIED)
    reason = reason.removeprefix("REFUSAL_REASON_").lower()
    return RefusedError(
        f"the relay refused ({reason}): {refusal.message[:_TEXT]}",
        reason=reason,
        fault=Fault.RELAY if reason in ("draining", "moved", "unspecified") else Fault.USAGE,
        remedy=refusal.remedy[:_TEXT] or None,
    )


@contextmanager
def _errors() -> Iterator[None]:
    """No foreign exception leaves: a typed refusal, or nothing is known about the outcome."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        refusal = _refusal_in(error)
        if refusal is not None:
            raise _refused(refusal) from None
        raise TransportError(f"no answer from the relay ({error.code().name})") from error
    except TimeoutError:
        raise TransportError("the relay fell silent in the middle of an answer") from None
    except (grpc.aio.BaseError, asyncio.InvalidStateError) as error:
        # The stream ended between its last answer and our next word.
        raise TransportError("the relay ended the call") from error
    except asyncio.CancelledError as error:
        # A call that ends with status CANCELLED looks as if this task had been cancelled: a loop that
        # believed it would end for good, and nobody would be told.
        task = asyncio.current_task()
        if task is None or task.cancelling():
            raise
        raise TransportError("the relay cancelled the call") from error


def _refusal_in(error: grpc.aio.AioRpcError) -> pb.Refusal | None:
    """The typed refusal in an error's rich details, if there is one that can be read."""
    refusal = pb.Refusal()
    try:
        # The error carries what a finished call does: code, details and trailing metadata.
        status = rpc_status.from_call(cast(grpc.Call, error))
        found = any(detail.Unpack(refusal) for detail in status.details) if status else False
    except (ValueError, DecodeError):
        return None
    return refusal if found else None
