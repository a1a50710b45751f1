"""Framing, signatures and their contexts (threats E3, E8, E9, E10, E12)."""

from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from mce_exchange import limits, statement
from mce_exchange.directory.authority import authenticate
from mce_exchange.errors import ContextError, LimitError, MalformedError, SignatureError, SuiteError
from mce_exchange.hotline import changing
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.statement import Block, Statement
from mce_exchange.v1 import statement_pb2
from tests.federation import Federation

NETWORK = bytes(32)
OTHER_NETWORK = b"\1" * 32
ANNA = PrivateKey.from_seed(bytes(64))
BERT = PrivateKey.from_seed(bytes([1]) * 64)
KEYS = {key.public.id: key.public for key in (ANNA, BERT)}


def contest(*keys: PrivateKey) -> bytes:
    return statement_pb2.Contest(
        signers=[key.public.id for key in keys], member="be", statement_id=bytes(32)
    ).SerializeToString()


def signed(*keys: PrivateKey) -> Statement:
    return statement.sign("contest", contest(*keys), network_id=NETWORK, keys=keys)


GOOD = signed(ANNA)
PAIR = signed(ANNA, BERT)


def check(raw: bytes, *, network_id: bytes = NETWORK) -> statement_pb2.Contest:
    decoded = statement.decode(raw)
    statement.lint(decoded)
    statement.verify(decoded, network_id=network_id, find_key=KEYS.get)
    return statement.body(decoded, statement_pb2.Contest)


def test_what_is_signed_is_carried_and_opens() -> None:
    assert GOOD.raw == (
        b"\x07contest"
        + len(GOOD.body).to_bytes(4, "big")
        + GOOD.body
        + b"\x01"
        + GOOD.raw[-limits.SIGNATURE_BLOCK :]
    )
    assert statement.decode(GOOD.raw) == GOOD
    assert check(GOOD.raw).member == "be"
    assert check(PAIR.raw).signers == [ANNA.public.id, BERT.public.id]


def test_a_second_signer_signs_later_and_the_id_stays() -> None:
    half = statement.sign("contest", contest(ANNA, BERT), network_id=NETWORK, keys=[ANNA])
    with pytest.raises(SignatureError, match="others than those"):
        check(half.raw)
    whole = statement.cosign(half, BERT, network_id=NETWORK)
    assert check(whole.raw).signers == [ANNA.public.id, BERT.public.id]
    assert whole.id(NETWORK) == half.id(NETWORK) == PAIR.id(NETWORK)
    with pytest.raises(SignatureError):
        check(statement.cosign(half, BERT, network_id=OTHER_NETWORK).raw)


def test_the_id_does_not_depend_on_hedged_signatures() -> None:
    again = signed(ANNA)
    assert again.raw != GOOD.raw
    assert again.id(NETWORK) == GOOD.id(NETWORK) != GOOD.id(OTHER_NETWORK)
    assert again.digest != GOOD.digest


@pytest.mark.parametrize(
    "cut", [0, 1, 8, 11, 12, 40, len(GOOD.raw) - limits.SIGNATURE_BLOCK, len(GOOD.raw) - 1]
)
def test_a_cut_statement_is_refused(cut: int) -> None:
    with pytest.raises((MalformedError, LimitError)):
        statement.decode(GOOD.raw[:cut])


@pytest.mark.parametrize("extra", [b"\0", GOOD.raw[-limits.SIGNATURE_BLOCK :]])
def test_trailing_bytes_are_refused(extra: bytes) -> None:
    with pytest.raises(MalformedError):
        statement.decode(GOOD.raw + extra)


def test_h2_giant_lengths_are_refused_before_anything_is_copied() -> None:
    with pytest.raises(LimitError):
        statement.decode(b"\x07contest\xff\xff\xff\xff" + bytes(100))
    with pytest.raises(LimitError):
        statement.decode(b"\xff" + b"a" * 300)
    with pytest.raises(LimitError):
        statement.decode(bytes(limits.STATEMENT + 1))


