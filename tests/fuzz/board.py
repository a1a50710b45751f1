"""Memory that a target's process shares with the one that watches it, so that a death tells its input."""

import mmap
import struct
from dataclasses import dataclass
from typing import Final, Self

_HEAD: Final = struct.Struct(">QQQdQQ")
LONGEST: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Counts:
    """So far: inputs tried and accepted, bytes by which the peak has grown, seconds of the slowest."""

    inputs: int
    accepted: int
    growth: int
    slowest: float
    slowest_length: int


class Board:
    """Written after each input, except for the input itself, which is written before."""

    def __init__(self) -> None:
        self._map = mmap.mmap(-1, _HEAD.size + LONGEST)

    def begin(self, data: bytes) -> None:
        """The input that is tried now."""
        kept = data[:LONGEST]
        self._map[_HEAD.size - 8 : _HEAD.size] = len(kept).to_bytes(8, "big")
        self._map[_HEAD.size : _HEAD.size + len(kept)] = kept

    def end(self, counts: Counts) -> None:
        """What is counted with it."""
        fields = (counts.inputs, counts.accepted, counts.growth, counts.slowest, counts.slowest_length)
        self._map[: _HEAD.size - 8] = _HEAD.pack(*fields, 0)[:-8]

    @property
    def counts(self) -> Counts:
        """As last written."""
        return Counts(*_HEAD.unpack(self._map[: _HEAD.size])[:5])

    @property
    def input(self) -> bytes:
        """The last one begun."""
        length = int.from_bytes(self._map[_HEAD.size - 8 : _HEAD.size], "big")
        return self._map[_HEAD.size : _HEAD.size + length]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._map.close()
