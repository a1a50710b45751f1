"""Proof that a relay showed two views of one log: two notes by its key that cannot both be true."""

from mce_exchange.audit.report import Fork
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import LogError
from mce_exchange.log.checkpoint import Checkpoint, open_checkpoint, size_of
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


def _opened(note: bytes, state: PublicState) -> Checkpoint:
    directory = state.directory
    return open_checkpoint(note, origin=directory.origin, key=directory.log_key(size_of(note)))
