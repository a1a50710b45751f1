"""The log: notes, checkpoints, anchors, receipts, proofs, entries."""

from functools import cache
from typing import Final

from mce_exchange import limits, statement, wire
from mce_exchange.errors import DirectoryError, LogError, MalformedError
from mce_exchange.log import note
from mce_exchange.log.anchor import cosign, sign_anchor
from mce_exchange.log.checkpoint import check_follows, open_checkpoint, read_checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Frontier, Tree, leaf_hash
from mce_exchange.log.note import Note, Signature
from mce_exchange.log.proof import verify_consistency, verify_inclusion
from mce_exchange.log.receipt import Receipt, verify_receipt
from mce_exchange.v1 import log_pb2
from tests.federation import LOG, LOG_KEY
from tests.fuzz import mutate, world
from tests.fuzz.target import BYTES, NOTED, Target
from tests.fuzz.wireform import noise

_HASH: Final = limits.HASH
_TREE: Final = Tree(leaf_hash(bytes([i])) for i in range(13))


def _note(data: bytes) -> None:
    read = note.parse(data)
    assert read.encode() == data
    assert read == note.parse(read.encode())


def _lines(data: bytes) -> None:
    """As a witness hands them in: nothing but lines, whatever they are put behind."""
    read = note.parse_lines(data)
    assert note.encode_lines(read) == data
    assert note.parse(b"text\n\n" + data).signatures == read


def _checkpoint(data: bytes) -> None:
    """The text, then the note that the log signs over it."""
    text = data.decode(errors="replace")
    checkpoint = read_checkpoint(text)
    assert checkpoint.text == text
    opened = open_checkpoint(
        sign_checkpoint(checkpoint, LOG[0]), origin=world.network().state.directory.origin, key=LOG_KEY
    )
    assert opened == checkpoint
    ours = world.network().checkpoint
    check_follows(ours, b"", opened, b"", world.network().tree.consistency_proof(ours.size, ours.size))


def _anchor(data: bytes) -> None:
    anchor = world.network().state.open_anchor(data)
    assert anchor.note == data
    assert anchor.text
    assert note.parse(data).encode() == data


def _signed_anchor(data: bytes) -> None:
    """A checkpoint that the log and two witnesses sign at a time that the first eight bytes say."""
    time = int.from_bytes(data[:8], "big") % 2**63 or 1
    checkpoint = read_checkpoint(data[8:].decode(errors="replace"))
    anchor = sign_anchor(checkpoint, time=time, ed25519=LOG[0], ml_dsa_44=LOG[1])
    lines: list[Signature] = []
    for name in ("w1", "w2"):
        ed25519, ml_dsa_44 = world.WITNESSES[name]
        lines += cosign(anchor, name=name, time=time, ed25519=ed25519, ml_dsa_44=ml_dsa_44)
    parsed = note.parse(anchor)
    opened = world.network().state.open_anchor(Note(parsed.text, (*parsed.signatures, *lines)).encode())
    assert (opened.time, opened.witnesses, opened.witnessed) == (time, ("w1", "w2"), True)


def _receipt(data: bytes) -> None:
    pb = wire.parse(log_pb2.Receipt, data, cap=limits.EVIDENCE_RECORD)
    receipt = Receipt(index=pb.index, proof=tuple(pb.proof), checkpoint=pb.checkpoint)
    network = world.network()
    entry = LogEntry.decode(_entries()[1])
    verify_receipt(receipt, entry, origin=network.state.directory.origin, key=LOG_KEY)
    # Only the entry at its own index, under a checkpoint of this log, has a receipt.
    assert receipt.index == 1


def _proof(data: bytes) -> None:
    """Two sizes of eight bytes, then hashes: as an inclusion proof and as a consistency proof."""
    first, second = (int.from_bytes(data[at : at + 8], "big") for at in (0, 8))
    hashes = [data[at : at + _HASH] for at in range(16, len(data), _HASH)]
    held = 0
    for what in (_inclusion, _consistency):
        try:
            what(first, second, hashes)
            held += 1
        except LogError:
            pass
    if not held:
        raise LogError("neither")


def _inclusion(index: int, size: int, hashes: list[bytes]) -> None:
    root = _TREE.root(size) if size <= _TREE.size else bytes(_HASH)
    verify_inclusion(leaf_hash(bytes([index % 256])), index, size, root, hashes)
    assert hashes == _TREE.inclusion_proof(index, size)


