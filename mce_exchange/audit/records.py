"""The evidence file: a msgpack stream of `[kind, bytes]`, read one record at a time (SPEC section 12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgpack

from mce_exchange import limits
from mce_exchange.errors import LimitError, MalformedError

FORMAT: Final = 1
KINDS: Final = ("begin", "anchor", "directory", "statement", "fork", "disclosure", "chunk", "end")
_KINDS: Final = {kind.encode(): kind for kind in KINDS}
# msgpack's array of two, text of up to 31 bytes, and bytes by the width of their length.
_ARRAY_OF_TWO: Final = b"\x92"
_TEXT: Final = 0xA0
_WIDTHS: Final = {0xC4: 1, 0xC5: 2, 0xC6: 4}


@dataclass(frozen=True, slots=True)
class Record:
    """One record: its kind and the bytes of its message in evidence.proto; a chunk's are ciphertext."""

    kind: str
    data: bytes

    def encode(self) -> bytes:
        """The record's only encoding."""
        return bytes(msgpack.packb([self.kind, self.data]))


def read_records(stream: BinaryIO) -> Iterator[Record]:
    """Records in order, in the memory of one; `MalformedError` or `LimitError` where they end.

    Each has one encoding, so its head is read byte by byte: no length is believed before it is known to
    be below the cap and written in its shortest form.
    """
    while head := stream.read(1):
        if head != _ARRAY_OF_TWO:
            raise MalformedError("a record is a kind and its bytes")
        kind = _take(stream, _one(stream) - _TEXT)
        if kind not in _KINDS:
            raise MalformedError("a record of a kind that this version does not know")
        width = _WIDTHS.get(_one(stream))
        if width is None:
            raise MalformedError("a record is a kind and its bytes")
        size = int.from_bytes(_take(stream, width), "big")
        if size > limits.EVIDENCE_RECORD:
            raise LimitError(f"a record of {size} bytes, at most {limits.EVIDENCE_RECORD}")
        if width > 1 and size < 1 << 4 * width:
            raise MalformedError("a record whose length has a shorter form")
        yield Record(_KINDS[kind], _take(stream, size))


def _one(stream: BinaryIO) -> int:
    return _take(stream, 1)[0]


def _take(stream: BinaryIO, size: int) -> bytes:
    data = stream.read(size) if size >= 0 else b""
    if len(data) != size:
        raise MalformedError("an evidence file that is cut off inside a record")
    return data
