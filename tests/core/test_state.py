"""What public Statements change, and who may change it (SPEC 8.4 to 8.8; threats D1, D5, D8, R1)."""

from dataclasses import replace

import pytest

from mce_exchange.directory.authority import Verdict, authenticate
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Status
from mce_exchange.errors import ContextError, DirectoryError, ProtocolError, SignatureError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import Quorum
from mce_exchange.v1 import statement_pb2
from tests.core.chronicle import BOARD, DAY, NEW, NOW, Chronicle
from tests.federation import RELAY_KEY, ROOTS

VALID, DISPUTED, INVALID = Verdict.VALID, Verdict.DISPUTED, Verdict.INVALID


def verdict(c: Chronicle, key: PrivateKey, at: int, member: str = "be") -> Verdict:
    """What a signature by this key at an index is worth now."""
    item = statement_pb2.DeliveredItem(header_id=bytes(32), index=1)
    body = statement_pb2.Delivered(signers=[key.public.id], member=member, items=[item])
    try:
        return authenticate(
            c.sign("delivered", body.SerializeToString(), key), state=c.state, index=at
        ).verdict
    except SignatureError:
        return INVALID


# Revocation.


def test_d8_nobody_but_the_threshold_reaches_back_more_than_thirty_days() -> None:
    for roots in (False, True):
        c = Chronicle()
        be = c.people["be"]
        old, oldest = c.anchor(NOW), c.tree.size
        c.clock(1)
        floor = c.tree.size
        c.clock(15)
        c.clock(40)
        index = c.revoke(be.key, *(ROOTS[:2] if roots else [be.second]), cut=old)
        cut = oldest if roots else floor
        assert c.state.revoked[be.key.public.id].cut == cut
        assert [verdict(c, be.key, at) for at in (cut - 1, cut, index, index + 1)] == [
            VALID,
            DISPUTED,
            DISPUTED,
            INVALID,
        ]


def test_d8_a_cut_within_thirty_days_of_the_logs_clock_stands() -> None:
    c = Chronicle()
    be = c.people["be"]
    cut, size = c.anchor(NOW), c.tree.size
    c.clock(1)
    c.clock(30)
    c.revoke(be.key, be.second, cut=cut)
    assert c.state.revoked[be.key.public.id].cut == size


def test_d8_without_a_clock_the_cut_stands() -> None:
    c = Chronicle()
    be = c.people["be"]
    cut, size = c.anchor(NOW), c.tree.size
    c.contest("be", be.key)
    c.revoke(be.key, be.second, cut=cut)
    assert c.state.revoked[be.key.public.id].cut == size


def test_d8_the_lowest_cut_and_the_first_index_count() -> None:
    c = Chronicle()
    be = c.people["be"]
    low, size = c.anchor(), c.tree.size
    c.contest("be", be.key)
    first = c.revoke(be.key, be.key, cut=c.anchor())
    c.revoke(be.key, be.second, cut=low)
    assert (c.state.revoked[be.key.public.id].cut, c.state.revoked[be.key.public.id].index) == (size, first)


def test_d1_a_lone_root_takes_nobodys_keys() -> None:
    c = Chronicle()
    be = c.people["be"]
    with pytest.raises(SignatureError, match="1 of 2 roots"):
        c.revoke(be.key, ROOTS[0], cut=c.anchor())
    with pytest.raises(SignatureError, match="twice"):
        c.revoke(be.key, ROOTS[0], ROOTS[0], cut=c.anchor())
    c.revoke(be.key, *ROOTS[:2], cut=c.anchor())
    c.revoke(RELAY_KEY, *ROOTS[:2], cut=c.anchor(), member="relay")
    assert verdict(c, be.key, c.tree.size) is INVALID


@pytest.mark.parametrize("key", [ROOTS[1], BOARD[0], NEW], ids=["root", "board", "stranger"])
def test_d1_keys_that_could_mend_a_theft_are_not_revoked(key: PrivateKey) -> None:
    c = Chronicle()
    for member in ("be", "federation"):
        with pytest.raises(ContextError, match="is not a key of"):
            c.revoke(key, *ROOTS[:2], cut=c.anchor(), member=member)