def _consistency(old: int, new: int, hashes: list[bytes]) -> None:
    roots = [_TREE.root(size) if size <= _TREE.size else bytes(_HASH) for size in (old, new)]
    verify_consistency(old, roots[0], new, roots[1], hashes)
    assert max(old, new) > _TREE.size or hashes == _TREE.consistency_proof(old, new)


def _entry(data: bytes) -> None:
    """34 bytes are a log entry; anything else can only be a frontier."""
    decode = LogEntry.decode if len(data) == limits.LOG_ENTRY else Frontier.decode
    assert decode(data).encode() == data


@cache
def _entries() -> tuple[bytes, ...]:
    decoded = [statement.decode(raw) for raw in world.network().raw]
    return tuple(LogEntry(one.public, one.digest).encode() for one in decoded)


@cache
def _entry_seeds() -> tuple[bytes, ...]:
    frontier = Frontier()
    for i in range(5):
        frontier.append(leaf_hash(bytes([i])))
    return (*_entries(), frontier.encode(), Frontier().encode())


@cache
def _texts() -> tuple[bytes, ...]:
    return (world.network().checkpoint.text.encode(),)


@cache
def _timed_texts() -> tuple[bytes, ...]:
    return tuple((1_700_000_000).to_bytes(8, "big") + text for text in _texts())


@cache
def _notes() -> tuple[bytes, ...]:
    return (world.network().signed_checkpoint(), *_anchors())


@cache
def _cosigned() -> tuple[bytes, ...]:
    lines = note.parse(world.witnessed_anchor()).signatures
    return (note.encode_lines(lines[2:4]), note.encode_lines(lines))


@cache
def _anchors() -> tuple[bytes, ...]:
    return (world.network().anchor(), world.witnessed_anchor())


@cache
def _receipts() -> tuple[bytes, ...]:
    network = world.network()
    made = log_pb2.Receipt(
        index=1,
        proof=network.tree.inclusion_proof(1, network.tree.size),
        checkpoint=network.signed_checkpoint(),
    )
    return (made.SerializeToString(deterministic=True),)


@cache
def _proofs() -> tuple[bytes, ...]:
    def sizes(first: int, second: int) -> bytes:
        return first.to_bytes(8, "big") + second.to_bytes(8, "big")

    inclusion = [sizes(i, n) + b"".join(_TREE.inclusion_proof(i, n)) for i, n in ((0, 1), (3, 8), (11, 13))]
    consistency = [
        sizes(i, n) + b"".join(_TREE.consistency_proof(i, n)) for i, n in ((0, 5), (4, 8), (7, 13), (13, 13))
    ]
    return (*inclusion, *consistency)


TARGETS: Final = (
    Target(name="note", run=_note, errors=BYTES, seeds=_notes, mutate=mutate.notes(_notes), share=6000),
    Target(
        name="note-lines",
        run=_lines,
        errors=BYTES,
        seeds=_cosigned,
        mutate=mutate.notes(_cosigned),
        share=1500,
    ),
    Target(
        name="checkpoint",
        run=_checkpoint,
        errors=NOTED,
        seeds=_texts,
        mutate=mutate.text(_texts),
        share=6000,
    ),
    Target(
        name="anchor",
        run=_anchor,
        errors=(*NOTED, DirectoryError),
        seeds=_anchors,
        mutate=mutate.notes(_anchors),
        share=1500,
    ),
    Target(
        name="anchor-by-log",
        run=_signed_anchor,
        errors=(*NOTED, DirectoryError),
        seeds=_timed_texts,
        mutate=mutate.text(_timed_texts),
        share=500,
    ),
    Target(
        name="receipt",
        run=_receipt,
        errors=NOTED,
        seeds=_receipts,
        mutate=mutate.wire(_receipts),
        share=4000,
    ),
    Target(
        name="proof",
        run=_proof,
        errors=(LogError,),
        seeds=_proofs,
        mutate=noise,
        share=20000,
    ),
    Target(
        name="entry",
        run=_entry,
        errors=(MalformedError,),
        seeds=_entry_seeds,
        mutate=noise,
        share=24000,
    ),
)
