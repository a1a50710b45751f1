"""Streams: their keys, chunks, roots and padding (SPEC section 6)."""

from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from . import tree
from .header import ATTACHMENT_LEAST, CHUNK, PAYLOAD_LEAST, TAG, padded, sealed_size
from .primitives import aead_open, hkdf_expand, hkdf_extract, u32, u64
from .refusal import must
from .wire import Record


@dataclass(frozen=True)
class Keys:
    """What follows from one stream's secret."""

    secret: bytes
    key: bytes
    commitment: bytes


def secret(content_key: bytes, message_ref: bytes, index: int) -> bytes:
    """`s_i`."""
    return hkdf_expand(hkdf_extract(message_ref, content_key), b"mce1/stream" + u32(index), 32)


def keys(stream_secret: bytes) -> Keys:
    both = hkdf_expand(hkdf_extract(b"", stream_secret), b"mce1/key-commit", 64)
    return Keys(stream_secret, both[:32], both[32:])


def nonce(chunk: int, *, last: bool) -> bytes:
    return chunk.to_bytes(11, "big") + bytes([last])


def least(index: int) -> int:
    return ATTACHMENT_LEAST if index else PAYLOAD_LEAST


def seal(key: bytes, data: bytes, index: int) -> bytes:
    """The sealed bytes of a stream."""
    plain = u64(len(data)) + data
    plain += bytes(padded(len(plain), least(index)) - len(plain))
    parts = [plain[at : at + CHUNK] for at in range(0, len(plain), CHUNK)]
    return b"".join(
        ChaCha20Poly1305(key).encrypt(nonce(number, last=number == len(parts) - 1), part, None)
        for number, part in enumerate(parts)
    )


def chunks(sealed: bytes) -> Iterator[bytes]:
    for at in range(0, len(sealed), CHUNK + TAG):
        yield sealed[at : at + CHUNK + TAG]


def root(sealed: bytes) -> bytes:
    return tree.root([tree.leaf_hash(chunk) for chunk in chunks(sealed)])


def is_of(stream: Record, sealed: bytes) -> bool:
    """Whether these are the bytes that the header commits to."""
    return len(sealed) == sealed_size(stream.number("padded_size")) and root(sealed) == stream.data("root")


def open_chunk(stream_secret: bytes, number: int, sealed: bytes, *, last: bool) -> bytes:
    return aead_open(keys(stream_secret).key, nonce(number, last=last), sealed)


def open_data(stream: Record, index: int, stream_secret: bytes, sealed: bytes) -> bytes:
    """The data of a stream whose commitment has been compared."""
    parts = list(chunks(sealed))
    plain = b"".join(
        open_chunk(stream_secret, number, part, last=number == len(parts) - 1)
        for number, part in enumerate(parts)
    )
    length = int.from_bytes(plain[:8], "big")
    fits = length <= len(plain) - 8 and padded(8 + length, least(index)) == stream.number("padded_size")
    must(fits and len(plain) == stream.number("padded_size"), "decryption", "a length of another padded size")
    must(not any(plain[8 + length :]), "decryption", "padding that is not zero")
    return plain[8 : 8 + length]
