"""Statements by which a member's keys change hands in the open (SPEC sections 8.4, 8.5, 8.7)."""

from collections.abc import Sequence
from enum import IntEnum

from mce_exchange.hotline.answers import Author
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2


class Reason(IntEnum):
    """Why a key is revoked: everybody reads it."""

    COMPROMISED = statement_pb2.REVOCATION_REASON_COMPROMISED
    LOST = statement_pb2.REVOCATION_REASON_LOST
    LEFT = statement_pb2.REVOCATION_REASON_LEFT


def revocation_body(
    *, signers: Sequence[bytes], member: str, key_id: bytes, cut: bytes, reason: Reason
) -> bytes:
    """The body of a `revocation`; `cut` is an anchor that its author has verified."""
    return statement_pb2.Revocation(
        signers=signers,
        member=member,
        key_id=key_id,
        cut=cut,
        reason=statement_pb2.RevocationReason.ValueType(reason),
    ).SerializeToString(deterministic=True)


def revocation(author: Author, key_id: bytes, *, cut: bytes, reason: Reason) -> Statement:
    """A member revokes a key of its own."""
    body = revocation_body(
        signers=author.signers, member=author.member, key_id=key_id, cut=cut, reason=reason
    )
    return author.sign("revocation", body)


def contest(author: Author, statement_id: bytes) -> Statement:
    """That change in our name was not made by us."""
    body = statement_pb2.Contest(signers=author.signers, member=author.member, statement_id=statement_id)
    return author.sign("contest", body.SerializeToString(deterministic=True))


def tls_keys(author: Author, *, number: int, certificates: Sequence[bytes]) -> Statement:
    """Our door certificates (DER) are just these from here on."""
    body = statement_pb2.TlsKeys(
        signers=author.signers, member=author.member, number=number, certificates=certificates
    )
    return author.sign("tls-keys", body.SerializeToString(deterministic=True))
