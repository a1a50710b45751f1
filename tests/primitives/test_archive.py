"""The archive of a backup: what was written comes back, and nothing else does (SPEC section 9.8)."""

import io

import pytest

from mce_exchange.errors import StoreError
from mce_exchange.primitives.archive import KEY, ArchiveReader, ArchiveWriter

CHUNK, SEALED, HEADER = 262_144, 262_144 + 17, 24


def sealed(data: bytes, key: bytes = bytes(KEY)) -> bytes:
    sink = io.BytesIO()
    writer = ArchiveWriter(sink, key)
    for at in range(0, len(data), 100_000):
        assert writer.write(data[at : at + 100_000]) == len(data[at : at + 100_000])
    writer.close()
    return sink.getvalue()


def opened(data: bytes, key: bytes = bytes(KEY)) -> bytes:
    reader, pieces = ArchiveReader(io.BytesIO(data), key), []
    while piece := reader.read(70_000):
        pieces.append(piece)
    assert reader.read(1) == b""
    return b"".join(pieces)


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 5])
def test_what_went_in_comes_out(size: int) -> None:
    data = bytes(i % 251 for i in range(size))
    once = sealed(data)
    assert opened(once) == data
    assert once != sealed(data)
    assert len(once) == HEADER + size + 17 * max(1, -(-size // CHUNK))


def test_what_is_damaged_cut_moved_or_longer_does_not_open() -> None:
    whole = sealed(bytes(3 * CHUNK))
    first, second = HEADER + SEALED, HEADER + 2 * SEALED
    wrong = [whole[:at] for at in (0, 10, HEADER, HEADER + 5, first, second, len(whole) - 1)]
    wrong += [whole + b"x", whole[:HEADER] + whole[first:second] + whole[HEADER:first] + whole[second:]]
    wrong += [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in (0, HEADER, second + 9)]
    for data in wrong:
        with pytest.raises(StoreError, match="damaged"):
            opened(data)
    with pytest.raises(StoreError):
        opened(whole, bytes([1]) * KEY)
