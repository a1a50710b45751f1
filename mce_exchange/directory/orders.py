"""What is ordered by several who never meet: revocations and suspensions by roots, recoveries by a board.

They sign one after the other, on a file. The body names its signers from the start, so a file that still
lacks blocks says who has yet to sign.
"""

from collections.abc import Sequence
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.directory.model import Member
from mce_exchange.directory.records import signing_key_pb
from mce_exchange.errors import UsageError
from mce_exchange.keys import PrivateKey
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2

TYPES: Final = ("revocation", "suspension", "board-recovery")


def is_order(data: bytes) -> bool:
    """Whether a file is one, by its first bytes; a Directory file begins otherwise."""
    return any(data.startswith(bytes([len(one)]) + one.encode()) for one in TYPES)


def read_order(data: bytes) -> Statement:
    """An order that may lack blocks; `MalformedError`."""
    type_, rest = data[1 : 1 + data[0]].decode(), data[1 + data[0] :]
    bare = Statement(type_, rest[4:-1], ())
    return bare if bare.raw == data else statements.decode(data)


def signers_of(order: Statement) -> list[bytes]:
    """Ids of the roots that must sign it."""
    statements.lint(order)
    body = statements.BODIES[order.type].FromString(order.body)
    return list(getattr(body, "signers", ()))


def sign_order(order: Statement, key: PrivateKey, *, network_id: bytes) -> Statement:
    """Add one signer's block in its place; signing twice changes nothing."""
    signers = signers_of(order)
    if key.public.id not in signers:
        raise UsageError(f"this {order.type} does not name {key.public.id.hex()} among its signers")
    if key.public.id in order.signers:
        return order
    made = statements.sign(order.type, order.body, network_id=network_id, keys=[key]).blocks
    blocks = sorted((*order.blocks, *made), key=lambda block: signers.index(block.signer))
    return Statement(order.type, order.body, tuple(blocks))


def suspension_body(
    *, signer: bytes, member: str, anchor: bytes, reason: statement_pb2.SuspensionReason.ValueType
) -> bytes:
    """The body of a `suspension` by one root."""
    return statement_pb2.Suspension(
        signers=[signer], member=member, anchor=anchor, reason=reason
    ).SerializeToString(deterministic=True)


def recovery_body(*, signers: Sequence[bytes], card: Member, cut: bytes) -> bytes:
    """The body of a `board-recovery`: key and doors are those of the member's new card."""
    [key] = card.keys
    return statement_pb2.BoardRecovery(
        signers=signers,
        member=card.id,
        new_key=signing_key_pb(key),
        certificates=card.certificates,
        cut=cut,
    ).SerializeToString(deterministic=True)
