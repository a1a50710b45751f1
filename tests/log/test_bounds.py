"""The last value that is taken and the first that is not: times, sizes, hashes (SPEC sections 9 and 10)."""

import pytest

from mce_exchange import limits
from mce_exchange.errors import LimitError, LogError, MalformedError, UsageError
from mce_exchange.log import anchor, merkle, note
from mce_exchange.log.anchor import Quorum
from mce_exchange.log.checkpoint import Checkpoint, read_checkpoint
from mce_exchange.log.entry import LogEntry, leaf_hashes
from mce_exchange.log.note import Algorithm, Signature
from mce_exchange.log.proof import verify_consistency, verify_inclusion
from mce_exchange.primitives import verify
from mce_exchange.primitives.sign import MlDsa44Key
from tests.log.test_anchor import CHECKPOINT, LOG, NOTE, ORIGIN, TREE, opened

LAST = 2**63 - 1
NONE = Quorum(0, 0)


@pytest.mark.parametrize("time", [1, LAST])
def test_an_anchors_time_is_of_63_bits_and_above_zero(time: int) -> None:
    made = anchor.sign_anchor(CHECKPOINT, time=time, ed25519=LOG[0], ml_dsa_44=LOG[1])
    assert opened(made, NONE).time == time


def timed(time: int, key: MlDsa44Key = LOG[1]) -> Signature:
    """A line that its key has really signed, whatever its time."""
    value = key.sign(anchor._ml_dsa_message(CHECKPOINT, ORIGIN, time))
    hash_ = note.key_hash(ORIGIN, Algorithm.COSIGNATURE_ML_DSA_44, key.public)
    return Signature(ORIGIN, hash_, time.to_bytes(8, "big") + value)


@pytest.mark.parametrize("lines", [(0,), (LAST + 1,), (2**64 - 1,), (5, 6)], ids=str)
def test_l2_an_anchor_with_another_time_or_with_two_is_refused(lines: tuple[int, ...]) -> None:
    with pytest.raises(LogError, match="twice or without a time"):
        opened(anchor.attach(NOTE, [timed(time) for time in lines]), NONE)


def test_keys_and_signatures_of_another_length_are_no_signature() -> None:
    message = b"m"
    signature = LOG[1].sign(message)
    public = LOG[1].public
    assert verify.ml_dsa_44(public, signature, message)
    for wrong in (signature[:-1], signature + b"\0", b""):
        assert not verify.ml_dsa_44(public, wrong, message)
    for other in (public[:-1], public + b"\0", b""):
        assert not verify.ml_dsa_44(other, signature, message)


def test_entries_of_either_class_alone_or_together_have_their_hashes() -> None:
    for classes in ((False,), (True,), (True, False)):
        entries = [LogEntry(public, bytes([public]) * 32) for public in classes]
        assert leaf_hashes(b"".join(one.encode() for one in entries)) == [one.leaf_hash for one in entries]
    assert leaf_hashes(b"") == []
    for broken in (entries[0].encode()[:-1], b"\1\2" + bytes(32), b"\2\1" + bytes(32)):
        with pytest.raises(MalformedError):
            leaf_hashes(broken)


def test_hashes_of_another_length_prove_nothing() -> None:
    leaf, root = LogEntry(False, bytes(32)).leaf_hash, TREE.root(9)
    proof = TREE.inclusion_proof(0, 9)
    verify_inclusion(leaf, 0, 9, root, proof)
    for args in ((leaf[:-1], root), (leaf, root + b"\0")):
        with pytest.raises(LogError, match="of 32 bytes"):
            verify_inclusion(args[0], 0, 9, args[1], proof)
    between = TREE.consistency_proof(4, 9)
    for old, new in ((TREE.root(4)[:-1], root), (TREE.root(4), root[:-1])):
        with pytest.raises(LogError, match="of 32 bytes"):
            verify_consistency(4, old, 9, new, between)


