"""Proof that a relay showed two views of one log: two notes by its key that cannot both be true."""

from mce_exchange.audit.build import Views
from mce_exchange.audit.report import Fork
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import LogError
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import Checkpoint, open_checkpoint, read_checkpoint, size_of
from mce_exchange.log.merkle import Tree
from mce_exchange.log.proof import verify_consistency
from mce_exchange.primitives.verify import equal
from mce_exchange.v1 import evidence_pb2


def check_fork(record: evidence_pb2.EvidenceFork, state: PublicState) -> Fork:
    """`LogError` unless the two notes contradict each other; of two sizes, the newer tree's own proof shows
    another root at the older's size.
    """
    older, newer = (_opened(note, state) for note in (record.older, record.newer))
    if older.size == newer.size:
        if equal(older.root, newer.root) or record.root or record.proof:
            raise LogError("two notes of one size that are no fork")
    else:
        if not record.root or equal(record.root, older.root):
            raise LogError("two notes that do not contradict each other")
        verify_consistency(older.size, record.root, newer.size, newer.root, list(record.proof))
    return Fork(older=older.size, newer=newer.size)


def views(one: bytes, other: bytes, tree: Tree) -> Views | None:
    """How two notes of the log's key contradict each other, as far as a tree shows it; None if it does not.

    Of two sizes, the tree must be the larger note's up to there. Nothing is verified but the roots.
    """
    read = sorted(((read_checkpoint(notes.parse(note).text), note) for note in (one, other)), key=_size)
    (older, older_note), (newer, newer_note) = read
    if older.size == newer.size:
        return None if equal(older.root, newer.root) else Views(older=older_note, newer=newer_note)
    if not 0 < older.size < newer.size <= tree.size or not equal(tree.root(newer.size), newer.root):
        return None
    root = tree.root(older.size)
    if equal(root, older.root):
        return None
    proof = tuple(tree.consistency_proof(older.size, newer.size))
    return Views(older=older_note, newer=newer_note, root=root, proof=proof)


def _size(read: tuple[Checkpoint, bytes]) -> int:
    return read[0].size


def _opened(note: bytes, state: PublicState) -> Checkpoint:
    directory = state.directory
    return open_checkpoint(note, origin=directory.origin, key=directory.log_key(size_of(note)))
