"""The Merkle tree of RFC 6962, twice: whole for those who prove, a frontier for those who follow.

Attachments use the same tree over their ciphertext chunks (SPEC section 6).
"""

import hashlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final, Self

from mce_exchange import limits
from mce_exchange.errors import MalformedError

EMPTY: Final = hashlib.sha256().digest()
# Below this, putting the prefix in front costs less than a second call.
_SHORT: Final = 256
_PART: Final = 4096


def leaf_hash(data: bytes | memoryview) -> bytes:
    """SHA-256(0x00 || data). The prefixes keep a leaf from passing as an inner node."""
    if len(data) < _SHORT:
        return hashlib.sha256(b"\0" + data).digest()
    h = hashlib.sha256(b"\0")
    h.update(data)
    return h.digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\1" + left + right).digest()


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """The root over leaf hashes; of none, SHA-256 of nothing."""
    frontier = Frontier()
    for leaf in leaf_hashes:
        frontier.append(leaf)
    return frontier.root


class Frontier:
    """The right edge of a tree: enough to append and to know the root, in 32 bytes for each level."""

    def __init__(self, size: int = 0, edge: Iterable[bytes] = ()) -> None:
        self.size = size
        # Roots of the perfect subtrees that the bits of `size` stand for, largest first.
        self._edge = list(edge)

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash."""
        carry, node = self.size, leaf
        while carry & 1:
            node = node_hash(self._edge.pop(), node)
            carry >>= 1
        self._edge.append(node)
        self.size += 1

    @property
    def root(self) -> bytes:
        """The root over all leaves so far, 32 bytes."""
        if not self._edge:
            return EMPTY
        node = self._edge[-1]
        for left in reversed(self._edge[:-1]):
            node = node_hash(left, node)
        return node

    def copy(self) -> "Frontier":
        """To try out a batch that may prove false."""
        return Frontier(self.size, self._edge)

    def encode(self) -> bytes:
        """`u64 size || edge`, one encoding for each state."""
        return self.size.to_bytes(8, "big") + b"".join(self._edge)

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The reverse; `MalformedError`."""
        size = int.from_bytes(data[:8], "big")
        if len(data) != 8 + limits.HASH * size.bit_count() or size > limits.TREE_SIZE:
            raise MalformedError(f"a frontier of {len(data)} bytes for size {size}")
        return cls(size, [data[i : i + limits.HASH] for i in range(8, len(data), limits.HASH)])


class Tree:
    """All hashes of a tree, level by level, in flat memory: 64 bytes for each leaf."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels = [bytearray()]
        leaves = iter(leaf_hashes)
        while part := tuple(islice(leaves, _PART)):
            self.extend(part)

    @property
    def size(self) -> int:
        """The number of leaves."""
        return len(self._levels[0]) // limits.HASH

    def append(self, leaf: bytes) -> None:
        """Add a leaf hash and every perfect subtree that it completes."""
        self.extend((leaf,))

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """The same for any number of them: a level is hashed as far as it goes before the one above it."""
        self._levels[0] += b"".join(leaf_hashes)
        level = 0
        while pairs := self._pairs_above(level):
            level += 1
            if level == len(self._levels):
                self._levels.append(bytearray())
            self._levels[level] += b"".join([hashlib.sha256(b"\1" + pair).digest() for pair in pairs])

    def _pairs_above(self, level: int) -> list[bytearray]:
        """Siblings without a node above them yet: they lie side by side, as `node_hash` takes them."""
        below, width = self._levels[level], 2 * limits.HASH
        done = 2 * len(self._levels[level + 1]) if level + 1 < len(self._levels) else 0
        return [below[at : at + width] for at in range(done, len(below) // width * width, width)]

    def truncate(self, size: int) -> None:
        """Forget leaves from `size` on: a commit that failed has added nothing."""
        for level, hashes in enumerate(self._levels):
            del hashes[(size >> level) * limits.HASH :]

    def root(self, size: int | None = None) -> bytes:
        """The root of the first `size` leaves, of all by default; `ValueError` beyond the end."""
        size = self._checked(self.size if size is None else size)
        return self._range(0, size) if size else EMPTY

    def hashes(self, level: int, first: int, end: int) -> bytes:
        """Roots of whole subtrees of `2 ** level` leaves, from one to another, counted from the left."""
        return bytes(self._levels[level][first * limits.HASH : end * limits.HASH])

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """RFC 6962 2.1.1, nearest hash first; `ValueError` for an index outside."""
        if not 0 <= index < self._checked(size):
            raise ValueError(f"no leaf {index} in a tree of {size}")
        start, end = 0, size
        path: list[bytes] = []
        while end - start > 1:
            middle = start + _split(end - start)
            if index < middle:
                path.append(self._range(middle, end))
                end = middle
            else:
                path.append(self._range(start, middle))
                start = middle
        return path[::-1]

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """RFC 6962 2.1.2; empty for sizes 0 and for equal ones. `ValueError` for sizes outside."""
        if not 0 <= old <= self._checked(new):
            raise ValueError(f"no proof from size {old} to {new}")
        return [self._range(*leaves) for leaves in _consistency(old, new)]

    def consistency_proof_beyond(self, old: int, new: int, own: Sequence[bytes]) -> list[bytes]:
        """The same to a tree of `new` leaves that this one begins: `own` is the proof from this one to it.

        Every subtree that the proof needs is inside this tree, or stands in `own`, or is made of such.
        """
        if not 0 <= old <= self.size <= new:
            raise ValueError(f"no proof from size {old} over {self.size} to {new}")
        given = dict(zip(_consistency(self.size, new), own, strict=True))

        def node(start: int, end: int) -> bytes:
            if end <= self.size:
                return self._range(start, end)
            if (start, end) in given:
                return given[start, end]
            middle = start + _split(end - start)
            return node_hash(node(start, middle), node(middle, end))

        return [node(*leaves) for leaves in _consistency(old, new)]

    def _checked(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"this tree has {self.size} leaves, not {size}")
        return size

    def _range(self, start: int, end: int) -> bytes:
        """The root of leaves `start` to `end`, which `_split` has aligned."""
        width = end - start
        if width & (width - 1) == 0:
            level = width.bit_length() - 1
            at = (start >> level) * limits.HASH
            return bytes(self._levels[level][at : at + limits.HASH])
        middle = start + _split(width)
        return node_hash(self._range(start, middle), self._range(middle, end))


def _consistency(old: int, new: int) -> list[tuple[int, int]]:
    """Where each subtree of a consistency proof begins and ends, in the order of its hashes."""
    if old in (0, new):
        return []
    start, end, whole = 0, new, True
    path: list[tuple[int, int]] = []
    while old != end:
        middle = start + _split(end - start)
        if old <= middle:
            path.append((middle, end))
            end = middle
        else:
            path.append((start, middle))
            start, whole = middle, False
    if not whole:
        path.append((start, end))
    return path[::-1]


def _split(width: int) -> int:
    """The largest power of two below `width` (2 or more)."""
    return 1 << ((width - 1).bit_length() - 1)
