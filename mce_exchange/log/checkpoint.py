"""Checkpoints (C2SP tlog-checkpoint): origin, size and root, signed by the log's Ed25519 key.

Made once after each commit and never before it (promise 10). Extension lines are refused: witnesses
would cosign what nobody checks (threat L2).
"""

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from mce_exchange import limits
from mce_exchange.errors import ContextError, ForkError, LimitError, LogError, MalformedError
from mce_exchange.log import note as notes
from mce_exchange.log.note import Algorithm, Note, Signature
from mce_exchange.log.proof import verify_consistency
from mce_exchange.primitives import verify
from mce_exchange.primitives.sign import Ed25519Key


@dataclass(frozen=True, slots=True)
class LogKey:
    """The log's public keys: Ed25519 (32 bytes) for checkpoints, ML-DSA-44 (1,312) for anchors too."""

    ed25519: bytes
    ml_dsa_44: bytes


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree's size and root (32 bytes) under the log's origin."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text: three lines."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root).decode()}\n"


def read_checkpoint(text: str) -> Checkpoint:
    """The three lines of a note's text, nothing believed yet; `MalformedError` or `LimitError`."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or not notes.good_name(lines[0]):
        raise MalformedError("a checkpoint has an origin, a size and a root, and nothing else")
    try:
        checkpoint = Checkpoint(lines[0], _size(lines[1]), base64.b64decode(lines[2], validate=True))
    except (binascii.Error, ValueError):
        raise MalformedError("a checkpoint whose root is not base64") from None
    if len(checkpoint.root) != limits.HASH or checkpoint.text != text:
        raise MalformedError("a checkpoint in another encoding than the canonical one")
    return checkpoint


def size_of(note: bytes) -> int:
    """The tree size that a note claims, by which its key is looked up; nothing is believed yet."""
    return read_checkpoint(notes.parse(note).text).size


def _size(line: str) -> int:
    if not line.isascii() or not line.isdigit():
        raise MalformedError("a checkpoint without a size")
    # Bounded before the conversion: integers from text cost more than their length.
    if len(line) > 19 or int(line) > limits.TREE_SIZE:
        raise LimitError(f"a checkpoint of a tree of more than {limits.TREE_SIZE}")
    return int(line)


def sign_checkpoint(checkpoint: Checkpoint, key: Ed25519Key) -> bytes:
    """The checkpoint as a note with the log's Ed25519 line."""
    return Note(checkpoint.text, (ed25519_line(checkpoint, key),)).encode()


def ed25519_line(checkpoint: Checkpoint, key: Ed25519Key) -> Signature:
    """The log's line."""
    hash_ = notes.key_hash(checkpoint.origin, Algorithm.ED25519, key.public)
    return Signature(checkpoint.origin, hash_, key.sign(checkpoint.text.encode()))


# A function of its arguments alone: the receipts of one answer share a note, and so do two batches.
@lru_cache(maxsize=16)
def open_checkpoint(data: bytes, *, origin: str, key: LogKey) -> Checkpoint:
    """The checkpoint of a note that the log signed.

    Raises `MalformedError`, `LimitError`, `ContextError` for another log, `LogError` for a bad signature.
    """
    return verified(notes.parse(data), origin=origin, key=key)


def verified(note: Note, *, origin: str, key: LogKey) -> Checkpoint:
    """The same of a parsed note."""
    checkpoint = read_checkpoint(note.text)
    if checkpoint.origin != origin:
        raise ContextError("a checkpoint of another log")
    values = note.values(origin, Algorithm.ED25519, key.ed25519)
    if len(values) != 1 or not verify.ed25519(key.ed25519, values[0], note.text.encode()):
        raise LogError("a checkpoint without the log's one valid signature")
    return checkpoint


def check_follows(
    older: Checkpoint, older_note: bytes, newer: Checkpoint, newer_note: bytes, proof: Sequence[bytes]
) -> None:
    """Raise `ForkError` for two roots of one size, `LogError` if the proof does not connect the two.

    The two notes are the evidence of a fork and travel with the error.
    """
    if older.size == newer.size and not verify.equal(older.root, newer.root):
        raise ForkError(f"two roots for tree size {older.size}", notes=(older_note, newer_note))
    verify_consistency(older.size, older.root, newer.size, newer.root, proof)
