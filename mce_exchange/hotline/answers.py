"""Statements that a member makes in its own name, besides headers (SPEC sections 4 and 9)."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from mce_exchange import statement
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.kem import KemKey
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2

WEEK_MINUTES = 7 * 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """The message an answer is about: header id (32 bytes), its log index, our place in it."""

    header_id: bytes
    index: int
    position: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Author:
    """Who signs: member id, network, the one or two keys."""

    member: str
    network_id: bytes
    keys: tuple[PrivateKey, ...]

    @property
    def signers(self) -> list[bytes]:
        """Key ids in signing order."""
        return [key.public.id for key in self.keys]

    def sign(self, type_: str, body: bytes) -> Statement:
        """Sign a body whose signers are ours."""
        return statement.sign(type_, body, network_id=self.network_id, keys=self.keys)


def delivered(author: Author, about: Sequence[About]) -> Statement:
    """Durable, opened and valid here: for one or many messages."""
    body = statement_pb2.Delivered(signers=author.signers, member=author.member)
    for one in about:
        body.items.add(header_id=one.header_id, index=one.index, recipient_index=one.position)
    return author.sign("delivered", body.SerializeToString(deterministic=True))


def refused(author: Author, about: About, code: Refusal) -> Statement:
    """Not accepted here, and why."""
    body = statement_pb2.Refused(signers=author.signers, member=author.member)
    body.items.add(
        header_id=about.header_id,
        index=about.index,
        recipient_index=about.position,
        code=statement_pb2.RefusalCode.ValueType(code),
    )
    return author.sign("refused", body.SerializeToString(deterministic=True))


def void(author: Author, *, recipient: str, sequence: int, annulled_id: bytes) -> Statement:
    """Fill a number that no message will use."""
    body = statement_pb2.Void(
        signers=author.signers,
        sender=author.member,
        recipient=recipient,
        sequence=sequence,
        annulled_id=annulled_id,
    )
    return author.sign("void", body.SerializeToString(deterministic=True))


def high_water(
    author: Author, *, recipient: str, sequence: int, header_id: bytes, log_size: int, log_root: bytes
) -> Statement:
    """The highest number of ours to a peer that stands in the log, daily."""
    body = statement_pb2.HighWater(
        signers=author.signers,
        sender=author.member,
        recipient=recipient,
        sequence=sequence,
        header_id=header_id,
        log_size=log_size,
        log_root=log_root,
    )
    return author.sign("high-water", body.SerializeToString(deterministic=True))


def prekey(author: Author, key: KemKey, *, after: tuple[int, bytes] | None, now_minutes: int) -> Statement:
    """The next prekey, nominally for a week; `after` is epoch and id of the last, revoked or not."""
    body = statement_pb2.Prekey(
        signers=author.signers,
        member=author.member,
        epoch=after[0] + 1 if after else 1,
        previous=after[1] if after else b"",
        public_key=key.public,
        not_before_minutes=now_minutes,
        nominal_end_minutes=now_minutes + WEEK_MINUTES,
    )
    return author.sign("prekey", body.SerializeToString(deterministic=True))


class Erased(IntEnum):
    """What a party destroyed: the numbers of statement.proto."""

    CONTENT_KEY = statement_pb2.ERASED_PART_CONTENT_KEY
    CONTENT = statement_pb2.ERASED_PART_CONTENT


def erasure(author: Author, what: Erased, header_ids: Sequence[bytes], *, anchor: bytes) -> Statement:
    """We destroyed this of these messages (at most `limits.ACK_ITEMS`); it proves no absence."""
    body = statement_pb2.Erasure(
        signers=author.signers,
        author=author.member,
        what=statement_pb2.ErasedPart.ValueType(what),
        header_ids=header_ids,
        anchor=anchor,
    )
    return author.sign("erasure", body.SerializeToString(deterministic=True))
