"""The relay's calls as values: what a node asks, whoever answers.

`Relay` is the seam: the real one is `GrpcRelay`, tests put a hostile one in its place. Nothing that
comes back is believed here; `intake` and `dispatch` verify it.
"""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, Final, Protocol, cast

import grpc
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
TRANSIENT: Final = frozenset({"draining", "quota", "attachment_missing", "wrong_offset"})
"""Refusals after which the same bytes may be accepted later."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The relay's receipt and the Statement as it stands in the log; verified by the caller."""

    receipt: Receipt
    statement: bytes


Outcome = Accepted | RefusedError


class Relay(Protocol):
    """What a node asks of a relay. Every method raises `TransportError` or `RefusedError`."""

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Hand in messages; an outcome for each, in order."""

    async def publish(self, statements: Sequence[Queued]) -> list[Outcome]:
        """Hand in other Statements."""

    async def upload(self, root: bytes, size: int, source: BinaryIO) -> None:
        """Hand in an attachment's ciphertext, from where the relay stopped."""

    def download(self, root: bytes, offset: int) -> AsyncIterator[tuple[bytes, bytes]]:
        """`(leaf hashes, data)`; the first piece has the leaf hashes of the whole."""

    def receive(self, from_index: int) -> AsyncIterator[Batch]:
        """The log from an index on, without end."""

    async def anchor(self, min_size: int) -> bytes:
        """The oldest anchor of at least a size, 0 for the newest: a note."""

    async def checkpoint(self) -> bytes:
        """The newest checkpoint: a note."""


class GrpcRelay:
    """The relay at the other end of a channel."""

    def __init__(self, channel: grpc.aio.Channel) -> None:
        self._stub = relay_pb2_grpc.RelayServiceStub(channel)

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """See `Relay`."""
        request = pb.SubmitRequest()
        for one in messages:
            request.envelopes.add(statement=one.statement, wraps=one.wraps, payload=one.payload)
        with _errors():
            answer = await self._stub.Submit(request, timeout=_CALL_SECONDS, wait_for_ready=True)
        return _outcomes(answer.results, len(messages))

    async def publish(self, statements: Sequence[Queued]) -> list[Outcome]:
        """See `Relay`."""
        request = pb.PublishRequest()
        for one in statements:
            request.statements.add(statement=one.statement, members=one.members, wrap=one.wrap)
        with _errors():
            answer = await self._stub.Publish(request, timeout=_CALL_SECONDS, wait_for_ready=True)
        return _outcomes(answer.results, len(statements))

    async def upload(self, root: bytes, size: int, source: BinaryIO) -> None:
        """See `Relay`."""
        with _errors():
            state = await self._stub.AttachmentStatus(
                pb.AttachmentStatusRequest(root=root), timeout=_CALL_SECONDS, wait_for_ready=True
            )
            held, complete = state.held, state.complete
            while not complete:
                source.seek(held)
                part = pb.PutAttachmentRequest(
                    root=root, size=size, offset=held, data=source.read(limits.PART)
                )
                answer = await self._stub.PutAttachment(part, timeout=_CALL_SECONDS, wait_for_ready=True)
                if answer.held <= held and not answer.complete:
                    raise LogError("the relay takes no more of an attachment that is not whole")
                held, complete = answer.held, answer.complete

    async def download(self, root: bytes, offset: int) -> AsyncIterator[tuple[bytes, bytes]]:
        """See `Relay`."""
        with _errors():
            call = self._stub.GetAttachment(
                pb.GetAttachmentRequest(root=root, offset=offset), wait_for_ready=True
            )
            async for piece in call:
                yield piece.leaf_hashes, piece.data

    async def receive(self, from_index: int) -> AsyncIterator[Batch]:
        """See `Relay`. At most eight answers wait on our side: more come as these are taken."""
        with _errors():
            call = self._stub.Receive(wait_for_ready=True)
            await call.write(pb.ReceiveRequest(from_index=from_index))
            await call.write(pb.ReceiveRequest(credit=_CREDIT))
            async for answer in call:
                yield Batch(
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
                await call.write(pb.ReceiveRequest(credit=1))

    async def anchor(self, min_size: int) -> bytes:
        """See `Relay`."""
        with _errors():
            answer = await self._stub.GetAnchor(
                pb.GetAnchorRequest(min_size=min_size), timeout=_CALL_SECONDS, wait_for_ready=True
            )
        return answer.note

    async def checkpoint(self) -> bytes:
        """See `Relay`."""
        with _errors():
            answer = await self._stub.GetCheckpoint(
                pb.GetCheckpointRequest(), timeout=_CALL_SECONDS, wait_for_ready=True
            )
        return answer.checkpoint


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
    reason = pb.RefusalReason.Name(refusal.reason).removeprefix("REFUSAL_REASON_").lower()
    return RefusedError(
        f"the relay refused ({reason}): {refusal.message}",
        reason=reason,
        fault=Fault.RELAY if reason in ("draining", "unspecified") else Fault.USAGE,
        remedy=refusal.remedy or None,
    )


@contextmanager
def _errors() -> Iterator[None]:
    """No foreign exception leaves: a typed refusal, or nothing is known about the outcome."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        # The error carries what a finished call does: code, details and trailing metadata.
        status = rpc_status.from_call(cast(grpc.Call, error))
        for detail in status.details if status else ():
            refusal = pb.Refusal()
            if detail.Unpack(refusal):
                raise _refused(refusal) from None
        raise TransportError(f"no answer from the relay ({error.code().name})") from error
