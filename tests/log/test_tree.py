"""The tree, its frontier and its proofs agree, for every size (RFC 6962)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mce_exchange.errors import LogError, MalformedError
from mce_exchange.log import merkle
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.proof import verify_consistency, verify_inclusion

LEAVES = [merkle.leaf_hash(bytes([i])) for i in range(70)]
TREE = merkle.Tree(LEAVES)


def naive(leaves: list[bytes]) -> bytes:
    if not leaves:
        return merkle.EMPTY
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return merkle.node_hash(naive(leaves[:k]), naive(leaves[k:]))


def test_tree_and_frontier_have_the_root_of_the_definition() -> None:
    frontier = merkle.Frontier()
    for size in range(len(LEAVES) + 1):
        assert TREE.root(size) == frontier.root == naive(LEAVES[:size])
        assert merkle.Frontier.decode(frontier.encode()).root == frontier.root
        if size < len(LEAVES):
            frontier.append(LEAVES[size])


def test_every_inclusion_proof_holds_for_its_place_only() -> None:
    for size in range(1, 40):
        for index in range(size):
            proof = TREE.inclusion_proof(index, size)
            verify_inclusion(LEAVES[index], index, size, TREE.root(size), proof)
            for other in {0, index + 1, size - 1} - {index}:
                with pytest.raises(LogError):
                    verify_inclusion(LEAVES[index], other, size, TREE.root(size), proof)
            with pytest.raises(LogError):
                verify_inclusion(LEAVES[index], index, size, TREE.root(size), [*proof, LEAVES[0]])


def test_every_consistency_proof_holds_for_its_sizes_only() -> None:
    for new in range(1, 40):
        for old in range(new + 1):
            proof = TREE.consistency_proof(old, new)
            verify_consistency(old, TREE.root(old), new, TREE.root(new), proof)
            with pytest.raises(LogError):
                verify_consistency(old, TREE.root(old), new, TREE.root(new), [*proof, LEAVES[0]])
            if old not in (0, new):
                with pytest.raises(LogError):
                    verify_consistency(old, TREE.root(old), new, TREE.root(new), proof[:-1])
                with pytest.raises(LogError):
                    verify_consistency(old, LEAVES[0][::-1], new, TREE.root(new), proof)


@given(st.integers(2, 70), st.data())
def test_a_flipped_bit_in_a_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = TREE.inclusion_proof(index, size)
    at = data.draw(st.integers(0, len(proof) - 1))
    bit = data.draw(st.integers(0, 255))
    flipped = bytearray(proof[at])
    flipped[bit // 8] ^= 1 << bit % 8
    proof[at] = bytes(flipped)
    with pytest.raises(LogError):
        verify_inclusion(LEAVES[index], index, size, TREE.root(size), proof)


@given(st.integers(0, 70))
def test_a_truncated_tree_is_the_tree_before(size: int) -> None:
    tree = merkle.Tree(LEAVES)
    tree.truncate(size)
    assert tree.size == size
    for leaf in LEAVES[size:]:
        tree.append(leaf)
    assert tree.root() == TREE.root()
    # Nothing of the leaves that went is in what comes after them.
    others = [leaf[::-1] for leaf in LEAVES[size:]]
    tree.truncate(size)
    tree.extend(others)
    assert tree.root() == merkle.Tree([*LEAVES[:size], *others]).root()


def test_frontiers_have_one_encoding() -> None:
    frontier = merkle.Frontier()
    for leaf in LEAVES[:5]:
        frontier.append(leaf)
    data = frontier.encode()
    for bad in (data[:-1], data + b"\0", data[:7], b"\xff" * len(data)):
        with pytest.raises(MalformedError):
            merkle.Frontier.decode(bad)


def test_l8_entries_are_strict_and_say_only_a_class_and_a_digest() -> None:
    entry = LogEntry(True, bytes(range(32)))
    assert entry.encode() == b"\x01\x01" + bytes(range(32))
    assert LogEntry.decode(entry.encode()) == entry
    for bad in (b"\x02" + entry.encode()[1:], b"\x01\x02" + entry.digest, entry.encode()[:-1]):
        with pytest.raises(MalformedError):
            LogEntry.decode(bad)


def test_a_consistency_proof_over_a_tree_that_is_known_in_part() -> None:
    for new in range(1, 34):
        for known in range(1, new + 1):
            part, own = merkle.Tree(LEAVES[:known]), TREE.consistency_proof(known, new)
            for old in range(known + 1):
                assert part.consistency_proof_beyond(old, new, own) == TREE.consistency_proof(old, new)
    with pytest.raises(ValueError, match="no proof"):
        merkle.Tree(LEAVES[:3]).consistency_proof_beyond(4, 5, [])
    with pytest.raises(ValueError, match="shorter"):
        merkle.Tree(LEAVES[:3]).consistency_proof_beyond(2, 5, [])


def test_hashes_of_a_level_are_the_roots_of_its_whole_subtrees() -> None:
    for level in range(4):
        width = 2**level
        roots = [naive(LEAVES[at : at + width]) for at in range(0, len(LEAVES) // width * width, width)]
        assert TREE.hashes(level, 0, len(roots)) == b"".join(roots)
        assert TREE.hashes(level, 1, 3) == b"".join(roots[1:3])
