"""What a Directory may hold, whoever signs it (SPEC 8.1, 8.3; threats D5, E3, E7, E8)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mce_exchange import limits
from mce_exchange.directory import trust
from mce_exchange.directory.compose import Draft, body_of, new_key, unsigned
from mce_exchange.directory.model import Life, Living, Status
from mce_exchange.directory.records import Bundle, encode_member
from mce_exchange.errors import DirectoryError
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.v1 import directory_pb2
from tests.core.chronicle import NEW, WITNESSES, Chronicle
from tests.federation import LOG_KEY, ROOTS, signed

C = Chronicle(witnesses=True)
IDENTITY = b"\x01" + bytes(31)
OTHER = NEW.public
ROMANIA = PrivateKey.from_seed(b"ro" * 32).public


def opened(change: Callable[[Draft], Draft]) -> None:
    trust.open_next(C.state.directory, C.next(change), index=C.tree.size)


def members(draft: Draft, **changes: object) -> Draft:
    """`pt` with these fields."""
    changed = [replace(m, **changes) if m.id == "pt" else m for m in draft.members]  # type: ignore[arg-type]  # fields
    return replace(draft, members=changed)


def _root_with_anothers_ed25519(draft: Draft) -> Draft:
    half = PublicKey(ROOTS[0].public.ed25519, OTHER.ml_dsa_65)
    return replace(draft, root_keys=(*draft.root_keys, new_key(half)))


def _root_with_anothers_ml_dsa(draft: Draft) -> Draft:
    half = PublicKey(OTHER.ed25519, ROOTS[0].public.ml_dsa_65)
    return replace(draft, root_keys=(*draft.root_keys, new_key(half)))


def _members_key_is_a_roots(draft: Draft) -> Draft:
    return members(draft, keys=(*C.state.directory.member("pt").keys, new_key(ROOTS[0].public)))


def _board_is_the_desk(draft: Draft) -> Draft:
    desk = C.people["pt"].key.public
    return members(draft, board_keys=(new_key(desk),), board_threshold=1)


def _log_key(draft: Draft, ed25519: bytes, ml_dsa_44: bytes) -> Draft:
    ended = tuple(replace(one, life=replace(one.life, removed=2)) for one in draft.log_keys)
    return replace(draft, log_keys=(*ended, Living(value=LogKey(ed25519, ml_dsa_44), life=Life(added=0))))


def _log_key_of_small_order(draft: Draft) -> Draft:
    return _log_key(draft, IDENTITY, b"m" * limits.ML_DSA_44_PUBLIC)


def _log_key_is_a_witnesss(draft: Draft) -> Draft:
    return _log_key(draft, WITNESSES["be"][0].public, b"m" * limits.ML_DSA_44_PUBLIC)


def _log_key_with_the_old_half(draft: Draft) -> Draft:
    return _log_key(draft, OTHER.ed25519, LOG_KEY.ml_dsa_44)


def _two_log_keys(draft: Draft) -> Draft:
    second = Living(value=LogKey(OTHER.ed25519, b"m" * limits.ML_DSA_44_PUBLIC), life=Life(added=0))
    return replace(draft, log_keys=(*draft.log_keys, second))


def _witness(draft: Draft, name: str, member: str, ed25519: bytes = OTHER.ed25519) -> Draft:
    key = WitnessKey(name, member, ed25519, b"m" * limits.ML_DSA_44_PUBLIC)
    witnesses = (*draft.witness_keys, Living(value=key, life=Life(added=0)))
    return replace(draft, witness_keys=witnesses, quorum=Quorum(3, 4))


def _with_another_member(draft: Draft) -> Draft:
    ro = replace(C.state.directory.member("pt"), id="ro", keys=(new_key(ROMANIA),), certificates=())
    return replace(draft, members=(*draft.members, ro))


def _witness_of_small_order(draft: Draft) -> Draft:
    return _witness(_with_another_member(draft), "new/w", "ro", IDENTITY)


def _witness_of_nobody(draft: Draft) -> Draft:
    return _witness(draft, "new/w", "nobody")


def _two_witnesses_of_one_member(draft: Draft) -> Draft:
    return _witness(draft, "new/w", "pt")


def _witness_of_one_who_left(draft: Draft) -> Draft:
    return members(draft, status=Status.LEFT)


def _half_a_quorum(draft: Draft) -> Draft:
    return replace(draft, quorum=Quorum(1, 3))


def _certificate_of_another(draft: Draft) -> Draft:
    return members(draft, certificates=(C.people["be"].door,))


def _certificate_of_the_relay(draft: Draft) -> Draft:
    return members(draft, certificates=(C.relay_door,))


def _member_named_like_a_relay(draft: Draft) -> Draft:
    pt = C.state.directory.member("pt")
    twin = replace(pt, id="relay", keys=(new_key(OTHER),), certificates=())
    return replace(draft, members=(*draft.members, twin))


def _board_without_threshold(draft: Draft) -> Draft:
    return members(draft, board_keys=(new_key(OTHER),), board_threshold=0)


def _board_threshold_without_board(draft: Draft) -> Draft:
    return members(draft, board_threshold=1)


FAULTS: list[Callable[[Draft], Draft]] = [
    _root_with_anothers_ed25519,
    _root_with_anothers_ml_dsa,
    _members_key_is_a_roots,
    _board_is_the_desk,
    _log_key_of_small_order,
    _log_key_is_a_witnesss,
    _log_key_with_the_old_half,
    _two_log_keys,
    _witness_of_small_order,
    _witness_of_nobody,
    _two_witnesses_of_one_member,
    _witness_of_one_who_left,
    _half_a_quorum,
    _certificate_of_another,
    _certificate_of_the_relay,
    _member_named_like_a_relay,
    _board_without_threshold,
    _board_threshold_without_board,
]


def test_e7_a_key_of_small_order_enters_no_directory() -> None:
    for fault in (_log_key_of_small_order, _witness_of_small_order):
        with pytest.raises(DirectoryError, match="not admissible"):
            opened(fault)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__.strip("_"))
def test_d5_nobody_stands_twice_and_nothing_is_half_true(fault: Callable[[Draft], Draft]) -> None:
    with pytest.raises(DirectoryError):
        opened(fault)


def test_what_is_whole_is_taken() -> None:
    opened(lambda draft: _log_key(draft, OTHER.ed25519, b"m" * limits.ML_DSA_44_PUBLIC))
    opened(lambda draft: members(draft, board_keys=(new_key(OTHER),), board_threshold=1))
    opened(lambda draft: replace(draft, quorum=Quorum(3, 3)))
    opened(lambda draft: _witness(_with_another_member(draft), "new/w", "ro"))


def test_a_log_key_changes_for_sizes_above_its_directory() -> None:
    other = LogKey(OTHER.ed25519, b"m" * limits.ML_DSA_44_PUBLIC)
    index = C.tree.size
    bundle = C.next(lambda draft: _log_key(draft, other.ed25519, other.ml_dsa_44))
    directory = trust.open_next(C.state.directory, bundle, index=index)
    assert [directory.log_key(size) for size in (1, index, index + 1)] == [LOG_KEY, LOG_KEY, other]


def test_who_left_has_no_key() -> None:
    """The federation's own tools end the keys; here the record says otherwise."""
    c = Chronicle()
    bundle = c.next(lambda draft: draft)
    left = encode_member(replace(c.state.directory.member("pt"), status=Status.LEFT))
    records = (*bundle.members[:2], left)
    body = directory_pb2.Directory.FromString(body_of(bundle.statement)[0])
    body.members_root = merkle.root(map(merkle.leaf_hash, records))
    forged = signed(
        Bundle(unsigned(body.SerializeToString(deterministic=True)), records),
        ROOTS[:2],
        network_id=c.network_id,
    )
    with pytest.raises(DirectoryError, match="who left"):
        trust.open_next(c.state.directory, forged, index=c.tree.size)


def test_h2_a_directory_and_its_records_have_one_cap() -> None:
    c = Chronicle()
    bundle = c.next(lambda draft: draft)
    huge = Bundle(bundle.statement, (*bundle.members, bytes(limits.DIRECTORY_BUNDLE)))
    with pytest.raises(DirectoryError, match="at most"):
        trust.open_next(c.state.directory, huge, index=c.tree.size)
