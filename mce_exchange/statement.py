"""Statements: a type, a body of bytes, and signatures over both (SPEC section 4).

    u8 length || type || u32 length || body || u8 n || n blocks
    block = signer key id (32) || Ed25519 (64) || ML-DSA-65 (3,309)

Every signature is over `"mce1\\0" || network id || u8 length || type || signer key id || body`, so
that none counts in another network, for another type or for another key (threats E3, E10, E12).

Reading goes in one order: caps and framing (`decode`), wire lint of the body, signatures
(`verify`), and only then the parser (`body`), which also holds the signers named in the body
against the blocks. `directory.authenticate` adds who the signers are and whether they may.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

from google.protobuf.message import Message

from mce_exchange import limits, wire
from mce_exchange.errors import ContextError, LimitError, MalformedError, SignatureError, SuiteError
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.primitives import verify as primitive
from mce_exchange.v1 import directory_pb2, envelope_pb2, statement_pb2

M = TypeVar("M", bound=Message)

_KEPT: Final = 32 * limits.KIB
DIRECTORY: Final = "directory"
HEADER: Final = "header"

PUBLIC: Final = MappingProxyType(
    {
        DIRECTORY: directory_pb2.Directory,
        "revocation": statement_pb2.Revocation,
        "suspension": statement_pb2.Suspension,
        "clock": statement_pb2.Clock,
        "contest": statement_pb2.Contest,
        "prekey": statement_pb2.Prekey,
        "tls-keys": statement_pb2.TlsKeys,
        "board-recovery": statement_pb2.BoardRecovery,
    }
)
"""Types whose bytes every member gets: log class 1."""

PRIVATE: Final = MappingProxyType(
    {
        HEADER: envelope_pb2.Header,
        "delivered": statement_pb2.Delivered,
        "refused": statement_pb2.Refused,
        "void": statement_pb2.Void,
        "high-water": statement_pb2.HighWater,
        "re-wrap": statement_pb2.ReWrap,
        "undeliverable": statement_pb2.Undeliverable,
        "overdue": statement_pb2.Overdue,
        "erasure": statement_pb2.Erasure,
    }
)
"""Types whose bytes go to their parties and to auditors: log class 0."""

BODIES: Final = MappingProxyType[str, type[Message]]({**PUBLIC, **PRIVATE})


class _Signed(Protocol):
    signers: Sequence[bytes]


@dataclass(frozen=True, slots=True)
class Block:
    """One signer's two signatures: key id 32 bytes, Ed25519 64, ML-DSA-65 3,309."""

    signer: bytes
    ed25519: bytes
    ml_dsa_65: bytes


@dataclass(frozen=True)
class Statement:
    """A framed Statement. Being one says nothing about its signatures."""

    type: str
    body: bytes
    blocks: tuple[Block, ...]

    @cached_property
    def raw(self) -> bytes:
        """The bytes on the wire and in the log's digest."""
        return b"".join(
            (
                _typed(self.type),
                len(self.body).to_bytes(4, "big"),
                self.body,
                len(self.blocks).to_bytes(1, "big"),
                *(part for block in self.blocks for part in (block.signer, block.ed25519, block.ml_dsa_65)),
            )
        )

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of `raw`, which the log entry carries: it commits to the signatures too."""
        return primitive.sha256(self.raw)

    @cached_property
    def linted(self) -> None:
        """Raises what `wire.lint` does; bytes do not change, so once is enough."""
        wire.lint(BODIES[self.type], self.body, cap=limits.STATEMENT_BODY)

    @cached_property
    def _answers(self) -> dict[tuple[bytes, Block, bytes, bytes], bool]:
        """Whether a block's signatures hold, by network id, block and both halves of the key.

        Type and body are this Statement's, so that is all an answer is computed from, and none of it ever
        changes: each is computed once. It says nothing about who may sign, which is judged anew each time.
        """
        return {}

    @property
    def public(self) -> bool:
        """The log class, which follows from the type and is never chosen."""
        return self.type in PUBLIC

    @property
    def signers(self) -> tuple[bytes, ...]:
        """Key ids of the blocks, in their order."""
        return tuple(block.signer for block in self.blocks)

    def id(self, network_id: bytes) -> bytes:
        """32 bytes; independent of the signatures, of which one body can have many (threat R4)."""
        return statement_id(network_id, self.type, self.body)


def statement_id(network_id: bytes, type_: str, body: bytes) -> bytes:
    """The id of the Statement with this type and body, 32 bytes."""
    return primitive.sha256(b"mce1-id\0" + network_id + _typed(type_) + body)


def signed_bytes(network_id: bytes, type_: str, signer: bytes, body: bytes) -> bytes:
    """What a block's two signatures are over."""
    return b"".join((b"mce1\0", network_id, _typed(type_), signer, body))


def decode(raw: bytes) -> Statement:
    """Framing only: caps first, no trailing bytes, a known type. Nothing in it is to be believed yet.

    Raises `MalformedError`, `LimitError`, or `SuiteError` for a type this version does not have.
    """
    # A buffer that its owner can still write to would outlive what was found out about it.
    raw = raw if type(raw) is bytes else bytes(raw)
    # What is large is rare and not kept: whoever may hand in bytes decides nothing about our memory (H2).
    return _decode_kept(raw) if len(raw) <= _KEPT else _decode(raw)


