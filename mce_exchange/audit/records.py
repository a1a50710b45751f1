"""The evidence file: a msgpack stream of `[kind, bytes]`, read one record at a time (SPEC section 12)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import msgpack

from mce_exchange import limits
from mce_exchange.errors import LimitError, MalformedError

FORMAT: Final = 1
KINDS: Final = ("begin", "anchor", "directory", "statement", "fork", "disclosure", "chunk", "end")
_READ: Final = 64 * limits.KIB


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

    The encoding of each is compared with the one we would write: there is no second one.
    """
    unpacker = msgpack.Unpacker(
        raw=False,
        strict_map_key=True,
        max_buffer_size=limits.EVIDENCE_RECORD + _READ + 64,
        max_bin_len=limits.EVIDENCE_RECORD,
        max_str_len=32,
        max_array_len=2,
        max_map_len=0,
        max_ext_len=0,
    )
    held = bytearray()
    while data := stream.read(_READ):
        unpacker.feed(data)
        held += data
        for record in _complete(unpacker):
            encoded = record.encode()
            if held[: len(encoded)] != encoded:
                raise MalformedError("a record in another encoding than the canonical one")
            del held[: len(encoded)]
            yield record
        if len(held) > limits.EVIDENCE_RECORD + _READ:
            raise LimitError(f"a record of more than {limits.EVIDENCE_RECORD} bytes")
    if held:
        raise MalformedError("an evidence file that is cut off inside a record")


def _complete(unpacker: msgpack.Unpacker) -> Iterator[Record]:
    while True:
        try:
            value = unpacker.unpack()
        except msgpack.OutOfData:
            return
        except (ValueError, msgpack.UnpackException, RecursionError):
            raise MalformedError("not a record of an evidence file") from None
        if not isinstance(value, list) or len(value) != 2:
            raise MalformedError("a record is a kind and its bytes")
        kind, data = value
        if kind not in KINDS or not isinstance(data, bytes):
            raise MalformedError("a record of a kind that this version does not know")
        yield Record(kind, data)
