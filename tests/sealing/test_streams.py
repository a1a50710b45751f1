"""Streams: any length comes back whole, nothing else opens, lengths show as few sizes (threats E13, E14)."""

import io
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mce_exchange import header as headers
from mce_exchange import limits, padding
from mce_exchange.errors import ContextError, DecryptionError, MalformedError
from mce_exchange.log import merkle
from mce_exchange.primitives.stream import StreamKey
from mce_exchange.sealing import open_as_signed, open_stream, seal_stream, seal_streams

SIZES = [
    0,
    1,
    65_527,
    65_528,
    65_529,
    limits.CHUNK - 8,
    limits.CHUNK - 7,
    limits.CHUNK,
    limits.MIB - 8,
    limits.MIB,
    3_000_000,
]


@pytest.mark.parametrize("size", SIZES)
def test_streams_of_any_length_come_back_whole(size: int) -> None:
    data = bytes(i % 251 for i in range(1000)) * (size // 1000 + 1)
    sink = io.BytesIO()
    stream, length = seal_stream(bytes(32), io.BytesIO(data[:size]), sink, payload=False)
    assert length == size
    assert stream.padded_size == padding.padded_size(size, payload=False)
    assert len(sink.getvalue()) == stream.ciphertext_size
    chunks = [
        sink.getvalue()[i : i + limits.CHUNK + 16]
        for i in range(0, stream.ciphertext_size, limits.CHUNK + 16)
    ]
    assert merkle.root(map(merkle.leaf_hash, chunks)) == stream.root
    sink.seek(0)
    assert b"".join(open_stream(bytes(32), stream, sink, payload=False)) == data[:size]
    sink.seek(0)
    assert b"".join(open_as_signed(bytes(32), stream, sink, payload=False)) == data[:size]


@pytest.mark.parametrize("size", [1, 900_000])
def test_a_ciphertext_that_opens_but_is_not_the_one_signed_is_refused(size: int) -> None:
    sink = io.BytesIO()
    stream, _ = seal_stream(bytes(32), io.BytesIO(bytes(size)), sink, payload=False)
    sink.seek(0)
    with pytest.raises(ContextError):
        list(open_as_signed(bytes(32), replace(stream, root=bytes(32)), sink, payload=False))


def _stream() -> tuple[headers.Stream, list[bytes], bytes]:
    data = bytes(range(256)) * 3500
    sink = io.BytesIO()
    stream, _ = seal_stream(bytes(32), io.BytesIO(data), sink, payload=False)
    step = limits.CHUNK + limits.TAG
    return stream, [sink.getvalue()[i : i + step] for i in range(0, stream.ciphertext_size, step)], data


STREAM, CHUNKS, DATA = _stream()


@pytest.mark.parametrize(
    ("fault", "chunks"),
    [
        ("truncated", CHUNKS[:-1]),
        ("reordered", [CHUNKS[1], CHUNKS[0], *CHUNKS[2:]]),
        ("repeated", [CHUNKS[0], CHUNKS[0], *CHUNKS[2:]]),
        ("extended", [*CHUNKS, CHUNKS[0]]),
        ("cut_inside", [*CHUNKS[:-1], CHUNKS[-1][:-1]]),
        ("spliced", [*CHUNKS[:-1], StreamKey(b"1" * 32).seal_chunk(3, bytes(limits.CHUNK), last=True)]),
    ],
)
def test_e13_chunks_cannot_be_moved_dropped_or_exchanged(fault: str, chunks: list[bytes]) -> None:
    with pytest.raises((DecryptionError, MalformedError)):
        b"".join(open_stream(bytes(32), STREAM, io.BytesIO(b"".join(chunks)), payload=False))


def test_e13_an_inner_chunk_never_ends_a_stream() -> None:
    key = StreamKey(bytes(32))
    short = replace(STREAM, padded_size=STREAM.padded_size // 2)
    with pytest.raises((DecryptionError, MalformedError)):
        b"".join(open_stream(bytes(32), short, io.BytesIO(b"".join(CHUNKS[:2])), payload=False))
    with pytest.raises(DecryptionError):
        key.open_chunk(0, CHUNKS[0], last=True)


def test_padding_that_is_not_zero_is_refused() -> None:
    key = StreamKey(bytes(32))
    for plain in (padding.prefix(4) + b"data" + b"\1" + bytes(8179), padding.prefix(8185) + bytes(8184)):
        chunk = key.seal_chunk(0, plain, last=True)
        stream = headers.Stream(root=bytes(32), padded_size=8192, commitment=key.commitment)
        with pytest.raises(DecryptionError):
            b"".join(open_stream(bytes(32), stream, io.BytesIO(chunk), payload=True))


def test_e14_lengths_show_as_few_sizes() -> None:
    payloads = {padding.padded_size(n, payload=True) for n in range(0, 900_000, 997)}
    assert payloads == {2**n * 1024 for n in range(3, 11)}
    attachments = {padding.padded_size(n, payload=False) for n in range(0, 30_000_000, 9973)}
    assert min(attachments) == 65_536
    assert len(attachments) < 160
    # Two cases that differ in a word only are of one size.
    short, long = (seal_streams(sender="be", recipients=["pt"], content=b"y" * n).payload for n in (1, 4000))
    assert len(short) == len(long)


@given(st.integers(0, limits.ATTACHMENT_PADDED * 7 // 8))
def test_padding_costs_at_most_an_eighth_above_a_megabyte(length: int) -> None:
    size = padding.padded_size(length, payload=False)
    assert padding.is_padded_size(size, payload=False)
    assert size >= length + 8
    if length > limits.MIB:
        assert size <= (length + 8) * 1.125
