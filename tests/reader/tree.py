"""The RFC 6962 tree: leaf hashes, roots, inclusion and consistency proofs (SPEC 6.2, 8.1, 9.3)."""

from collections.abc import Sequence

from .primitives import sha256
from .refusal import must
from .schema import limit


def leaf_hash(data: bytes) -> bytes:
    return sha256(b"\0" + data)


def node_hash(left: bytes, right: bytes) -> bytes:
    return sha256(b"\1" + left + right)


def root(hashes: Sequence[bytes]) -> bytes:
    """Over leaf hashes, as the recursive definition has it."""
    if not hashes:
        return sha256(b"")
    if len(hashes) == 1:
        return hashes[0]
    cut = _split(len(hashes))
    return node_hash(root(hashes[:cut]), root(hashes[cut:]))


def included(leaf: bytes, index: int, size: int, proof: Sequence[bytes], tree_root: bytes) -> None:
    """The field table has bounded the proof's length and its hashes."""
    must(index < size, "log", f"no entry {index} in a tree of {size}")
    made = _fold(leaf, index, size, list(proof))
    must(made == tree_root, "log", f"entry {index} is not in the tree of {size}")


def _fold(leaf: bytes, index: int, size: int, proof: list[bytes]) -> bytes | None:
    if size == 1:
        return None if proof else leaf
    if not proof:
        return None
    cut = _split(size)
    sibling = proof.pop()
    if index < cut:
        left = _fold(leaf, index, cut, proof)
        return left and node_hash(left, sibling)
    right = _fold(leaf, index - cut, size - cut, proof)
    return right and node_hash(sibling, right)


def extends(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """RFC 6962 section 2.1.2; two roots for one size are the caller's to report as a fork."""
    must(len(proof) <= limit("proof hashes"), "log", "a proof too long")
    must(old_size <= new_size, "log", f"tree {old_size} does not begin tree {new_size}")
    if old_size == new_size:
        must(not proof, "log", "a proof where none is needed")
        return
    found = _unfold(old_size, new_size, old_root, list(proof), known=True)
    must(found == (old_root, new_root), "log", f"tree {old_size} is not shown to begin tree {new_size}")


def _unfold(
    old: int, new: int, old_root: bytes, proof: list[bytes], *, known: bool
) -> tuple[bytes, bytes] | None:
    # SUBPROOF(m, D[n], b) read backwards: both subtree hashes from what is left of the proof.
    if old == new:
        if known:
            return None if proof else (old_root, old_root)
        return (proof[0], proof[0]) if len(proof) == 1 else None
    if not proof:
        return None
    cut = _split(new)
    last = proof.pop()
    if old <= cut:
        pair = _unfold(old, cut, old_root, proof, known=known)
        return pair and (pair[0], node_hash(pair[1], last))
    pair = _unfold(old - cut, new - cut, old_root, proof, known=False)
    return pair and (node_hash(last, pair[0]), node_hash(last, pair[1]))


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """PATH(m, D[n]) of RFC 6962 section 2.1.1."""
    if len(hashes) == 1:
        return []
    cut = _split(len(hashes))
    if index < cut:
        return [*inclusion_proof(hashes[:cut], index), root(hashes[cut:])]
    return [*inclusion_proof(hashes[cut:], index - cut), root(hashes[:cut])]


def consistency_proof(hashes: Sequence[bytes], old: int, *, known: bool = True) -> list[bytes]:
    """SUBPROOF(m, D[n], b) of RFC 6962 section 2.1.2."""
    if old == len(hashes):
        return [] if known else [root(hashes)]
    cut = _split(len(hashes))
    if old <= cut:
        return [*consistency_proof(hashes[:cut], old, known=known), root(hashes[cut:])]
    return [*consistency_proof(hashes[cut:], old - cut, known=False), root(hashes[:cut])]


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