def test_a_tree_has_at_most_its_cap_of_leaves() -> None:
    most = limits.TREE_SIZE
    # The hashes are nonsense; what is asked is which refusal comes first.
    with pytest.raises(LogError, match="not shown"):
        verify_inclusion(bytes(32), 0, most, bytes(32), [])
    with pytest.raises(LogError, match="no leaf"):
        verify_inclusion(bytes(32), 0, most + 1, bytes(32), [])
    verify_consistency(most, bytes(32), most, bytes(32), [])
    with pytest.raises(LogError, match="no tree"):
        verify_consistency(most + 1, bytes(32), most + 1, bytes(32), [])
    edge = [bytes(32)] * most.bit_count()
    full = merkle.Frontier(most, edge)
    assert merkle.Frontier.decode(full.encode()).size == most
    over = merkle.Frontier(most + 1, [bytes(32)] * (most + 1).bit_count())
    with pytest.raises(MalformedError):
        merkle.Frontier.decode(over.encode())


def test_a_frontier_read_back_goes_on_where_it_stood() -> None:
    leaves = [LogEntry(False, bytes([i]) * 32).leaf_hash for i in range(9)]
    frontier = merkle.Frontier()
    for number, leaf in enumerate(leaves):
        frontier = merkle.Frontier.decode(frontier.encode())
        assert frontier.size == number
        frontier.append(leaf)
    assert (frontier.size, frontier.root) == (9, TREE.root(9))


def signed_by(count: int, *, text: str = "text\n", value: bytes = b"v") -> bytes:
    lines = tuple(Signature(f"n{number}", bytes(4), value) for number in range(count))
    return note.Note(text, lines).encode()


def test_a_note_at_each_of_its_caps_is_read_and_one_beyond_is_not() -> None:
    assert len(note.parse(signed_by(limits.NOTE_SIGNATURES)).signatures) == limits.NOTE_SIGNATURES
    with pytest.raises(LimitError, match="signatures"):
        note.parse(signed_by(limits.NOTE_SIGNATURES + 1))
    missing = limits.NOTE - len(signed_by(1))
    whole = signed_by(1, text="t" * missing + "text\n")
    assert len(whole) == limits.NOTE
    assert note.parse(whole).encode() == whole
    with pytest.raises(LimitError, match="bytes"):
        note.parse(b"t" + whole)


def test_an_empty_line_in_a_notes_text_is_text() -> None:
    data = signed_by(2, text="first\n\nsecond\n")
    assert note.parse(data).text == "first\n\nsecond\n"


def test_the_largest_tree_has_a_checkpoint_and_one_larger_has_none() -> None:
    largest = Checkpoint(ORIGIN, limits.TREE_SIZE, bytes(32))
    assert read_checkpoint(largest.text) == largest
    for size in (limits.TREE_SIZE + 1, 10**19):
        with pytest.raises(LimitError, match="more than"):
            read_checkpoint(Checkpoint(ORIGIN, size, bytes(32)).text)


def test_a_name_of_255_bytes_is_signed_and_a_longer_one_is_not() -> None:
    for name in ("n", "n" * 255):
        anchor.cosign(NOTE, name=name, time=1, ed25519=LOG[0], ml_dsa_44=LOG[1])
    with pytest.raises(MalformedError, match="1 to 255"):
        anchor.cosign(NOTE, name="n" * 256, time=1, ed25519=LOG[0], ml_dsa_44=LOG[1])
    for time in (0, LAST + 1):
        with pytest.raises(UsageError, match="time above 0"):
            anchor.sign_anchor(CHECKPOINT, time=time, ed25519=LOG[0], ml_dsa_44=LOG[1])


def test_a_proof_has_at_most_63_hashes() -> None:
    most = [bytes(32)] * limits.PROOF_HASHES
    with pytest.raises(LogError, match="superfluous"):
        verify_inclusion(bytes(32), 0, 2, bytes(32), most)
    with pytest.raises(LogError, match="at most 63"):
        verify_inclusion(bytes(32), 0, 2, bytes(32), [*most, bytes(32)])
