"""Opening a message whose header has been verified (SPEC sections 5 to 7).

Everything that fails once a private key is in play is one `DecryptionError`; what can be told from
public bytes alone (a wrap that the header does not list) has an error of its own.
"""

import io
from dataclasses import dataclass

from mce_exchange import limits, padding, wire
from mce_exchange.errors import ContextError, DecryptionError, LimitError, MalformedError
from mce_exchange.header import Header, wrap_info
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import equal, sha256
from mce_exchange.sealing.streams import AttachmentInfo, open_stream, root_of
from mce_exchange.v1 import envelope_pb2


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A case message as its author wrote it, and the secret (32 bytes) of each stream."""

    content: bytes
    attachments: tuple[AttachmentInfo, ...]
    secrets: tuple[bytes, ...]


def open_message(header: Header, *, recipient: str, wrap: bytes, key: KemKey, payload: bytes) -> Opened:
    """Unwrap and open for `recipient`, by the wrap in the header."""
    index = header.recipient_index(recipient)
    content_key = open_content_key(
        header,
        index,
        wrap,
        key,
        prekey_id=header.wraps[index].prekey_id,
        digest=header.wraps[index].digest,
    )
    return open_payload(header, content_key, payload)


def open_content_key(
    header: Header, index: int, wrap: bytes, key: KemKey, *, prekey_id: bytes, digest: bytes
) -> bytes:
    """The content key (32 bytes) from the header's wrap, or from a re-wrap: both bind the same header.

    Raises `ContextError` for a wrap whose digest nobody signed (threat R6), `DecryptionError` otherwise.
    """
    if not equal(sha256(wrap), digest):
        raise ContextError("this wrap is not the one that was signed for this recipient")
    return key.unwrap(wrap, wrap_info(header.core_hash, index, prekey_id))


def open_payload(header: Header, content_key: bytes, payload: bytes) -> Opened:
    """Check every commitment, decrypt stream 0, and compare what it says with the header.

    Raises `DecryptionError`, and `ContextError` if the author sealed it for another header (threats E1, E2).
    """
    core = header.core
    secrets = tuple(stream_secret(content_key, core.message_ref, i) for i in range(len(core.streams)))
    # All of them before any is used: no recipient gets another plaintext than the others (threat E5).
    for secret, stream in zip(secrets, core.streams, strict=True):
        if not equal(stream_keys(secret)[1], stream.commitment):
            raise DecryptionError
    stream = core.streams[0]
    if len(payload) != stream.ciphertext_size or not equal(root_of(stream, io.BytesIO(payload)), stream.root):
        raise DecryptionError
    data = b"".join(open_stream(secrets[0], stream, io.BytesIO(payload), payload=True))
    inner = _parse(data)
    recipients = [recipient.member for recipient in core.recipients]
    if not (
        equal(inner.message_ref, core.message_ref)
        and inner.sender == core.sender
        and list(inner.recipients) == recipients
    ):
        raise ContextError("the encrypted part names another message, sender or recipients than the header")
    infos = tuple(
        AttachmentInfo(name=a.name, media_type=a.media_type, size=a.size) for a in inner.attachments
    )
    sizes = [padding.padded_size(info.size, payload=False) for info in infos]
    if sizes != [one.padded_size for one in core.streams[1:]]:
        raise ContextError("the encrypted part describes other attachments than the header")
    return Opened(content=inner.content, attachments=infos, secrets=secrets)


def _parse(data: bytes) -> envelope_pb2.Payload:
    try:
        return wire.parse(envelope_pb2.Payload, data, cap=limits.PAYLOAD_PADDED)
    except (MalformedError, LimitError):
        raise DecryptionError from None
