"""Receipts: the relay's word that a Statement stands in its log, enough to deliver and to act."""

from dataclasses import dataclass

from mce_exchange.log.checkpoint import Checkpoint, LogKey, open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.proof import verify_inclusion


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Log index, inclusion proof, and the checkpoint (a note) in whose tree the entry stands."""

    index: int
    proof: tuple[bytes, ...]
    checkpoint: bytes


def verify_receipt(receipt: Receipt, entry: LogEntry, *, origin: str, key: LogKey) -> Checkpoint:
    """The checkpoint, if it holds the entry at this index; else `LogError` (threat R5)."""
    checkpoint = open_checkpoint(receipt.checkpoint, origin=origin, key=key)
    verify_inclusion(entry.leaf_hash, receipt.index, checkpoint.size, checkpoint.root, receipt.proof)
    return checkpoint
