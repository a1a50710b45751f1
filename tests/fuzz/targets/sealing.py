"""Opening: wraps, streams, payloads. The author may be the attacker, so he has the content key."""

import io
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Final

from mce_exchange import limits, padding, wire
from mce_exchange.errors import DecryptionError, MalformedError
from mce_exchange.header import Header, Stream, read_header
from mce_exchange.log import merkle
from mce_exchange.primitives import kem
from mce_exchange.primitives.stream import StreamKey, stream_keys, stream_secret
from mce_exchange.primitives.verify import sha256
from mce_exchange.sealing import disclose, open_content_key, open_payload, open_stream
from mce_exchange.v1 import envelope_pb2
from tests.fuzz import mutate, world
from tests.fuzz.target import MIB, OPENED, Target
from tests.fuzz.wireform import noise

KEY: Final = b"k" * 32
SECRET: Final = b"s" * 32


@cache
def header() -> Header:
    """Of the good message."""
    return read_header(world.sealed().statement)


@cache
def content_key() -> bytes:
    """Its content key, as the recipient gets it."""
    return _unwrap(world.sealed().wraps[0])


def _unwrap(wrap: bytes) -> bytes:
    """A wrap that the sender signed, whatever it is."""
    return open_content_key(
        header(),
        0,
        wrap,
        world.person("pt").kem,
        prekey_id=header().wraps[0].prekey_id,
        digest=sha256(wrap),
    )


def _wrap(data: bytes) -> None:
    assert len(_unwrap(data)) == 32


def _prekey(data: bytes) -> None:
    """Somebody else's public key, wrapped to."""
    assert len(kem.wrap(KEY, data, b"info")) == limits.WRAP


def _ciphertext(data: bytes) -> None:
    """A payload as the relay hands it over."""
    opened = open_payload(header(), content_key(), data)
    assert data == world.sealed().payload
    assert opened.content


def payload(plain: bytes) -> tuple[Header, bytes]:
    """Any plaintext sealed as the payload of a message by an author who keeps to the form outside."""
    core = header().core
    size = padding.padded_size(len(plain), payload=True)
    padded = padding.prefix(len(plain)) + plain + bytes(size - padding.PREFIX - len(plain))
    ciphertext, stream = _seal(stream_secret(KEY, core.message_ref, 0), padded)
    changed = replace(core, streams=(stream,))
    return replace(header(), core=changed, core_bytes=changed.encode()), ciphertext


def _seal(secret: bytes, padded: bytes) -> tuple[bytes, Stream]:
    key = StreamKey(secret)
    pieces = [padded[at : at + limits.CHUNK] for at in range(0, len(padded), limits.CHUNK)]
    sealed = [key.seal_chunk(i, piece, last=i == len(pieces) - 1) for i, piece in enumerate(pieces)]
    root = merkle.root(map(merkle.leaf_hash, sealed))
    return b"".join(sealed), Stream(root=root, padded_size=len(padded), commitment=stream_keys(secret)[1])


def _payload(data: bytes) -> None:
    """What an author put inside."""
    made, ciphertext = payload(data[: limits.CONTENT])
    opened = open_payload(made, KEY, ciphertext)
    inner = wire.parse(envelope_pb2.Payload, data, cap=limits.PAYLOAD_PADDED)
    assert opened.content == inner.content
    assert not opened.attachments


def _plaintext(data: bytes) -> None:
    """Any padded plaintext, honest or not, as an attachment: opened, and shown to a court."""
    padded = data[: 2 * MIB] or b"\0"
    ciphertext, stream = _seal(SECRET, padded)
    pieces = list(open_stream(SECRET, stream, io.BytesIO(ciphertext), payload=False))
    length = int.from_bytes(padded[:8], "big")
    assert b"".join(pieces) == padded[8 : 8 + length]
    assert not padded[8 + length :].strip(b"\0")
    core = replace(header().core, streams=(header().core.streams[0], stream))
    shown: Iterator[bytes] = disclose(replace(header(), core=core), 1, SECRET, io.BytesIO(ciphertext))
    assert list(shown) == pieces


def _prefix(data: bytes) -> None:
    """The first eight bytes of a stream of a size that the next eight say."""
    size = int.from_bytes(data[8:16], "big")
    if not padding.is_padded_size(size, payload=False):
        raise MalformedError("no padded size")
    length = padding.read_prefix(data[:8], size, payload=False)
    assert padding.padded_size(length, payload=False) == size


@cache
def _wraps() -> tuple[bytes, ...]:
    return (world.sealed().wraps[0],)


@cache
def _prekeys() -> tuple[bytes, ...]:
    return (world.person("pt").kem.public, world.person("es").kem.public)


@cache
def _ciphertexts() -> tuple[bytes, ...]:
    return (world.sealed().payload,)


@cache
def _payloads() -> tuple[bytes, ...]:
    core = header().core
    inner = envelope_pb2.Payload(
        message_ref=core.message_ref, sender=core.sender, recipients=["pt"], content=b"content"
    )
    return (inner.SerializeToString(deterministic=True),)


@cache
def _plaintexts() -> tuple[bytes, ...]:
    data = b"photograph"
    size = padding.padded_size(len(data), payload=False)
    return (padding.prefix(len(data)) + data + bytes(size - padding.PREFIX - len(data)),)


@cache
def _prefixes() -> tuple[bytes, ...]:
    lengths = (0, 1, 8184, 8185, 100_000, 5_000_000)
    return tuple(
        padding.prefix(length) + padding.padded_size(length, payload=False).to_bytes(8, "big")
        for length in lengths
    )


TARGETS: Final = (
    Target(name="wrap", run=_wrap, errors=OPENED, seeds=_wraps, mutate=noise, share=1500),
    Target(name="prekey", run=_prekey, errors=(MalformedError,), seeds=_prekeys, mutate=noise, share=1500),
    Target(name="ciphertext", run=_ciphertext, errors=OPENED, seeds=_ciphertexts, mutate=noise, share=3000),
    Target(
        name="payload-by-author",
        run=_payload,
        errors=OPENED,
        seeds=_payloads,
        mutate=mutate.wire(_payloads),
        share=2000,
    ),
    Target(
        name="plaintext-by-author",
        run=_plaintext,
        errors=(DecryptionError,),
        seeds=_plaintexts,
        mutate=noise,
        share=1500,
        longest=MIB,
    ),
    Target(
        name="padding",
        run=_prefix,
        errors=(MalformedError,),
        seeds=_prefixes,
        mutate=noise,
        share=24000,
    ),
)