# A function of the bytes alone, with a value nobody can change: who receives one reads it several times.
@lru_cache(maxsize=128)
def _decode_kept(raw: bytes) -> Statement:
    return _decode(raw)


def _decode(raw: bytes) -> Statement:
    if len(raw) > limits.STATEMENT:
        raise LimitError(f"a Statement of {len(raw)} bytes, at most {limits.STATEMENT}")
    at = 1 + (raw[0] if raw else 0)
    type_ = raw[1:at]
    size = int.from_bytes(raw[at : at + 4], "big")
    at += 4
    # Everything below is a comparison of lengths, so slices that fall short cannot pass.
    if len(type_) > limits.TYPE_NAME or size > limits.STATEMENT_BODY:
        raise LimitError(f"a type of {len(type_)} bytes and a body of {size}")
    body = raw[at : at + size]
    at += size
    if at >= len(raw):
        raise MalformedError("a Statement that is cut short")
    count = raw[at]
    at += 1
    if count > limits.SIGNATURES:
        raise LimitError(f"{count} signature blocks, at most {limits.SIGNATURES}")
    if not count or len(raw) != at + count * limits.SIGNATURE_BLOCK:
        raise MalformedError(f"{count} signature blocks in {len(raw) - at} bytes")
    name = type_.decode("ascii", "replace")
    if name not in BODIES:
        raise SuiteError(f"an unknown Statement type of {len(type_)} bytes")
    return Statement(name, body, tuple(_block(raw, at + i * limits.SIGNATURE_BLOCK) for i in range(count)))


def lint(statement: Statement) -> None:
    """The body on the wire, still unread: raises `MalformedError` or `LimitError`."""
    return statement.linted


def verify(statement: Statement, *, network_id: bytes, find_key: Callable[[bytes], PublicKey | None]) -> None:
    """Both signatures of every block, each by another known key; else `SignatureError`."""
    if len(set(statement.signers)) != len(statement.blocks):
        raise SignatureError("the same key signs twice")
    for block in statement.blocks:
        key = find_key(block.signer)
        if key is None:
            raise SignatureError(f"signed by a key that is not in the Directory: {block.signer.hex()}")
        if not holds(statement, block, key, network_id):
            raise SignatureError(f"a signature by {block.signer.hex()} does not hold")


def holds(statement: Statement, block: Block, key: PublicKey, network_id: bytes) -> bool:
    """Whether both signatures of a block of this Statement are by this key."""
    asked = (network_id, block, key.ed25519, key.ml_dsa_65)
    answer = statement._answers.get(asked)
    if answer is None:
        message = signed_bytes(network_id, statement.type, block.signer, statement.body)
        answer = key.verifies(message, block.ed25519, block.ml_dsa_65, context=statement.type.encode())
        statement._answers[asked] = answer
    return answer


def body(statement: Statement, kind: type[M]) -> M:
    """The parsed body of a verified Statement. `ContextError` for another type, `SignatureError` for
    other signers than the body names (threat E9).
    """
    if BODIES[statement.type] is not kind:
        raise ContextError(f"a Statement of type {statement.type}, not {kind.DESCRIPTOR.name}")
    lint(statement)
    parsed = wire.read(kind, statement.body)
    if statement.type != DIRECTORY and statement.signers != named_signers(parsed):
        raise SignatureError("signed by others than those whom the body names, or in another order")
    return parsed


def named_signers(parsed: Message) -> tuple[bytes, ...]:
    """The key ids that a body says must sign it; for a header they stand in its core."""
    if isinstance(parsed, envelope_pb2.Header):
        core = envelope_pb2.HeaderCore.FromString(parsed.core)
        return tuple(core.signers)
    named: _Signed = parsed  # type: ignore[assignment]  # every other body has the field, as its table row shows
    return tuple(named.signers)


def sign(type_: str, body_: bytes, *, network_id: bytes, keys: Sequence[PrivateKey]) -> Statement:
    """Sign with each key in order. ML-DSA is hedged: store the result and resend it, never sign again."""
    context = type_.encode()
    blocks = []
    for key in keys:
        message = signed_bytes(network_id, type_, key.public.id, body_)
        blocks.append(Block(key.public.id, *key.sign(message, context=context)))
    # What we send has to pass what others check, or the fault is ours and shows here.
    signed = decode(Statement(type_, body_, tuple(blocks)).raw)
    lint(signed)
    return signed


def cosign(statement: Statement, key: PrivateKey, *, network_id: bytes) -> Statement:
    """With one more block, by the signer whom the body names next; its id stays what it was."""
    added = sign(statement.type, statement.body, network_id=network_id, keys=[key]).blocks
    return decode(Statement(statement.type, statement.body, (*statement.blocks, *added)).raw)


def _typed(type_: str) -> bytes:
    name = type_.encode()
    return len(name).to_bytes(1, "big") + name


def _block(raw: bytes, at: int) -> Block:
    ed25519 = at + limits.KEY_ID
    ml_dsa_65 = ed25519 + limits.ED25519_SIGNATURE
    return Block(raw[at:ed25519], raw[ed25519:ml_dsa_65], raw[ml_dsa_65 : at + limits.SIGNATURE_BLOCK])
