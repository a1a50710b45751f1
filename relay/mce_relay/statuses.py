"""Refusals as gRPC statuses, with a `Refusal` in the rich error details."""

from types import MappingProxyType
from typing import Any, Final, NoReturn

from google.protobuf import any_pb2
from google.rpc import code_pb2, status_pb2
from grpc_status import rpc_status

from mce_exchange.errors import RefusedError
from mce_exchange.v1 import relay_pb2 as pb

_CODES: Final = MappingProxyType(
    {
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
        "moved": code_pb2.ABORTED,
    }
)


def refused(error: RefusedError) -> pb.Refusal:
    """A refusal as it travels."""
    return pb.Refusal(
        reason=pb.RefusalReason.Value(f"REFUSAL_REASON_{error.reason.upper()}"),
        message=str(error),
        remedy=error.remedy,
    )


async def abort(context: Any, error: RefusedError) -> NoReturn:
    """End a call with a refusal."""
    detail = any_pb2.Any()
    detail.Pack(refused(error))
    code = _CODES.get(error.reason, code_pb2.FAILED_PRECONDITION)
    status = status_pb2.Status(code=code, message=error.reason, details=[detail])
    await context.abort_with_status(rpc_status.to_status(status))
    raise AssertionError("abort does not return")
