"""Who signed a Statement, and whether they may (SPEC section 4.3, verification in order).

Caps and framing → wire lint → both signatures of every block → parser → the signers named in the
body → whose keys they are → alive, active, not revoked, not suspended at the log index → the role
that signs this type, in its own name → as many persons as policy, roots or board ask for.

The state is the one that the public entries below the index have built. A later state may be given
for an older index: it knows more revocations, and asks nothing that only the older one could say.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from google.protobuf.message import Message

from mce_exchange import statement as statements
from mce_exchange.directory.model import Act, Holder, Kind, Role, Status
from mce_exchange.errors import ContextError, DirectoryError, LogError, SignatureError
from mce_exchange.log.anchor import Anchor
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
    """A Statement that holds: its parsed body, its author (member, relay or federation), its verdict, and
    how many persons of the author signed.
    """

    statement: Statement
    body: Message
    kind: Kind
    author: str
    verdict: Verdict
    persons: int


_MEMBER: Final = frozenset({Kind.MEMBER})
_RELAY: Final = frozenset({Kind.RELAY})
_ROOT: Final = frozenset({Kind.ROOT})
_BOARD: Final = frozenset({Kind.BOARD})

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
        "clock": _MEMBER | _RELAY,
        "board-recovery": _BOARD,
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
        "board-recovery": "member",
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
    statements.verify(statement, network_id=directory.network_id, find_key=state.find_key)
    body = statements.body(statement, statements.BODIES[statement.type])
    holders = [holder for signer in statement.signers if (holder := state.holder(signer))]
    kind, author = holders[0].kind, holders[0].id
    if any((holder.kind, holder.id) != (kind, author) for holder in holders):
        raise SignatureError("two signers who are not of one member")
    if kind not in _MAY.get(statement.type, frozenset()):
        raise SignatureError(f"{author} may not sign a Statement of type {statement.type}")
    contest = isinstance(body, statement_pb2.Contest)
    verdicts = [verdict_of(holder, state, index, contest=contest) for holder in holders]
    if Verdict.INVALID in verdicts:
        raise SignatureError(f"signed by a key of {author} that does not count at log index {index}")
    if _named_author(body, statement.type) not in (None, author):
        raise SignatureError(f"{author} signs in the name of another")
    # Policy, roles and thresholds are those of the version in force at the index.
    if index > directory.index:
        _by_role(body, state, kind, author, holders)
    if isinstance(body, statement_pb2.Overdue | statement_pb2.Erasure):
        anchor_below(state, body.anchor, index)
    if isinstance(body, statement_pb2.HighWater) and body.log_size > index:
        raise ContextError("a tree above the Statement that speaks of it")
    verdict = Verdict.DISPUTED if Verdict.DISPUTED in verdicts else Verdict.VALID
    return Signed(
        statement=statement,
        body=body,
        kind=kind,
        author=author,
        verdict=verdict,
        persons=persons_of(holders),
    )


def persons_of(holders: Iterable[Holder]) -> int:
    """How many persons these signers are (SPEC section 8.1): a label names a person, no label is the desk.

    Not how many keys: while a desk's key rotates, the desk holds two.
    """
    return len({holder.key.label for holder in holders})


def verdict_of(holder: Holder, state: "PublicState", index: int, *, contest: bool = False) -> Verdict:
    """What a signature by this key at this index is worth. A contest needs no more than a key that once
    lived: it is the voice of those whose keys were taken from them, and changes nothing.
    """
    directory, key_id = state.directory, holder.key.public.id
    if directory.closed and index > directory.index:
        return Verdict.INVALID
    if not state.lives(holder, index, removed_too=contest):
        return Verdict.INVALID
    if holder.kind in (Kind.MEMBER, Kind.BOARD) and not contest:
        suspended = state.suspended.get(holder.id)
        if suspended is not None and index > suspended.index:
            return Verdict.INVALID
        if index > directory.index and directory.member(holder.id).status is not Status.ACTIVE:
            return Verdict.INVALID
    revoked = state.revoked.get(key_id)
    if revoked is None or index < revoked.cut:
        return Verdict.VALID
    return Verdict.DISPUTED if index <= revoked.index else Verdict.INVALID


def later_verdict(signers: Sequence[bytes], state: "PublicState", index: int) -> Verdict:
    """What a Statement that held at its index is worth now that more revocations are known."""
    revoked = [one for key_id in signers if (one := state.revoked.get(key_id)) and index >= one.cut]
    if any(index > one.index for one in revoked):
        return Verdict.INVALID
    return Verdict.DISPUTED if revoked else Verdict.VALID


def anchor_below(state: "PublicState", note: bytes, index: int) -> Anchor:
    """An anchor that the author of a Statement at `index` can have seen: of this log, not above it.

    Raises `MalformedError` or `LimitError` for its form, `ContextError` for everything else.
    """
    try:
        anchor = state.open_anchor(note)
    except (LogError, DirectoryError) as error:
        raise ContextError(f"the anchor it relies on does not hold: {error}") from error
    if anchor.checkpoint.size > index:
        raise ContextError("an anchor above the Statement that relies on it")
    return anchor


def _by_role(body: Message, state: "PublicState", kind: Kind, author: str, holders: Sequence[Holder]) -> None:
    directory, signers = state.directory, len(holders)
    if isinstance(body, statement_pb2.Revocation):
        if kind is Kind.MEMBER and body.member != author:
            raise SignatureError(f"{author} revokes a key of {body.member}")
        # A lone root holds back two members at most; it takes nobody's keys.
        if kind is Kind.ROOT and signers < directory.root_threshold:
            raise SignatureError(f"{signers} of {directory.root_threshold} roots revoke a key")
    elif isinstance(body, statement_pb2.BoardRecovery):
        threshold = directory.member(author).board_threshold
        if signers < threshold:
            raise SignatureError(f"{signers} of {threshold} of the board of {author} recover its key")
    elif isinstance(body, envelope_pb2.Header):
        core = envelope_pb2.HeaderCore.FromString(body.core)
        if directory.member(author).role is Role.AUDITOR:
            raise ContextError(f"{author} is an auditor and sends no cases")
        # The relay enforces what it can see of the policy; recipients see the rest after opening.
        if core.urgent and persons_of(holders) < directory.persons(author, Act.URGENT):
            raise SignatureError(f"{author} needs two persons for an urgent message")


def _named_author(body: Message, type_: str) -> str | None:
    """Whom the body says it is by; None for types that name nobody."""
    if isinstance(body, envelope_pb2.Header):
        return envelope_pb2.HeaderCore.FromString(body.core).sender
    field = _OWN_NAME.get(type_)
    return str(getattr(body, field)) if field else None