def test_e12_an_unknown_type_is_a_suite_error() -> None:
    with pytest.raises(SuiteError):
        statement.decode(GOOD.raw.replace(b"contest", b"classic"))


def test_e10_a_signature_counts_for_its_type_and_network_only() -> None:
    with pytest.raises(SignatureError):
        check(GOOD.raw, network_id=OTHER_NETWORK)
    for type_, kind in statement.BODIES.items():
        moved = Statement(type_, GOOD.body, GOOD.blocks)
        holds = True
        try:
            statement.verify(moved, network_id=NETWORK, find_key=KEYS.get)
        except SignatureError:
            holds = False
        assert holds == (type_ == "contest")
        if type_ != "contest":
            with pytest.raises(ContextError):
                statement.body(GOOD, kind)


# What a verification found out is kept with the Statement, and `decode` gives the same Statement again.


def refused(good: Statement, key: PublicKey | None, *, network_id: bytes = NETWORK) -> None:
    with pytest.raises(SignatureError):
        statement.verify(good, network_id=network_id, find_key=lambda _: key)


def test_e10_a_kept_answer_counts_for_its_network_only() -> None:
    good = statement.decode(GOOD.raw)
    for _ in range(2):
        statement.verify(good, network_id=NETWORK, find_key=KEYS.get)
        refused(statement.decode(GOOD.raw), ANNA.public, network_id=OTHER_NETWORK)


@pytest.mark.parametrize("half", ["ed25519", "ml_dsa_65"])
def test_e9_a_kept_answer_counts_for_both_halves_of_its_key_only(half: str) -> None:
    other = replace(ANNA.public, **{half: getattr(BERT.public, half)})
    good = statement.decode(GOOD.raw)
    for _ in range(2):
        statement.verify(good, network_id=NETWORK, find_key=KEYS.get)
        refused(good, other)
    # What does not hold by one key says nothing about the right one either.
    again = statement.decode(signed(ANNA).raw)
    refused(again, other)
    statement.verify(again, network_id=NETWORK, find_key=KEYS.get)


def test_e9_a_kept_answer_counts_for_its_own_block_only() -> None:
    # A book of keys that gives one key for every id: only the block tells the two questions apart.
    a, b = PAIR.blocks
    refused(statement.decode(Statement("contest", PAIR.body, (a, b)).raw), ANNA.public)
    again = Block(a.signer, b.ed25519, b.ml_dsa_65)
    found = statement.decode(Statement("contest", PAIR.body, (a, again)).raw)
    holds = [statement.holds(found, block, ANNA.public, NETWORK) for block in found.blocks * 2]
    assert holds == [True, False, True, False]


def test_a_kept_answer_is_no_right_to_sign() -> None:
    good = statement.decode(GOOD.raw)
    statement.verify(good, network_id=NETWORK, find_key=KEYS.get)
    refused(good, None)


def test_d8_a_kept_answer_does_not_outlive_its_key() -> None:
    f = Federation()
    be, body = f.people["be"], statement_pb2.HighWater(sender="be", recipient="pt", sequence=1)
    body.signers.append(be.key.public.id)
    body.header_id, body.log_size, body.log_root = bytes(32), 1, bytes(32)
    good = f.sign("high-water", body.SerializeToString(deterministic=True), be.key)
    assert authenticate(statement.decode(good.raw), state=f.state, index=f.tree.size).author == "be"
    order = changing.revocation_body(
        signers=[be.second.public.id],
        member="be",
        key_id=be.key.public.id,
        cut=f.anchor(),
        reason=changing.Reason.COMPROMISED,
    )
    f.publish(f.sign("revocation", order, be.second).raw)
    assert statement.decode(good.raw) is statement.decode(good.raw)
    with pytest.raises(SignatureError, match="does not count"):
        authenticate(statement.decode(good.raw), state=f.state, index=f.tree.size)


def test_a_verification_that_failed_to_happen_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> bool:
        raise MemoryError

    good = statement.decode(signed(ANNA).raw)
    with monkeypatch.context() as patched:
        patched.setattr(PublicKey, "verifies", broken)
        with pytest.raises(MemoryError):
            statement.verify(good, network_id=NETWORK, find_key=KEYS.get)
    statement.verify(good, network_id=NETWORK, find_key=KEYS.get)


