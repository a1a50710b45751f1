"""Faults of entries, receipts and consistency proofs (SPEC 9.3)."""

from collections.abc import Sequence

from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import Checkpoint
from mce_exchange.log.note import Algorithm, Note, Signature
from mce_exchange.primitives.verify import sha256
from mce_exchange.v1 import log_pb2
from tools.vectors import raw
from tools.vectors.faults_wire import variants
from tools.vectors.files import Fault, Faults, Good
from tools.vectors.world import World, seed


def entries(good: Good) -> Faults:
    """34 bytes."""
    entry: bytes = good.input["entry"]

    def fault(name: str, says: str, data: bytes) -> Fault:
        return Fault(
            name=f"entry-{name}", expect="malformed", section="9.3", says=says, input={"entry": data}
        )

    yield fault("empty", "no byte", b"")
    yield fault("version-0", "version 0", b"\0" + entry[1:])
    yield fault("version-2", "version 2", b"\2" + entry[1:])
    yield fault("class-2", "a class that does not exist", entry[:1] + b"\2" + entry[2:])
    yield fault("cut", "a byte short", entry[:-1])
    yield fault("longer", "a byte too long", entry + b"\0")
    wrong = entry[:1] + bytes([entry[1] ^ 1]) + entry[2:]
    says = "a private Statement as a public entry"
    yield Fault(
        name="entry-of-the-wrong-class", expect="log", section="4.2", says=says, input={"entry": wrong}
    )
    other = entry[:2] + sha256(b"another")
    says = "the digest of another Statement"
    yield Fault(
        name="entry-of-another-statement", expect="log", section="9.3", says=says, input={"entry": other}
    )


def receipts(world: World, good: Good) -> Faults:
    """The proof of the header's entry."""
    receipt: bytes = good.input["receipt"]
    proof = [bytes(one) for one in log_pb2.Receipt.FromString(receipt).proof]
    index, header = world.entry("header")

    def fault(name: str, says: str, how: raw.Change, expect: str = "log") -> Fault:
        made = raw.change(receipt, (), how)
        return Fault(name=f"receipt-{name}", expect=expect, section="9.3", says=says, input={"receipt": made})

    yield fault("index-less", "the index of another entry", raw.put(1, index - 1))
    yield fault("index-at-the-size", "an index that the tree does not hold", raw.put(1, index + 3))
    yield fault("proof-empty", "no proof", lambda f: [one for one in f if one.number != 2])
    yield fault("proof-cut", "a hash short", raw.drop(2, len(proof) - 1))
    yield fault("proof-longer", "a hash too many", raw.again(2))
    yield fault("proof-swapped", "two hashes swapped", raw.swap(2))
    flipped = bytes([proof[0][0] ^ 1]) + proof[0][1:]
    yield fault("proof-bit-flipped", "one bit of a hash", raw.put(2, flipped))
    yield fault(
        "checkpoint-before", "a checkpoint of a tree before the entry", raw.put(3, world.checkpoint(index))
    )
    stranger = world.checkpoint().replace(f"\n{world.tree.size}\n".encode(), b"\n99\n")
    yield fault("checkpoint-unsigned", "a checkpoint that the log did not sign", raw.put(3, stranger))
    says = "the same header with another signature, which the log does not hold"
    again = world.sign("header", header.statement.body, "be-1").raw
    yield Fault(
        name="receipt-of-another-signature",
        expect="log",
        section="9.3",
        says=says,
        input={"statement": again},
    )
    for name, expect, says, how in variants("Receipt", receipt):
        yield fault(f"field-{name}", f"Receipt.{says}", how, expect)


def consistency(world: World, good: Good) -> Faults:
    """From the tree of 6 to the last."""
    proof: Sequence[bytes] = good.input["proof"]
    size = world.tree.size

    def fault(name: str, says: str, expect: str = "log", **given: object) -> Fault:
        return Fault(name=f"consistency-{name}", expect=expect, section="9.3", says=says, input=given)

    yield fault("proof-empty", "no proof", proof=[])
    yield fault("proof-cut", "a hash short", proof=proof[:-1])
    yield fault("proof-longer", "a hash too many", proof=[*proof, bytes(32)])
    yield fault("proof-of-64-hashes", "a hash above the cap", proof=[bytes(32)] * 64)
    yield fault("proof-swapped", "two hashes swapped", proof=[proof[1], proof[0], *proof[2:]])
    flipped = [bytes([proof[0][0] ^ 1]) + proof[0][1:], *proof[1:]]
    yield fault("proof-bit-flipped", "one bit of a hash", proof=flipped)
    yield fault("hash-of-31-bytes", "a hash a byte short", proof=[proof[0][:-1], *proof[1:]])
    yield fault(
        "backwards", "the newer tree is the smaller", older=good.input["newer"], newer=good.input["older"]
    )
    other = world.tree.consistency_proof(4, size)
    yield fault("proof-of-another-size", "a proof from another size", proof=other)
    forged = _signed(world, Checkpoint(world.point().origin, 5, seed("another root")))
    yield fault("older-root", "an older tree that is none of this log", older=forged)
    same = _signed(world, Checkpoint(world.point().origin, size, seed("another root")))
    yield fault("two-roots", "two roots for one size", "fork", older=same, proof=[])
    yield fault("proof-for-one-size", "a proof where both are one tree", older=good.input["newer"])


def _signed(world: World, point: Checkpoint) -> bytes:
    key = world.log_signer(point.size).keys[0]
    hash_ = notes.key_hash(point.origin, Algorithm.ED25519, key.public)
    return Note(point.text, (Signature(point.origin, hash_, key.sign(point.text.encode())),)).encode()
