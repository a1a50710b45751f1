"""Checkpoints, anchors and receipts: one meaning, or refused (threats L1, L2, R5)."""

import pytest

from mce_exchange.errors import ContextError, ForkError, LogError, MceError
from mce_exchange.log import anchor, merkle, note
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import Checkpoint, LogKey, check_follows, open_checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import Receipt, verify_receipt
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key

ORIGIN = "mce1/" + "00" * 32
LOG = (Ed25519Key.from_seed(bytes(32)), MlDsa44Key.from_seed(bytes(32)))
KEY = LogKey(LOG[0].public, LOG[1].public)
WITNESSES = [
    (Ed25519Key.from_seed(bytes([i]) * 32), MlDsa44Key.from_seed(bytes([i]) * 32)) for i in (1, 2, 3)
]
KNOWN = [WitnessKey(f"witness{i}", f"member{i}", e.public, m.public) for i, (e, m) in enumerate(WITNESSES)]
TREE = merkle.Tree([LogEntry(False, bytes([i]) * 32).leaf_hash for i in range(9)])
CHECKPOINT = Checkpoint(ORIGIN, 9, TREE.root())
TWO_OF_THREE = Quorum(2, 3)
NOTE = sign_checkpoint(CHECKPOINT, LOG[0])
ANCHOR = anchor.sign_anchor(CHECKPOINT, time=1000, ed25519=LOG[0], ml_dsa_44=LOG[1])


def witnessed(*times: int) -> bytes:
    data = ANCHOR
    for i, time in enumerate(times):
        e, m = WITNESSES[i]
        data = anchor.attach(data, anchor.cosign(data, name=f"witness{i}", time=time, ed25519=e, ml_dsa_44=m))
    return data


def opened(data: bytes, quorum: Quorum = TWO_OF_THREE) -> anchor.Anchor:
    return anchor.open_anchor(
        data, origin=ORIGIN, log_key=lambda _: KEY, witnesses=lambda _: KNOWN, quorum=lambda _: quorum
    )


def test_a_checkpoint_opens_for_its_log_only() -> None:
    assert open_checkpoint(NOTE, origin=ORIGIN, key=KEY) == CHECKPOINT
    with pytest.raises(ContextError):
        open_checkpoint(NOTE, origin=ORIGIN[:-1] + "1", key=KEY)
    with pytest.raises(LogError):
        open_checkpoint(NOTE, origin=ORIGIN, key=LogKey(WITNESSES[0][0].public, KEY.ml_dsa_44))


def test_an_anchor_without_witnesses_says_so() -> None:
    plain = opened(ANCHOR, Quorum(0, 0))
    assert plain.witnessed
    assert plain.time == 1000
    assert plain.text == "0 of 0 witnesses (quorum 0), relay's clock"
    assert not opened(ANCHOR).witnessed
    with pytest.raises(LogError, match="0 of 3"):
        opened(ANCHOR).require_quorum()


def test_witnesses_count_once_and_give_the_median_time() -> None:
    both = opened(witnessed(1010, 1030, 1020))
    assert (both.time, both.witnesses) == (1020, ("witness0", "witness1", "witness2"))
    assert opened(witnessed(1010, 1030)).witnessed
    assert not opened(witnessed(1010)).witnessed


def _line(data: bytes, index: int) -> bytes:
    return data.split(b"\n\n")[1].split(b"\n")[index] + b"\n"


def test_l2_half_a_witness_or_two_times_are_refused() -> None:
    once, again = witnessed(1010), witnessed(1011)
    head = ANCHOR
    for lines in (
        [_line(once, 2)],
        [_line(once, 3)],
        [_line(once, 2), _line(again, 3)],
        [_line(once, 2), _line(once, 3), _line(again, 2)],
    ):
        with pytest.raises(LogError):
            opened(head + b"".join(lines))


def test_l2_an_extension_line_is_refused() -> None:
    with pytest.raises(MceError):
        opened(ANCHOR.replace(b"\n\n", b"\nextension\n\n", 1))


def test_an_anchor_needs_the_logs_time() -> None:
    with pytest.raises(LogError):
        opened(NOTE)
    with pytest.raises(MceError):
        anchor.sign_anchor(CHECKPOINT, time=0, ed25519=LOG[0], ml_dsa_44=LOG[1])


@pytest.mark.parametrize("bit", range(0, len(ANCHOR) * 8, 97))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(ANCHOR)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MceError):
        opened(bytes(flipped))


def test_l1_two_roots_for_one_size_are_a_fork_with_its_evidence() -> None:
    other = Checkpoint(ORIGIN, 9, bytes(32))
    other_note = sign_checkpoint(other, LOG[0])
    with pytest.raises(ForkError) as caught:
        check_follows(CHECKPOINT, NOTE, other, other_note, [])
    assert caught.value.notes == (NOTE, other_note)
    older = Checkpoint(ORIGIN, 4, TREE.root(4))
    check_follows(older, b"", CHECKPOINT, NOTE, TREE.consistency_proof(4, 9))


def test_r5_a_receipt_holds_for_its_entry_only() -> None:
    receipt = Receipt(index=3, proof=tuple(TREE.inclusion_proof(3, 9)), checkpoint=NOTE)
    entry = LogEntry(False, bytes([3]) * 32)
    assert verify_receipt(receipt, entry, origin=ORIGIN, key=KEY) == CHECKPOINT
    for other in (LogEntry(True, entry.digest), LogEntry(False, bytes(32))):
        with pytest.raises(LogError):
            verify_receipt(receipt, other, origin=ORIGIN, key=KEY)


def test_c2sp_formats_of_the_signed_messages() -> None:
    lines = note.parse(witnessed(7)).signatures
    assert [len(line.value) for line in lines] == [64, 8 + 2420, 8 + 64, 8 + 2420]
    assert all(line.value[:8] == (7).to_bytes(8, "big") for line in lines[2:])


def test_lines_stand_by_themselves_and_take_the_place_of_earlier_ones() -> None:
    e, m = WITNESSES[0]
    cosigner = anchor.Cosigner(name="witness0", member="member0", ed25519=e, ml_dsa_44=m)
    assert cosigner.public == KNOWN[0]
    first, second = (note.parse_lines(cosigner.lines(ANCHOR, time=time)) for time in (1010, 1020))
    assert all(anchor.are_both(one, KNOWN[0]) for one in (first, second))
    assert not anchor.are_both(first, KNOWN[1])
    assert not anchor.are_both(first[:1], KNOWN[0])
    assert not anchor.are_both(first[:1] * 2, KNOWN[0])
    both = anchor.attach(anchor.attach(ANCHOR, first), second)
    assert opened(both).times == {"witness0": 1020}
    assert note.encode_lines(second) == both.removeprefix(ANCHOR)
    with pytest.raises(MceError):
        note.parse_lines(b"extension\n\n" + note.encode_lines(first))


def test_the_time_that_a_person_reads_is_the_one_that_was_signed_or_none() -> None:
    assert anchor.claimed_time(witnessed(2000)) == 1000
    assert anchor.claimed_time(NOTE) == 0
    # A line by nobody's key hides nothing: the anchor opens, and no time is believed.
    other = anchor.sign_anchor(CHECKPOINT, time=5, ed25519=LOG[0], ml_dsa_44=WITNESSES[0][1])
    false = note.parse(other).signatures[-1]
    read = note.parse(ANCHOR)
    both = note.Note(read.text, (false, *read.signatures)).encode()
    assert opened(both, Quorum(0, 0)).time == 1000
    assert anchor.claimed_time(both) == 0