def test_h8_an_anchor_above_the_statement_that_relies_on_it_is_refused() -> None:
    c = Chronicle()
    be = c.people["be"]
    for _ in range(3):
        c.contest("be", be.key)
    late = c.anchor()
    erased = statement_pb2.Erasure(
        signers=[be.key.public.id],
        author="be",
        what=statement_pb2.ERASED_PART_CONTENT,
        header_ids=[bytes(32)],
        anchor=late,
    )
    raw = c.sign("erasure", erased.SerializeToString(), be.key)
    assert authenticate(raw, state=c.state, index=c.tree.size).author == "be"
    with pytest.raises(ContextError, match="above the Statement"):
        authenticate(raw, state=c.state, index=c.tree.size - 1)
    mark = statement_pb2.HighWater(
        signers=[be.key.public.id],
        sender="be",
        recipient="pt",
        sequence=1,
        header_id=bytes(32),
        log_size=c.tree.size,
        log_root=c.tree.root(),
    )
    raw = c.sign("high-water", mark.SerializeToString(), be.key)
    assert authenticate(raw, state=c.state, index=c.tree.size).author == "be"
    with pytest.raises(ContextError, match="above the Statement"):
        authenticate(raw, state=c.state, index=c.tree.size - 1)


# The log's clock.


def test_h8_the_logs_clock_goes_forward_only_and_not_beyond_the_directory() -> None:
    c = Chronicle()
    c.clock(1)
    for days in (0.5, 1, 1.4, 401):
        with pytest.raises(ContextError):
            c.clock(days)
    c.clock(1.5)
    c.clock(400, key=c.people["es"].key)
    assert [one.time for one in c.state.ticks] == [NOW + 400 * DAY]


def test_h8_a_clock_needs_its_quorum() -> None:
    c = Chronicle(witnesses=True)
    with pytest.raises(ContextError, match="is no clock"):
        c.clock(1, anchor=c.cosigned(1, "be"))
    c.clock(1, anchor=c.cosigned(1, "be", "pt"))
    assert c.state.ticks[0].time == NOW + DAY


def test_a_quorum_is_that_of_the_version_in_force() -> None:
    c = Chronicle(witnesses=True)
    witnessed_by_two = c.cosigned(1, "be", "pt")
    c.proceed(lambda draft: replace(draft, quorum=Quorum(3, 3)))
    assert c.state.open_anchor(witnessed_by_two).witnessed
    assert not c.state.open_anchor(c.cosigned(2, "be", "pt")).witnessed


# Suspension and status.


def test_r1_a_lifted_suspension_cannot_be_logged_again() -> None:
    c = Chronicle()
    raw = c.suspension("pt")
    c.publish(raw)
    id_ = c.state.suspended["pt"].id
    c.proceed(lambda draft: replace(draft, lifted_suspensions=(id_,)))
    assert c.state.takes_part("pt")
    with pytest.raises(ContextError, match="took effect before"):
        c.publish(raw)
    c.publish(c.suspension("pt"))
    assert not c.state.takes_part("pt")


@pytest.mark.parametrize("status", [Status.SUSPENDED, Status.LEFT])
def test_who_does_not_take_part_signs_nothing_but_a_contest(status: Status) -> None:
    c = Chronicle()
    pt = c.people["pt"]
    before = c.tree.size
    index = c.with_status("pt", status)
    assert verdict(c, pt.key, before, "pt") is VALID
    assert verdict(c, pt.key, index + 1, "pt") is INVALID
    c.contest("pt", pt.key, of=c.state.directory.id)
    assert c.state.contested == {c.state.directory.id: ("pt",)}


def test_a_contest_is_not_silenced_by_suspension_or_overwritten_by_another() -> None:
    c = Chronicle()
    c.publish(c.suspension("pt"))
    c.contest("pt", c.people["pt"].key, of=b"d" * 32)
    c.contest("es", c.people["es"].key, of=b"d" * 32)
    c.contest("es", c.people["es"].second, of=b"d" * 32)
    assert c.state.contested == {b"d" * 32: ("pt", "es")}
    be = c.people["be"]
    c.revoke(be.key, be.key, cut=c.anchor())
    with pytest.raises(SignatureError, match="does not count"):
        c.contest("be", be.key)


def test_a_closed_log_takes_nothing_more() -> None:
    c = Chronicle()
    with pytest.raises(DirectoryError, match="not closed"):
        c.proceed(lambda draft: replace(draft, successor=b"s" * 32))
    index = c.proceed(lambda draft: replace(draft, closed=True, successor=b"s" * 32))
    assert c.state.directory.successor == b"s" * 32
    be = c.people["be"]
    assert verdict(c, be.key, index - 1) is VALID
    assert verdict(c, be.key, index + 1) is INVALID
    with pytest.raises(DirectoryError, match="closed the log"):
        c.proceed(lambda draft: replace(draft, closed=False, successor=b""))


# Prekeys.


