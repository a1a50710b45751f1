"""How two notes contradict each other, and that nothing else is called a fork (SPEC section 12.2, step 8)."""

from mce_exchange.audit.forks import views
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.merkle import Tree, leaf_hash
from mce_exchange.log.proof import verify_consistency
from tests.federation import LOG

LEAVES = [leaf_hash(bytes([i])) for i in range(9)]
TREE = Tree(LEAVES)
OTHER = Tree([*LEAVES[:4], leaf_hash(b"another"), *LEAVES[5:]])


def note(tree: Tree, size: int) -> bytes:
    return sign_checkpoint(Checkpoint("mce1/" + "00" * 32, size, tree.root(size)), LOG[0])


def test_two_roots_of_one_size_need_nothing_more() -> None:
    found = views(note(TREE, 6), note(OTHER, 6), Tree())
    assert found
    assert (found.root, found.proof) == (b"", ())


def test_two_sizes_need_the_tree_of_the_larger() -> None:
    for older in range(5, 9):
        found = views(note(TREE, 9), note(OTHER, older), TREE)
        assert found
        assert (found.older, found.newer) == (note(OTHER, older), note(TREE, 9))
        verify_consistency(older, found.root, 9, TREE.root(), found.proof)
        assert found.root != OTHER.root(older)
        # Known only in part, or not the tree of the larger note: nothing is claimed.
        assert views(note(TREE, 9), note(OTHER, older), Tree(LEAVES[:8])) is None
        assert views(note(TREE, 9), note(OTHER, older), OTHER) is None


def test_one_log_is_no_fork() -> None:
    for older in range(10):
        assert views(note(TREE, older), note(TREE, 9), TREE) is None
    # The views part at entry 4.
    assert views(note(OTHER, 4), note(TREE, 9), TREE) is None
