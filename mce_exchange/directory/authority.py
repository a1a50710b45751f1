"""Who signed a Statement, and whether they may (SPEC section 4.3, verification in order).

Caps and framing → wire lint → both signatures of every block → parser → the signers named in the
body → whose keys they are → alive, not revoked, not suspended at the log index → the role that
signs this type, in its own name → as many persons as the member's policy asks for.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from google.protobuf.message import Message

from mce_exchange import statement as statements
from mce_exchange.directory.model import Act, Holder, Kind, Role
from mce_exchange.errors import ContextError, SignatureError
from mce_exchange.statement import Statement
from mce_exchange.v1 import envelope_pb2, statement_pb2

if TYPE_CHECKING:
    from mce_exchange.directory.public import PublicState


class Verdict(StrEnum):
    """What a signature is worth, as of a Directory version and a log size."""

    VALID = "valid"
    DISPUTED = "disputed"
    INVALID = "invalid"


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A Statement that holds: its parsed body, its author (member, relay or federation), its verdict."""

    statement: Statement
    body: Message
    kind: Kind
    author: str
    verdict: Verdict


_MEMBER: Final = frozenset({Kind.MEMBER})
_RELAY: Final = frozenset({Kind.RELAY})
_ROOT: Final = frozenset({Kind.ROOT})

_MAY: Final[Mapping[str, frozenset[Kind]]] = MappingProxyType(
    {
        "header": _MEMBER,
        "delivered": _MEMBER,
        "refused": _MEMBER,
        "void": _MEMBER,
        "high-water": _MEMBER,
        "re-wrap": _MEMBER,
        "prekey": _MEMBER,
        "tls-keys": _MEMBER,
        "contest": _MEMBER,
        "erasure": _MEMBER | _RELAY,
        "undeliverable": _RELAY,
        "overdue": _RELAY,
        "revocation": _MEMBER | _ROOT,
        "suspension": _ROOT,
    }
)

_OWN_NAME: Final[Mapping[str, str]] = MappingProxyType(
    {
        "delivered": "member",
        "refused": "member",
        "void": "sender",
        "high-water": "sender",
        "prekey": "member",
        "tls-keys": "member",
        "contest": "member",
        "erasure": "author",
    }
)
"""The field in which a type's author names itself."""


def authenticate(statement: Statement, *, state: "PublicState", index: int) -> Signed:
    """Judge a decoded Statement at a log index (the next one, for a Statement not logged yet).

    Raises `MalformedError`, `LimitError`, `SignatureError` or `ContextError`; never for a Directory, which
    `directory.trust` judges.
    """
    directory = state.directory
    statements.lint(statement)
    statements.verify(statement, network_id=directory.network_id, find_key=directory.find_key)
    body = statements.body(statement, statements.BODIES[statement.type])
    holders = [directory.holders[signer] for signer in statement.signers]
    kind, author = holders[0].kind, holders[0].id
    if any((holder.kind, holder.id) != (kind, author) for holder in holders):
        raise SignatureError("two signers who are not of one member")
    if kind not in _MAY.get(statement.type, frozenset()):
        raise SignatureError(f"{author} may not sign a Statement of type {statement.type}")
    verdicts = [_verdict(holder, state, index) for holder in holders]
    if Verdict.INVALID in verdicts:
        raise SignatureError(f"signed by a key of {author} that does not count at log index {index}")
    field = _OWN_NAME.get(statement.type)
    if field and getattr(body, field) != author:
        raise SignatureError(f"{author} signs in the name of another")
    _by_role(body, state, kind, author, len(holders))
    verdict = Verdict.DISPUTED if Verdict.DISPUTED in verdicts else Verdict.VALID
    return Signed(statement=statement, body=body, kind=kind, author=author, verdict=verdict)


def _verdict(holder: Holder, state: "PublicState", index: int) -> Verdict:
    if not state.directory.lives(holder.key.life, index):
        return Verdict.INVALID
    suspended = state.suspended.get(holder.id)
    if suspended is not None and index > suspended.index:
        return Verdict.INVALID
    revoked = state.revoked.get(holder.key.public.id)
    if revoked is None or index < revoked.cut:
        return Verdict.VALID
    return Verdict.DISPUTED if index <= revoked.index else Verdict.INVALID


def _by_role(body: Message, state: "PublicState", kind: Kind, author: str, persons: int) -> None:
    if isinstance(body, statement_pb2.Revocation):
        if kind is Kind.MEMBER and body.member != author:
            raise SignatureError(f"{author} revokes a key of {body.member}")
        return
    if isinstance(body, envelope_pb2.Header):
        core = envelope_pb2.HeaderCore.FromString(body.core)
        if core.sender != author:
            raise SignatureError(f"{author} signs in the name of another")
        if state.directory.member(author).role is Role.AUDITOR:
            raise ContextError(f"{author} is an auditor and sends no cases")
        # The relay enforces what it can see of the policy; recipients see the rest after opening.
        if core.urgent and persons < state.directory.persons(author, Act.URGENT):
            raise SignatureError(f"{author} needs two persons for an urgent message")
