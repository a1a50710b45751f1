"""Opening a message whose header has been verified (SPEC sections 5 to 7).

What can be told from public bytes alone comes first and is a `ContextError`: another wrap or payload
than the header commits to is no fault of its author. Everything that fails once a private key is in
play is one `DecryptionError` (promise 11, threat E15).
"""

import io
from dataclasses import dataclass

from mce_exchange.errors import ContextError, DecryptionError
from mce_exchange.header import Header, wrap_info
from mce_exchange.opened import AttachmentInfo, read_payload
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.stream import stream_keys, stream_secret
from mce_exchange.primitives.verify import equal, sha256
from mce_exchange.sealing.streams import open_stream, root_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """A case message as its author wrote it, and the secret (32 bytes) of each stream."""

    content: bytes
    attachments: tuple[AttachmentInfo, ...]
    secrets: tuple[bytes, ...]


def open_message(header: Header, *, recipient: str, wrap: bytes, key: KemKey, payload: bytes) -> Opened:
    """Unwrap and open for `recipient`, by the wrap in the header."""
    index = header.recipient_index(recipient)
    check_payload(header, payload)
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
    check_wrap(wrap, digest)
    return key.unwrap(wrap, wrap_info(header.core_hash, index, prekey_id))


def check_wrap(wrap: bytes, digest: bytes) -> None:
    """Raise `ContextError` unless this is the wrap that was signed (threat R6)."""
    if not equal(sha256(wrap), digest):
        raise ContextError("this wrap is not the one that was signed for this recipient")


def check_payload(header: Header, payload: bytes) -> None:
    """Raise `ContextError` unless this is the ciphertext of stream 0 that the header commits to."""
    stream = header.core.streams[0]
    if len(payload) != stream.ciphertext_size or not equal(root_of(stream, io.BytesIO(payload)), stream.root):
        raise ContextError("this payload is not the one that the header commits to")


def open_payload(header: Header, content_key: bytes, payload: bytes) -> Opened:
    """Check every commitment, decrypt stream 0, and compare what it says with the header.

    Raises `ContextError` for another payload, and `DecryptionError`: also for what its author sealed for
    another header (threats E1, E2).
    """
    check_payload(header, payload)
    core = header.core
    secrets = tuple(stream_secret(content_key, core.message_ref, i) for i in range(len(core.streams)))
    # All of them before any is used: no recipient gets another plaintext than the others (threat E5).
    for secret, stream in zip(secrets, core.streams, strict=True):
        if not equal(stream_keys(secret)[1], stream.commitment):
            raise DecryptionError
    data = b"".join(open_stream(secrets[0], core.streams[0], io.BytesIO(payload), payload=True))
    inner = read_payload(core, data)
    return Opened(content=inner.content, attachments=inner.attachments, secrets=secrets)
