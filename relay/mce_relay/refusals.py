"""Typed refusals: the reasons of `relay.proto` in lower case, whose fault each is, and what to do."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, TypeVar

from mce_exchange.errors import (
    DirectoryError,
    Fault,
    LimitError,
    LogError,
    MalformedError,
    MceError,
    ProtocolError,
    RefusedError,
    SignatureError,
    SuiteError,
)

E = TypeVar("E", bound=BaseException)

REASONS: Final[Mapping[str, tuple[Fault, str]]] = MappingProxyType(
    {
        "malformed": (Fault.PEER, "update the sending software; if it is current, tell its maintainers"),
        "too_large": (Fault.USAGE, "send less at once"),
        "bad_signature": (
            Fault.PEER,
            "check that the signing keys are in the Directory and not revoked",
        ),
        "wrong_context": (Fault.PEER, "do not send it again; look up what it contradicts"),
        "not_admitted": (Fault.FEDERATION, "ask the federation's office about this member's standing"),
        "sequence_used": (
            Fault.PEER,
            "reconcile with your own logged headers, then use the next number",
        ),
        "unknown_prekey": (Fault.PEER, "fetch the recipient's prekeys and wrap to the newest"),
        "quota": (
            Fault.USAGE,
            "wait until recipients have acknowledged, or ask the operator for more",
        ),
        "attachment_missing": (Fault.USAGE, "put every part of the attachment first, then submit again"),
        "no_recipient": (Fault.FEDERATION, "telephone the recipients: none of them can be served now"),
        "not_found": (Fault.USAGE, "check the id or index; erased ciphertext is gone for ever"),
        "wrong_offset": (Fault.USAGE, "ask for the attachment's status and go on from there"),
        "draining": (Fault.TRANSPORT, "the relay restarts: send the same bytes again in a minute"),
        "moved": (
            Fault.TRANSPORT,
            "send the same bytes to the relay of the newest Directory: a node finds it by itself",
        ),
        "already_final": (Fault.USAGE, "nothing: the first final acknowledgement counts"),
    }
)


def refusal(reason: str, message: str) -> RefusedError:
    """A refusal; `message` holds ids and sizes only."""
    fault, remedy = REASONS[reason]
    return RefusedError(message, reason=reason, fault=fault, remedy=remedy)


def light(error: E) -> E:
    """The error without the frames it came through: they would hold a request until the next collection."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


class refusing:  # noqa: N801 - a context manager, used as one
    """What the core library finds wrong with bytes, as a refusal."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Another exception goes on as it is."""
        if isinstance(error, (ProtocolError, DirectoryError, LogError)):
            raise refusal(_reason(error), str(error)) from error


def _reason(error: MceError) -> str:
    if isinstance(error, LimitError):
        return "too_large"
    if isinstance(error, (MalformedError, SuiteError)):
        return "malformed"
    return "bad_signature" if isinstance(error, SignatureError) else "wrong_context"