@pytest.mark.parametrize("size", [32, limits.STATEMENT_BODY], ids=["kept", "not kept"])
def test_bytes_that_their_owner_can_still_change_are_copied(size: int) -> None:
    tail = GOOD.raw[-limits.SIGNATURE_BLOCK - 1 :]
    before = b"\x07contest" + size.to_bytes(4, "big") + bytes(size) + tail
    raw: Any = bytearray(before)
    found = statement.decode(raw)
    raw[12] ^= 1
    assert type(found.body) is bytes
    assert found == statement.decode(before) != statement.decode(raw)


def _blocks() -> dict[str, tuple[Block, ...]]:
    a, b = PAIR.blocks
    zero = bytes(limits.ED25519_SIGNATURE)
    return {
        "one_missing": (a,),
        "other_order": (b, a),
        "repeated": (a, a),
        "ed25519_stripped": (Block(a.signer, zero, a.ml_dsa_65), b),
        "ml_dsa_stripped": (Block(a.signer, a.ed25519, bytes(limits.ML_DSA_65_SIGNATURE)), b),
        "halves_swapped": (Block(a.signer, b.ed25519, a.ml_dsa_65), Block(b.signer, a.ed25519, b.ml_dsa_65)),
        "signers_swapped": (Block(b.signer, a.ed25519, a.ml_dsa_65), Block(a.signer, b.ed25519, b.ml_dsa_65)),
    }


@pytest.mark.parametrize("fault", _blocks())
def test_e9_both_halves_of_just_the_named_signers(fault: str) -> None:
    with pytest.raises(SignatureError):
        check(Statement("contest", PAIR.body, _blocks()[fault]).raw)


def test_e9_one_signer_more_than_named_is_refused() -> None:
    more = Statement(
        "contest",
        GOOD.body,
        statement.sign("contest", GOOD.body, network_id=NETWORK, keys=[ANNA, BERT]).blocks,
    )
    with pytest.raises(SignatureError):
        check(more.raw)


def test_an_unknown_key_is_refused() -> None:
    stranger = PrivateKey.from_seed(bytes([9]) * 64)
    with pytest.raises(SignatureError, match="not in the Directory"):
        check(signed(stranger).raw)


def test_e8_small_order_keys_are_not_admitted() -> None:
    identity = b"\x01" + bytes(31)
    with pytest.raises(MalformedError):
        PublicKey(identity, ANNA.public.ml_dsa_65)
    with pytest.raises(MalformedError):
        PublicKey(ANNA.public.ed25519, ANNA.public.ml_dsa_65[:-1])


def test_e6_halves_of_two_keys_make_a_third_key() -> None:
    mixed = PublicKey(ANNA.public.ed25519, BERT.public.ml_dsa_65)
    assert mixed.id not in KEYS


@pytest.mark.parametrize("bit", range(0, 8 * (len(GOOD.raw) - limits.ML_DSA_65_SIGNATURE), 37))
def test_any_flipped_bit_is_refused(bit: int) -> None:
    flipped = bytearray(GOOD.raw)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises((MalformedError, LimitError, SuiteError, SignatureError)):
        check(bytes(flipped))


def test_signing_twice_in_every_order_gives_other_bytes() -> None:
    for keys in permutations((ANNA, BERT)):
        assert check(signed(*keys).raw).signers == [key.public.id for key in keys]


def test_h2_large_statements_are_not_kept_in_memory() -> None:
    tail = GOOD.raw[-limits.SIGNATURE_BLOCK - 1 :]

    def raw(size: int, fill: int) -> bytes:
        return b"\x07contest" + size.to_bytes(4, "big") + bytes([fill]) * size + tail

    small, large = raw(100, 1), raw(limits.STATEMENT_BODY, 2)
    assert statement.decode(small) is statement.decode(small)
    assert statement.decode(large) is not statement.decode(large)