def test_r1_an_old_prekey_does_not_come_in_again_after_a_revocation() -> None:
    c = Chronicle()
    be = c.people["be"]

    def publish(key: PrivateKey) -> bytes:
        epoch, id_ = c.state.last_prekeys["be"]
        body = statement_pb2.Prekey(
            signers=[key.public.id],
            member="be",
            epoch=epoch + 1,
            previous=id_,
            public_key=be.kem.public,
            not_before_minutes=1,
            nominal_end_minutes=2,
        )
        raw = c.sign("prekey", body.SerializeToString(), key).raw
        c.publish(raw)
        return raw

    first = c.raw[1]
    old = publish(be.second)
    newer = [publish(be.key) for _ in range(12)]
    # The old one has fallen out of the last twelve; the others are killed with their key.
    c.revoke(be.key, be.second, cut=c.anchor())
    assert c.state.prekey("be") is None
    for raw in (old, first, newer[-1]):
        with pytest.raises(ProtocolError):
            c.publish(raw)
    publish(be.second)
    newest = c.state.prekey("be")
    assert newest
    assert newest.epoch == 15


# Recovery by a board.


def test_a_board_names_a_new_key_and_takes_the_lost_ones_away() -> None:
    c = Chronicle()
    be = c.people["be"]
    door = Chronicle().people["be"].door
    cut, size = c.anchor(), c.tree.size
    assert verdict(c, NEW, c.tree.size) is INVALID
    index = c.publish(c.recovery(BOARD[2], BOARD[0], cut=cut, certificates=(door,)))
    for lost in (be.key, be.second):
        assert [verdict(c, lost, at) for at in (size - 1, size, index, index + 1)] == [
            VALID,
            DISPUTED,
            DISPUTED,
            INVALID,
        ]
    assert [verdict(c, NEW, at) for at in (index, index + 1)] == [INVALID, VALID]
    assert c.state.prekey("be") is None
    assert c.state.certificates("be") == (door,)
    # The Directory takes the key in later, and may end it; it lived since its board named it.
    c.proceed(lambda draft: _with_key(draft, NEW))
    assert verdict(c, NEW, index + 1) is VALID
    ended = c.proceed(lambda draft: _without_key(draft, NEW))
    assert [verdict(c, NEW, at) for at in (index, index + 1, ended, ended + 1)] == [
        INVALID,
        VALID,
        VALID,
        INVALID,
    ]


def _with_key(draft: Draft, key: PrivateKey, member: str = "be") -> Draft:
    return replace(
        draft,
        members=[
            replace(m, keys=(*m.keys, new_key(key.public))) if m.id == member else m for m in draft.members
        ],
    )


def _without_key(draft: Draft, key: PrivateKey) -> Draft:
    version = 3
    return replace(
        draft,
        members=[
            replace(
                m,
                keys=tuple(
                    replace(k, life=replace(k.life, removed=version)) if k.public.id == key.public.id else k
                    for k in m.keys
                ),
            )
            for m in draft.members
        ],
    )


def test_d1_a_board_below_its_threshold_or_anothers_recovers_nothing() -> None:
    c = Chronicle()
    with pytest.raises(SignatureError, match="1 of 2 of the board"):
        c.publish(c.recovery(BOARD[0]))
    with pytest.raises(SignatureError, match="twice"):
        c.publish(c.recovery(BOARD[0], BOARD[0]))
    with pytest.raises(SignatureError, match="in the name of another"):
        c.publish(c.recovery(*BOARD[:2], member="pt"))
    with pytest.raises(SignatureError, match="not of one member"):
        c.publish(c.recovery(BOARD[0], c.people["be"].key))
    with pytest.raises(SignatureError, match="may not sign"):
        c.publish(c.recovery(c.people["be"].key, c.people["be"].second))
    for held in (c.people["pt"].key, c.people["be"].key, ROOTS[0], BOARD[1]):
        with pytest.raises(ContextError, match="holds or held"):
            c.publish(c.recovery(*BOARD[:2], key=held))
    with pytest.raises(ContextError, match="twice, or that another"):
        c.publish(c.recovery(*BOARD[:2], certificates=(c.people["pt"].door,)))
    raw = c.recovery(*BOARD[:2])
    c.publish(raw)
    with pytest.raises(ContextError, match="holds or held"):
        c.publish(raw)


def test_d1_a_board_cannot_keep_a_key_that_the_threshold_gives_to_another() -> None:
    c = Chronicle()
    c.publish(c.recovery(*BOARD[:2]))
    c.proceed(lambda draft: _with_key(draft, NEW, "pt"))
    assert not c.state.recovered
    assert verdict(c, NEW, c.tree.size, "pt") is VALID
    assert verdict(c, NEW, c.tree.size, "be") is INVALID


def test_d1_boards_and_roots_do_not_act_for_the_desk() -> None:
    c = Chronicle()
    assert verdict(c, BOARD[0], c.tree.size) is INVALID
    assert verdict(c, ROOTS[0], c.tree.size, "federation") is INVALID
