"""One stream: data of any length becomes padded, encrypted chunks and a root over them (SPEC section 6).

Memory stays at three chunks whatever the size. Data of unknown length is sealed in one pass: the
length stands in the first chunk, so that chunk is kept back and written last.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from mce_exchange import limits, padding
from mce_exchange.errors import DecryptionError, LimitError, MalformedError
from mce_exchange.header import Stream
from mce_exchange.log import merkle
from mce_exchange.primitives.stream import StreamKey
from mce_exchange.primitives.verify import equal

SEALED_CHUNK: Final = limits.CHUNK + limits.TAG


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentInfo:
    """What the sender says of an attachment: untrusted text; `size` in bytes is checked on opening."""

    name: str
    media_type: str
    size: int


def seal_stream(secret: bytes, source: BinaryIO, sink: BinaryIO, *, payload: bool) -> tuple[Stream, int]:
    """Encrypt `source` to its end into the seekable `sink`: the header's view of it, and the data's length.

    Raises `LimitError` above the cap; what the sink then holds is of no use.
    """
    key = StreamKey(secret)
    cap = limits.PAYLOAD_PADDED if payload else limits.ATTACHMENT_PADDED
    first = source.read(limits.CHUNK - padding.PREFIX)
    length = len(first)
    leaves: list[bytes] = [b""]
    sink.seek(SEALED_CHUNK)
    chunk = source.read(limits.CHUNK) if length == limits.CHUNK - padding.PREFIX else b""
    while chunk:
        length += len(chunk)
        if length + padding.PREFIX > cap:
            raise LimitError(f"more than {cap - padding.PREFIX} bytes of data")
        following = source.read(limits.CHUNK) if len(chunk) == limits.CHUNK else b""
        if not following:
            break
        leaves.append(_put(key, sink, len(leaves), chunk, last=False))
        chunk = following
    size = padding.padded_size(length, payload=payload)
    # `chunk` is the data's last piece beyond the first chunk; zeros fill up to the padded size.
    at = len(leaves) * limits.CHUNK
    while at < size:
        piece = chunk + bytes(min(limits.CHUNK, size - at) - len(chunk))
        leaves.append(_put(key, sink, len(leaves), piece, last=at + len(piece) == size))
        at += len(piece)
        chunk = b""
    head = padding.prefix(length) + first
    head += bytes(min(limits.CHUNK, size) - len(head))
    sink.seek(0)
    leaves[0] = _put(key, sink, 0, head, last=len(leaves) == 1)
    return Stream(root=merkle.root(leaves), padded_size=size, commitment=key.commitment), length


def _put(key: StreamKey, sink: BinaryIO, counter: int, piece: bytes, *, last: bool) -> bytes:
    sealed = key.seal_chunk(counter, piece, last=last)
    sink.write(sealed)
    return merkle.leaf_hash(sealed)


def sealed_chunks(stream: Stream, source: BinaryIO) -> Iterator[bytes]:
    """The ciphertext's chunks, just as many and as long as the header says; else `MalformedError`."""
    left = stream.ciphertext_size
    while left:
        chunk = source.read(min(SEALED_CHUNK, left))
        if len(chunk) != min(SEALED_CHUNK, left):
            raise MalformedError(f"a stream that ends {left - len(chunk)} bytes early")
        left -= len(chunk)
        yield chunk
    if source.read(1):
        raise MalformedError("a stream longer than its header says")


def root_of(stream: Stream, source: BinaryIO) -> bytes:
    """The RFC 6962 root over the ciphertext's chunks, 32 bytes."""
    return merkle.root([merkle.leaf_hash(chunk) for chunk in sealed_chunks(stream, source)])


def open_stream(secret: bytes, stream: Stream, source: BinaryIO, *, payload: bool) -> Iterator[bytes]:
    """The data, piece by piece; `DecryptionError` at the first thing that is wrong.

    A piece is genuine but the stream is not whole until the iterator ends: show nothing before
    (threat E13). The commitment is compared first, so one ciphertext has one plaintext (E5).
    """
    key = StreamKey(secret)
    if not equal(key.commitment, stream.commitment):
        raise DecryptionError
    left = 0
    for counter, chunk in enumerate(sealed_chunks(stream, source)):
        plain = key.open_chunk(counter, chunk, last=counter == stream.chunks - 1)
        if not counter:
            left = _data_length(plain, stream.padded_size, payload=payload)
            plain = plain[padding.PREFIX :]
        if plain[left:] != bytes(max(0, len(plain) - left)):
            raise DecryptionError
        if left and plain:
            yield plain[:left]
        left -= min(left, len(plain))


def _data_length(plain: bytes, size: int, *, payload: bool) -> int:
    try:
        return padding.read_prefix(plain, size, payload=payload)
    except MalformedError:
        raise DecryptionError from None
