"""Checking inclusion and consistency proofs (RFC 9162 sections 2.1.3.2 and 2.1.4.2; threat L7).

Every hash of a proof is used exactly once; one too many or too few is refused, so a proof has one form.
"""

from collections.abc import Sequence

from mce_exchange import limits
from mce_exchange.errors import LogError
from mce_exchange.log.merkle import EMPTY, node_hash
from mce_exchange.primitives.verify import equal


def verify_inclusion(leaf: bytes, index: int, size: int, root: bytes, proof: Sequence[bytes]) -> None:
    """Raise `LogError` unless the leaf hash stands at `index` in the tree of `size` with this root."""
    _shape(proof, leaf, root)
    if not 0 <= index < size <= limits.TREE_SIZE:
        raise LogError(f"no leaf {index} in a tree of {size}")
    node, at, last = leaf, index, size - 1
    for other in proof:
        if not last:
            raise LogError("an inclusion proof with superfluous hashes")
        if at & 1 or at == last:
            node = node_hash(other, node)
            # At the right edge, levels without a left sibling have no hash in the proof.
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            node = node_hash(node, other)
        at, last = at >> 1, last >> 1
    if last or not equal(node, root):
        raise LogError(f"entry {index} is not shown to be in the tree of {size}")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raise `LogError` unless the tree of `old_size` is the beginning of the one of `new_size`.

    From size 0 the proof is empty and the old root that of nothing; likewise for equal sizes.
    """
    _shape(proof, old_root, new_root)
    if not 0 <= old_size <= new_size <= limits.TREE_SIZE:
        raise LogError(f"no tree of {old_size} begins one of {new_size}")
    if old_size in (0, new_size):
        same = EMPTY if not old_size else new_root
        if proof or not equal(old_root, same):
            raise LogError(f"tree {old_size} does not begin tree {new_size}")
        if not new_size and not equal(new_root, EMPTY):
            raise LogError("an empty tree with a root of its own")
        return
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    if not path:
        raise LogError("a consistency proof that is too short")
    old = new = path[0]
    for other in path[1:]:
        if not last:
            raise LogError("a consistency proof with superfluous hashes")
        if at & 1 or at == last:
            old, new = node_hash(other, old), node_hash(other, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, other)
        at, last = at >> 1, last >> 1
    if last or not (equal(old, old_root) and equal(new, new_root)):
        raise LogError(f"tree {old_size} is not shown to begin tree {new_size}")


def _shape(proof: Sequence[bytes], *hashes: bytes) -> None:
    if len(proof) > limits.PROOF_HASHES or any(len(h) != limits.HASH for h in (*proof, *hashes)):
        raise LogError("a proof has at most 63 hashes of 32 bytes")
