"""The calls of relay.proto: decode, ask the core, encode. No rule of the protocol stands here.

Every refusal is a typed one in the rich error details; whatever else goes wrong is told to the
caller as INTERNAL without a word of it, and logged by its type.
"""

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf.message import Message

from mce_exchange import limits
from mce_exchange.errors import MceError, RefusedError
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import relay_pb2_grpc
from mce_relay.core import Core
from mce_relay.logs import logger
from mce_relay.receive import Places, receive
from mce_relay.refusals import refusal
from mce_relay.statuses import abort, refused
from mce_relay.values import Accepted, EnvelopeIn, Outcome, PublishIn

_Context = Any
_Request = TypeVar("_Request", bound=Message)
_Response = TypeVar("_Response", bound=Message)


async def _failed(context: _Context, name: str, error: Exception) -> NoReturn:
    """End a call that met a fault of our own: the caller learns that and no more."""
    fault = error.fault if isinstance(error, MceError) else "unexpected"
    logger().error("call failed", method=name, error=type(error).__name__, fault=str(fault))
    await context.abort(grpc.StatusCode.INTERNAL, "the relay failed; nothing was promised")
    raise AssertionError("abort does not return")


def _unary(
    work: Callable[["Service", str, _Request], Awaitable[_Response]],
) -> Callable[["Service", _Request, _Context], Awaitable[_Response]]:
    """A call by a known member; nothing foreign leaves."""

    @functools.wraps(work)
    async def call(self: "Service", request: _Request, context: _Context) -> _Response:
        try:
            return await work(self, self.member(context), request)
        except RefusedError as error:
            await abort(context, error)
        except Exception as error:
            await _failed(context, work.__name__, error)

    return call


def _stream(
    work: Callable[["Service", Callable[[], str], Any], AsyncIterator[_Response]],
) -> Callable[["Service", Any, _Context], AsyncIterator[_Response]]:
    """The same for a stream of answers; it asks who its caller is as often as it wants to be sure."""

    @functools.wraps(work)
    async def call(self: "Service", request: Any, context: _Context) -> AsyncIterator[_Response]:
        answers = work(self, functools.partial(self.member, context), request)
        try:
            async for answer in answers:
                yield answer
        except RefusedError as error:
            await abort(context, error)
        except Exception as error:
            await _failed(context, work.__name__, error)

    return call


class Service(relay_pb2_grpc.RelayServiceServicer):
    """The relay's calls over one core; `who` names the caller or None."""

    def __init__(self, core: Core, who: Callable[[_Context], str | None]) -> None:
        self._core = core
        self._who = who
        self._places = Places()

    def member(self, context: _Context) -> str:
        """The caller's id, as the log has it now; "not_admitted" for a stranger."""
        member = self._who(context)
        if member is None:
            raise refusal("not_admitted", "this certificate opens no door here")
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

    @_stream
    async def GetAttachment(
        self, member: Callable[[], str], request: pb.GetAttachmentRequest
    ) -> AsyncIterator[pb.GetAttachmentResponse]:
        """Leaf hashes, then parts; one part is in memory at a time."""
        root = _root(request.root)
        hashes, size = await self._core.attachment(member(), root)
        yield pb.GetAttachmentResponse(leaf_hashes=hashes, size=size)
        offset = request.offset
        while data := await self._core.attachment_part(member(), root, offset):
            yield pb.GetAttachmentResponse(data=data)
            offset += len(data)

    @_stream
    async def Receive(
        self, member: Callable[[], str], requests: AsyncIterator[pb.ReceiveRequest]
    ) -> AsyncIterator[pb.ReceiveResponse]:
        """The log, as far as the caller's credit goes."""
        with self._places.take(member()) as place:
            async for answer in receive(self._core, member, requests, place):
                yield answer

    @_stream
    async def GetDirectories(
        self, member: Callable[[], str], request: pb.GetDirectoriesRequest
    ) -> AsyncIterator[pb.GetDirectoriesResponse]:
        """Every version from one on; one is in memory at a time."""
        for version in range(max(1, request.from_version), self._core.versions + 1):
            member()
            index, bundle = await self._core.directory(version)
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
        """The newest checkpoint; the caller may show the anchor it holds."""
        if request.anchor:
            self._core.show(request.anchor)
        return pb.GetCheckpointResponse(checkpoint=self._core.checkpoint())

    @_unary
    async def GetAnchor(self, member: str, request: pb.GetAnchorRequest) -> pb.GetAnchorResponse:
        """An anchor."""
        note = await self._core.anchor(request.min_size, witnessed=request.witnessed)
        return pb.GetAnchorResponse(note=note)

    @_unary
    async def Cosign(self, member: str, request: pb.CosignRequest) -> pb.CosignResponse:
        """A witness's lines."""
        await self._core.cosign(member, request.size, request.lines)
        return pb.CosignResponse()

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
