"""The header of a message, read and made: it commits to everything (promise 3, SPEC section 5).

Pure functions of bytes. The header Statement alone is evidence of who sent what to whom; the
payload, the attachments and the wraps follow from it by digest and commitment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from mce_exchange import limits, wire
from mce_exchange import statement as statements
from mce_exchange.errors import ContextError, MalformedError, SuiteError
from mce_exchange.padding import is_padded_size
from mce_exchange.primitives.verify import sha256
from mce_exchange.statement import Statement
from mce_exchange.v1 import envelope_pb2

SUITE: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """A member, this message's number in the pair's order, and the id of the number before (32 bytes)."""

    member: str
    sequence: int
    previous_id: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """RFC 6962 root over the ciphertext chunks, padded plaintext size, key commitment (32 bytes)."""

    root: bytes
    padded_size: int
    commitment: bytes

    @property
    def chunks(self) -> int:
        """How many chunks of at most 262,144 plaintext bytes."""
        return -(-self.padded_size // limits.CHUNK)

    @property
    def ciphertext_size(self) -> int:
        """Bytes of all chunks with their tags."""
        return self.padded_size + self.chunks * limits.TAG


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrap:
    """What the header says of one recipient's wrap: prekey id and SHA-256 of the wrap (32 bytes each)."""

    prekey_id: bytes
    digest: bytes


@dataclass(frozen=True, kw_only=True)
class Core:
    """All of the header but the wraps, which are bound to it."""

    signers: tuple[bytes, ...]
    message_ref: bytes
    sender: str
    recipients: tuple[Recipient, ...]
    directory_version: int
    directory_id: bytes
    streams: tuple[Stream, ...]
    created_minutes: int
    lifetime_seconds: int
    deadline_class: int = 0
    urgent: bool = False
    supersedes: bytes = b""

    def encode(self) -> bytes:
        """The bytes that are hashed, wrapped to and signed."""
        core = envelope_pb2.HeaderCore(
            signers=self.signers,
            suite=SUITE,
            message_ref=self.message_ref,
            sender=self.sender,
            directory_version=self.directory_version,
            directory_id=self.directory_id,
            created_minutes=self.created_minutes,
            lifetime_seconds=self.lifetime_seconds,
            deadline_class=self.deadline_class,
            urgent=self.urgent,
            supersedes=self.supersedes,
        )
        for one in self.recipients:
            core.recipients.add(member=one.member, sequence=one.sequence, previous_id=one.previous_id)
        for stream in self.streams:
            core.streams.add(root=stream.root, padded_size=stream.padded_size, commitment=stream.commitment)
        return core.SerializeToString(deterministic=True)


@dataclass(frozen=True, kw_only=True)
class Header:
    """A parsed header: `core` as read, `core_bytes` as carried, `wraps` in the order of recipients."""

    core: Core
    core_bytes: bytes
    wraps: tuple[Wrap, ...]

    @cached_property
    def core_hash(self) -> bytes:
        """SHA-256 of the core as carried."""
        return sha256(self.core_bytes)

    def recipient_index(self, member: str) -> int:
        """The place of a member among the recipients; `ContextError` if it is none."""
        for index, recipient in enumerate(self.core.recipients):
            if recipient.member == member:
                return index
        raise ContextError(f"{member} is not a recipient of this message")

    def wrap_info(self, recipient_index: int) -> bytes:
        """The HPKE `info` of this recipient's wrap in this header."""
        return wrap_info(self.core_hash, recipient_index, self.wraps[recipient_index].prekey_id)


def wrap_info(core_hash: bytes, recipient_index: int, prekey_id: bytes) -> bytes:
    """Bind a wrap to everything in the core, to its place and to its key (threats E1 to E3)."""
    return b"mce1/wrap\0" + core_hash + recipient_index.to_bytes(2, "big") + prekey_id


def encode_header(core: bytes, wraps: Sequence[Wrap]) -> bytes:
    """The body of a header Statement."""
    header = envelope_pb2.Header(core=core)
    for one in wraps:
        header.wraps.add(prekey_id=one.prekey_id, digest=one.digest)
    return header.SerializeToString(deterministic=True)


def read_header(statement: Statement) -> Header:
    """The header that a verified Statement says.

    Raises `MalformedError` or `LimitError` for bytes, `SuiteError` for another suite (threat E12),
    `ContextError` for another type and for parts that contradict each other.
    """
    if statement.type != statements.HEADER:
        raise ContextError(f"a Statement of type {statement.type}, not a header")
    statements.lint(statement)
    parsed = wire.read(envelope_pb2.Header, statement.body)
    # The lint of a header goes through its core (`fields`: the core holds a HeaderCore).
    pb = wire.read(envelope_pb2.HeaderCore, parsed.core)
    if pb.suite != SUITE:
        raise SuiteError(f"suite {pb.suite}: this network knows suite {SUITE} only")
    core = Core(
        signers=tuple(pb.signers),
        message_ref=pb.message_ref,
        sender=pb.sender,
        recipients=tuple(
            Recipient(member=r.member, sequence=r.sequence, previous_id=r.previous_id) for r in pb.recipients
        ),
        directory_version=pb.directory_version,
        directory_id=pb.directory_id,
        streams=tuple(
            Stream(root=s.root, padded_size=s.padded_size, commitment=s.commitment) for s in pb.streams
        ),
        created_minutes=pb.created_minutes,
        lifetime_seconds=pb.lifetime_seconds,
        deadline_class=pb.deadline_class,
        urgent=pb.urgent,
        supersedes=pb.supersedes,
    )
    wraps = tuple(Wrap(prekey_id=w.prekey_id, digest=w.digest) for w in parsed.wraps)
    _check(core, wraps)
    return Header(core=core, core_bytes=parsed.core, wraps=wraps)


def _check(core: Core, wraps: tuple[Wrap, ...]) -> None:
    members = {recipient.member for recipient in core.recipients}
    if len(members) != len(core.recipients) or core.sender in members:
        raise ContextError("a recipient stands twice, or is the sender")
    if len(wraps) != len(core.recipients):
        raise ContextError(f"{len(wraps)} wraps for {len(core.recipients)} recipients")
    for recipient in core.recipients:
        if (recipient.sequence == 1) != (not recipient.previous_id):
            raise ContextError("number 1 has no message before it, every other number has one")
    for index, stream in enumerate(core.streams):
        if not is_padded_size(stream.padded_size, payload=index == 0):
            raise MalformedError(f"stream {index}: {stream.padded_size} bytes is no padded size")
