"""Sealing a message: one content key, its streams, its wraps, its header (SPEC sections 5 to 7).

In two steps, because the streams can be large and the pair's numbers are given out in one short
transaction: `seal_streams` encrypts, `seal` numbers, wraps and signs.
"""

import io
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from mce_exchange import header, limits, statement
from mce_exchange.errors import LimitError, UsageError
from mce_exchange.header import Header, Recipient, Stream, Wrap
from mce_exchange.keys import PrivateKey
from mce_exchange.opened import AttachmentInfo
from mce_exchange.primitives import kem
from mce_exchange.primitives.stream import stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing.streams import seal_stream
from mce_exchange.statement import Statement
from mce_exchange.v1 import envelope_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """Data to be read once from `source`, and the seekable `sink` that takes its ciphertext."""

    name: str
    media_type: str
    source: BinaryIO
    sink: BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """An encrypted message that nobody can open yet: no wrap, no number, no signature.

    `content_key`, `message_ref` and each of `secrets` (one for each stream) have 32 bytes.
    """

    sender: str
    recipients: tuple[str, ...]
    message_ref: bytes
    content_key: bytes
    streams: tuple[Stream, ...]
    secrets: tuple[bytes, ...]
    attachments: tuple[AttachmentInfo, ...]
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    """A recipient: its number and previous id in the pair's order, its prekey (id and 1,216 bytes)."""

    member: str
    sequence: int
    previous_id: bytes
    prekey_id: bytes
    prekey: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """What goes to the relay: the signed header, a wrap of 1,168 bytes for each recipient, the payload."""

    statement: Statement
    header: Header
    id: bytes
    wraps: tuple[bytes, ...]
    payload: bytes


def seal_streams(
    *,
    sender: str,
    recipients: Sequence[str],
    content: bytes,
    attachments: Sequence[Attachment] = (),
    random: Callable[[int], bytes] = secrets.token_bytes,
) -> Draft:
    """Encrypt a case message of at most `limits.CONTENT` bytes and its attachments under a fresh content key.

    `random` gives that many fresh bytes: first the content key, then the message reference; only vectors
    give other bytes than the operating system's, for a key used twice opens both messages. Raises
    `LimitError` above a cap and `UsageError` for recipients that cannot be.
    """
    _check(sender, recipients, content, attachments)
    content_key = random(kem.CONTENT_KEY)
    message_ref = random(limits.HASH)
    keys = tuple(stream_secret(content_key, message_ref, i) for i in range(1 + len(attachments)))
    infos, streams = [], []
    for key, one in zip(keys[1:], attachments, strict=True):
        stream, size = seal_stream(key, one.source, one.sink, payload=False)
        streams.append(stream)
        infos.append(AttachmentInfo(name=one.name, media_type=one.media_type, size=size))
    first, sealed = _seal_payload(keys[0], message_ref, sender, recipients, content, infos)
    return Draft(
        sender=sender,
        recipients=tuple(recipients),
        message_ref=message_ref,
        content_key=content_key,
        streams=(first, *streams),
        secrets=keys,
        attachments=tuple(infos),
        payload=sealed,
    )


def reseal_payload(
    core: header.Core, content: bytes, attachments: Sequence[AttachmentInfo], *, secret: bytes
) -> bytes:
    """The ciphertext of stream 0 again, from what a party keeps: the same key, and the same bytes in.

    Safe only because they are the same: the caller compares the root with the header's before it leaves.
    """
    to = [recipient.member for recipient in core.recipients]
    return _seal_payload(secret, core.message_ref, core.sender, to, content, attachments)[1]


def _seal_payload(
    key: bytes,
    message_ref: bytes,
    sender: str,
    recipients: Sequence[str],
    content: bytes,
    infos: Sequence[AttachmentInfo],
) -> tuple[Stream, bytes]:
    payload = envelope_pb2.Payload(
        message_ref=message_ref, sender=sender, recipients=recipients, content=content
    )
    for info in infos:
        payload.attachments.add(name=info.name, media_type=info.media_type, size=info.size)
    sink = io.BytesIO()
    plain = io.BytesIO(payload.SerializeToString(deterministic=True))
    stream, _ = seal_stream(key, plain, sink, payload=True)
    return stream, sink.getvalue()


def seal(
    draft: Draft,
    *,
    to: Sequence[To],
    network_id: bytes,
    directory_version: int,
    directory_id: bytes,
    keys: Sequence[PrivateKey],
    created_minutes: int,
    lifetime_seconds: int = limits.DEFAULT_LIFETIME_SECONDS,
    deadline_class: int = 0,
    urgent: bool = False,
    supersedes: bytes = b"",
    second: bytes = b"",
) -> Sealed:
    """Wrap the content key to every recipient and sign the header that commits to everything.

    `second` is the id of a key (32 bytes) that signs later and elsewhere: nobody takes the header before.
    Raises `UsageError` if `to` is not the draft's recipients, `MalformedError` for a prekey that is none.
    """
    if tuple(one.member for one in to) != draft.recipients:
        raise UsageError("the recipients are not those the payload names")
    core = header.Core(
        signers=(*(key.public.id for key in keys), *([second] if second else ())),
        message_ref=draft.message_ref,
        sender=draft.sender,
        recipients=tuple(
            Recipient(member=one.member, sequence=one.sequence, previous_id=one.previous_id) for one in to
        ),
        directory_version=directory_version,
        directory_id=directory_id,
        streams=draft.streams,
        created_minutes=created_minutes,
        lifetime_seconds=lifetime_seconds,
        deadline_class=deadline_class,
        urgent=urgent,
        supersedes=supersedes,
    ).encode()
    core_hash = sha256(core)
    wraps = tuple(
        kem.wrap(draft.content_key, one.prekey, header.wrap_info(core_hash, index, one.prekey_id))
        for index, one in enumerate(to)
    )
    body = header.encode_header(
        core,
        [Wrap(prekey_id=one.prekey_id, digest=sha256(wrap)) for one, wrap in zip(to, wraps, strict=True)],
    )
    signed = statement.sign(statement.HEADER, body, network_id=network_id, keys=keys)
    return Sealed(
        statement=signed,
        # What we send passes the checks of those who read it, or the fault shows here.
        header=header.read_header(signed),
        id=signed.id(network_id),
        wraps=wraps,
        payload=draft.payload,
    )


def _check(sender: str, recipients: Sequence[str], content: bytes, attachments: Sequence[Attachment]) -> None:
    if not recipients or len(set(recipients)) != len(recipients) or sender in recipients:
        raise UsageError("a message needs recipients, each once, and not its sender")
    if len(recipients) > limits.RECIPIENTS or len(attachments) > limits.ATTACHMENTS:
        raise LimitError(f"at most {limits.RECIPIENTS} recipients and {limits.ATTACHMENTS} attachments")
    if not 0 < len(content) <= limits.CONTENT:
        raise LimitError(f"a case message of {len(content)} bytes, not 1 to {limits.CONTENT}")
    for one in attachments:
        if not 0 < len(one.name.encode()) <= limits.ATTACHMENT_NAME:
            raise LimitError(f"an attachment's name has 1 to {limits.ATTACHMENT_NAME} bytes")
        if not 0 < len(one.media_type.encode()) <= limits.MEDIA_TYPE:
            raise LimitError(f"a media type has 1 to {limits.MEDIA_TYPE} bytes")
