"""The calls of relay.proto: decode, ask the core, encode. No rule of the protocol stands here.

Every refusal is a typed one in the rich error details; whatever else goes wrong is told to the
caller as INTERNAL without a word of it, and logged by its type.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, Final, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from mce_exchange import limits
from mce_exchange.errors import MceError, RefusedError
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import relay_pb2_grpc
from mce_relay.core import Core
from mce_relay.logs import logger
from mce_relay.receive import receive
from mce_relay.refusals import refusal
from mce_relay.values import Accepted, EnvelopeIn, Outcome, PublishIn

_CODES: Final = {
    "malformed": code_pb2.INVALID_ARGUMENT,
    "too_large": code_pb2.INVALID_ARGUMENT,
    "bad_signature": code_pb2.PERMISSION_DENIED,
    "wrong_context": code_pb2.INVALID_ARGUMENT,
    "not_admitted": code_pb2.UNAUTHENTICATED,
    "quota": code_pb2.RESOURCE_EXHAUSTED,
    "not_found": code_pb2.NOT_FOUND,
    "wrong_offset": code_pb2.FAILED_PRECONDITION,
    # Not UNAVAILABLE, which gRPC itself would retry here: the member reconnects when the relay is back.
    "draining": code_pb2.ABORTED,
}
_Context = Any
_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


def refused(error: RefusedError) -> pb.Refusal:
    """A refusal as it travels."""
    return pb.Refusal(
        reason=pb.RefusalReason.Value(f"REFUSAL_REASON_{error.reason.upper()}"),
        message=str(error),
        remedy=error.remedy,
    )


async def abort(context: _Context, error: RefusedError) -> NoReturn:
    """End a call with a refusal."""
    detail = any_pb2.Any()
    detail.Pack(refused(error))
    code = _CODES.get(error.reason, code_pb2.FAILED_PRECONDITION)
    status = status_pb2.Status(code=code, message=error.reason, details=[detail])
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort does not return")


def _method(name: str, error: Exception) -> None:
    fault = error.fault if isinstance(error, MceError) else "unexpected"
    logger().error("call failed", method=name, error=type(error).__name__, fault=str(fault))


def _unary(
    work: Callable[["Service", str, _Request], Awaitable[_Response]],
) -> Callable[["Service", _Request, _Context], Awaitable[_Response]]:
    """A call by a known member; nothing foreign leaves."""

    @functools.wraps(work)
    async def call(self: "Service", request: _Request, context: _Context) -> _Response:
        member = await self.known(context)
        try:
            return await work(self, member, request)
        except RefusedError as error:
            await abort(context, error)
        except Exception as error:
            _method(work.__name__, error)
            await context.abort(grpc.StatusCode.INTERNAL, "the relay failed; nothing was promised")
        raise AssertionError("abort does not return")

    return call


class Service(relay_pb2_grpc.RelayServiceServicer):
    """The relay's calls over one core; `who` names the caller or None."""

    def __init__(self, core: Core, who: Callable[[_Context], str | None]) -> None:
        self._core = core
        self._who = who

    async def known(self, context: _Context) -> str:
        """The caller's id; a stranger's call ends here."""
        member = self._who(context)
        if member is None:
            await abort(context, refusal("not_admitted", "this certificate opens no door here"))
        return member

    @_unary
    async def Submit(self, member: str, request: pb.SubmitRequest) -> pb.SubmitResponse:
        """Envelopes."""
        envelopes = [EnvelopeIn(e.statement, tuple(e.wraps), e.payload) for e in request.envelopes]
        return pb.SubmitResponse(results=_results(await self._core.submit(member, envelopes)))

    @_unary
    async def Publish(self, member: str, request: pb.PublishRequest) -> pb.PublishResponse:
        """Other Statements."""
        statements = [PublishIn(s.statement, tuple(s.members), s.wrap) for s in request.statements]
        return pb.PublishResponse(results=_results(await self._core.publish(member, statements)))

    @_unary
    async def AttachmentStatus(
        self, member: str, request: pb.AttachmentStatusRequest
    ) -> pb.AttachmentStatusResponse:
        """How much is held."""
        state = await self._core.attachment_status(member, _root(request.root))
        return pb.AttachmentStatusResponse(held=state.held, complete=state.complete)

    @_unary
    async def PutAttachment(self, member: str, request: pb.PutAttachmentRequest) -> pb.PutAttachmentResponse:
        """One part."""
        state = await self._core.put_attachment(
            member, root=_root(request.root), size=request.size, offset=request.offset, data=request.data
        )
        return pb.PutAttachmentResponse(held=state.held, complete=state.complete)

    async def GetAttachment(
        self, request: pb.GetAttachmentRequest, context: _Context
    ) -> AsyncIterator[pb.GetAttachmentResponse]:
        """Leaf hashes, then parts; one part is in memory at a time."""
        member = await self.known(context)
        try:
            hashes, size = await self._core.attachment(member, _root(request.root))
            yield pb.GetAttachmentResponse(leaf_hashes=hashes, size=size)
            offset = request.offset
            while data := await self._core.attachment_part(member, request.root, offset):
                yield pb.GetAttachmentResponse(data=data)
                offset += len(data)
        except RefusedError as error:
            await abort(context, error)

    async def Receive(
        self, request_iterator: AsyncIterator[pb.ReceiveRequest], context: _Context
    ) -> AsyncIterator[pb.ReceiveResponse]:
        """The log, as far as the caller's credit goes."""
        member = await self.known(context)
        try:
            async for answer in receive(self._core, member, request_iterator):
                yield answer
        except RefusedError as error:
            await abort(context, error)

    async def GetDirectories(
        self, request: pb.GetDirectoriesRequest, context: _Context
    ) -> AsyncIterator[pb.GetDirectoriesResponse]:
        """Every version from one on."""
        await self.known(context)
        for index, bundle in await self._core.directories(request.from_version):
            answer = pb.GetDirectoriesResponse(index=index)
            answer.bundle.statement = bundle.statement
            answer.bundle.members.extend(bundle.members)
            yield answer

    @_unary
    async def GetPrekeys(self, member: str, request: pb.GetPrekeysRequest) -> pb.GetPrekeysResponse:
        """Newest prekeys."""
        return pb.GetPrekeysResponse(prekeys=_logged(await self._core.prekeys(list(request.members))))

    @_unary
    async def GetEntries(self, member: str, request: pb.GetEntriesRequest) -> pb.GetEntriesResponse:
        """Log entries."""
        return pb.GetEntriesResponse(entries=await self._core.entries(request.from_index, request.count))

    @_unary
    async def GetStatements(self, member: str, request: pb.GetStatementsRequest) -> pb.GetStatementsResponse:
        """Statements that the caller may see."""
        found = await self._core.statements(member, list(request.indices))
        return pb.GetStatementsResponse(statements=_logged(found))

    @_unary
    async def GetCheckpoint(self, member: str, request: pb.GetCheckpointRequest) -> pb.GetCheckpointResponse:
        """The newest checkpoint."""
        return pb.GetCheckpointResponse(checkpoint=self._core.checkpoint())

    @_unary
    async def GetAnchor(self, member: str, request: pb.GetAnchorRequest) -> pb.GetAnchorResponse:
        """An anchor."""
        return pb.GetAnchorResponse(note=await self._core.anchor(request.min_size))

    @_unary
    async def GetInclusionProof(
        self, member: str, request: pb.GetInclusionProofRequest
    ) -> pb.GetInclusionProofResponse:
        """An inclusion proof."""
        proof = await self._core.inclusion_proof(request.index, request.size)
        return pb.GetInclusionProofResponse(proof=proof)

    @_unary
    async def GetConsistencyProof(
        self, member: str, request: pb.GetConsistencyProofRequest
    ) -> pb.GetConsistencyProofResponse:
        """A consistency proof."""
        proof = await self._core.consistency_proof(request.old_size, request.new_size)
        return pb.GetConsistencyProofResponse(proof=proof)


def _root(root: bytes) -> bytes:
    if len(root) != limits.HASH:
        raise refusal("malformed", f"a root has {limits.HASH} bytes, not {len(root)}")
    return root


def _results(outcomes: Sequence[Outcome]) -> Iterable[pb.SubmitResult]:
    for outcome in outcomes:
        if not isinstance(outcome, Accepted):
            yield pb.SubmitResult(refusal=refused(outcome))
            continue
        accepted = pb.Accepted(statement=outcome.statement)
        accepted.receipt.index = outcome.receipt.index
        accepted.receipt.proof.extend(outcome.receipt.proof)
        accepted.receipt.checkpoint = outcome.receipt.checkpoint
        yield pb.SubmitResult(accepted=accepted)


def _logged(found: Sequence[tuple[int, bytes]]) -> Iterable[pb.LoggedStatement]:
    return (pb.LoggedStatement(index=index, statement=raw) for index, raw in found)
