"""What the log costs: appending against hashing alone, and proofs and anchors for each message.

Appending has a floor that no log gets below: two hashes a leaf. A message pays for its own receipt; a
checkpoint is paid by all entries of one commit, an anchor and its cosignatures by all of ten minutes.
"""

import hashlib
from collections.abc import Callable
from functools import partial
from typing import Final

from bench.frame import Scale, Table, interleave, number, timed
from mce_exchange.log import anchor, proof
from mce_exchange.log.anchor import Cosigner, Quorum, WitnessKey
from mce_exchange.log.checkpoint import Checkpoint, LogKey, open_checkpoint, sign_checkpoint
from mce_exchange.log.entry import leaf_hashes
from mce_exchange.log.merkle import Frontier, Tree, leaf_hash
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key

_ORIGIN: Final = "mce1/" + "00" * 32
_GROUP: Final = 64
_WITNESSES: Final = 7
_PER_ANCHOR: Final = 100
"""Messages in ten minutes on a busy day: 14,400 a day."""


def run(scale: Scale) -> list[Table]:
    """Both tables."""
    return [_append(scale), _message(scale)]


def _entries(count: int) -> list[bytes]:
    return [b"\1\0" + index.to_bytes(32, "big") for index in range(count)]


def _append(scale: Scale) -> Table:
    count = 256 if scale.tiny else 2**16
    entries = _entries(count)
    sides: dict[str, Callable[[], object]] = {
        "two hashes a leaf and nothing else": partial(_hashes_alone, entries),
        f"tree, {_GROUP} at a time": partial(_in_groups, entries),
        "tree, one at a time": partial(_one_by_one, entries),
        "frontier": partial(_frontier, entries),
        "entries read back, tree rebuilt": partial(_rebuilt, b"".join(entries)),
    }
    found = interleave([timed(name, work, scale.seconds) for name, work in sides.items()], scale.rounds)
    floor = next(iter(found.values()))
    return Table(
        title="Log: appending",
        head=("", "leaves/s", "of hashing alone"),
        rows=[[name, number(one.median * count), number(one.over(floor))] for name, one in found.items()],
        method=f"{number(count)} entries of 34 bytes into an empty tree; processor time.",
    )


def _hashes_alone(entries: list[bytes]) -> None:
    node = bytes(65)
    for entry in entries:
        hashlib.sha256(b"\0" + entry).digest()
        hashlib.sha256(node).digest()


def _in_groups(entries: list[bytes]) -> bytes:
    tree = Tree()
    for at in range(0, len(entries), _GROUP):
        tree.extend(map(leaf_hash, entries[at : at + _GROUP]))
    return tree.root()


def _one_by_one(entries: list[bytes]) -> bytes:
    tree = Tree()
    for entry in entries:
        tree.append(leaf_hash(entry))
    return tree.root()


def _frontier(entries: list[bytes]) -> bytes:
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    return frontier.root


def _rebuilt(entries: bytes) -> bytes:
    return Tree(leaf_hashes(entries)).root()


def _message(scale: Scale) -> Table:
    size = 1000 if scale.tiny else 1_000_000
    tree = Tree(map(leaf_hash, _entries(size)))
    log, log_44 = Ed25519Key.from_seed(bytes(32)), MlDsa44Key.from_seed(bytes(32))
    key = LogKey(log.public, log_44.public)
    checkpoint = Checkpoint(_ORIGIN, size, tree.root())
    signed = sign_checkpoint(checkpoint, log)
    frozen = anchor.sign_anchor(checkpoint, time=1, ed25519=log, ml_dsa_44=log_44)
    witnesses = [_witness(number) for number in range(_WITNESSES)]
    known = [one.public for one in witnesses]
    cosigned = frozen + b"".join(one.lines(frozen, time=1) for one in witnesses)
    leaf, index, path = leaf_hash(_entries(size)[-1]), size - 1, tree.inclusion_proof(size - 1, size)
    work: dict[str, tuple[Callable[[], object], float]] = {
        "inclusion proof made": (partial(tree.inclusion_proof, size // 3, size), 1),
        "inclusion proof verified": (
            partial(proof.verify_inclusion, leaf, index, size, checkpoint.root, path),
            1,
        ),
        "consistency proof made": (partial(tree.consistency_proof, size // 3, size), 1),
        "checkpoint signed, alone in its commit": (partial(sign_checkpoint, checkpoint, log), 1),
        "checkpoint signed, 64 in a commit": (partial(sign_checkpoint, checkpoint, log), _GROUP),
        "checkpoint verified": (partial(_opened_checkpoint, signed, key), 1),
        "anchor frozen": (
            partial(anchor.sign_anchor, checkpoint, time=1, ed25519=log, ml_dsa_44=log_44),
            _PER_ANCHOR,
        ),
        "anchor cosigned, by each witness": (partial(witnesses[0].lines, frozen, time=1), _PER_ANCHOR),
        "anchor opened, 0 of 0": (partial(_opened, frozen, key, []), _PER_ANCHOR),
        "anchor opened, 7 of 7": (partial(_opened, cosigned, key, known), _PER_ANCHOR),
    }
    found = interleave([timed(name, one, scale.seconds) for name, (one, _) in work.items()], scale.rounds)
    return Table(
        title="Log: what a message pays",
        head=("", "us", "shared by", "us a message"),
        rows=[
            [name, number(1e6 / one.median), number(work[name][1]), number(1e6 / one.median / work[name][1])]
            for name, one in found.items()
        ],
        method=(
            f"A tree of {number(size)} entries; a receipt has {len(path)} hashes and {len(signed)} bytes of"
            f" checkpoint, an anchor {len(frozen)} bytes, with seven witnesses {len(cosigned)}. {_PER_ANCHOR}"
            " messages to an anchor."
        ),
    )


def _witness(number_: int) -> Cosigner:
    seed = bytes([number_ + 1]) * 32
    return Cosigner(
        name=f"witness{number_}",
        member=f"member{number_}",
        ed25519=Ed25519Key.from_seed(seed),
        ml_dsa_44=MlDsa44Key.from_seed(seed),
    )


def _opened_checkpoint(note: bytes, key: LogKey) -> Checkpoint:
    # As by somebody who has not seen this note: nothing is answered from memory.
    open_checkpoint.cache_clear()
    return open_checkpoint(note, origin=_ORIGIN, key=key)


def _opened(note: bytes, key: LogKey, witnesses: list[WitnessKey]) -> anchor.Anchor:
    return anchor.open_anchor(
        note,
        origin=_ORIGIN,
        log_key=lambda _: key,
        witnesses=lambda _: witnesses,
        quorum=lambda _: Quorum(5, 7) if witnesses else Quorum(0, 0),
    )
