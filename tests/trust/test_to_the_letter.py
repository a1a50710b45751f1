"""The same changes to the letter: every line that a root's holder reads, every life that is written."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from mce_exchange.directory import changes, compose, differences, records, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Life, Role, Status
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import DirectoryError, UsageError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import Quorum
from mce_exchange.statement import DIRECTORY, Statement
from tests.core.chronicle import witnessed
from tests.federation import NOW_MINUTES, ROOTS, Person, signed
from tests.trust.test_changes import (
    BEFORE,
    FEDERATION,
    OTHER,
    Change,
    after,
    relay_card,
    told,
    with_other_root,
)

UNTIL = (datetime.fromtimestamp(NOW_MINUTES * 60, UTC) + timedelta(days=400)).date().isoformat()


def test_each_change_of_a_member_is_one_exact_line() -> None:
    ro = replace(Person("ro", "").record, phone="")
    lines = told(lambda d: changes.enter(d, ro))
    assert lines[0] == "ro enters: Synthetic hotline ro, hotline"
    of = ("", ", of another person than the desk: second")
    assert lines[1:3] == [
        f"ro: key {key.public.id.hex()} begins{who}" for key, who in zip(ro.keys, of, strict=True)
    ]
    assert lines[3:] == [f"valid until {UNTIL}"]
    pt = BEFORE.members["pt"]
    board = new_key(PrivateKey.from_seed(b"b" * 64).public)
    newer = replace(
        pt,
        name="Another",
        country="",
        phone="",
        role=Role.LIAISON,
        certificates=(),
        keys=pt.keys[:1],
        board_keys=(board,),
        board_threshold=1,
    )
    assert told(lambda d: changes.renew(d, newer, version=2)) == [
        "pt is liaison, so far hotline",
        "pt: name Another, so far Synthetic hotline pt",
        "pt: country none, so far PT",
        "pt: telephone none, so far +000000000",
        "pt: other door certificates",
        f"pt: key {pt.keys[1].public.id.hex()} ends",
        f"the board of pt: key {board.public.id.hex()} begins",
        "the board of pt: 1 signatures, so far 0",
        f"valid until {UNTIL}",
    ]
    without = after(lambda d: with_other_root(changes.renew(d, newer, version=2)))
    assert told(lambda d: changes.renew(d, replace(newer, phone="+1"), version=3), without)[0] == (
        "pt: telephone +1, so far none"
    )


def test_two_members_may_enter_at_once_and_each_is_told() -> None:
    def change(draft: Draft) -> Draft:
        return changes.enter(changes.enter(draft, Person("ab", "AB").record), Person("yz", "YZ").record)

    assert [line.split(":")[0] for line in told(change) if "enters" in line] == ["ab enters", "yz enters"]


def test_a_policy_and_an_exercise_are_told_exactly() -> None:
    acts = dict.fromkeys((Act.URGENT,), 1)
    lines = told(lambda d: replace(d, default_policy={**acts, Act.TRANSFER: 2}))
    assert lines[0] == "two persons of every member for: transfer"
    with_policy = after(lambda d: with_other_root(replace(d, default_policy={Act.TRANSFER: 2})))
    assert told(lambda d: replace(d, default_policy={}), with_policy)[0] == (
        "two persons of every member for: nothing"
    )
    assert Draft.of(with_policy).default_policy == {Act.TRANSFER: 2}
    real = replace(BEFORE, exercise=False)
    assert differences.between(real, replace(real, exercise=True))[0] == "an exercise from here on"


def test_renewal_keeps_status_policy_and_the_label_of_a_new_key() -> None:
    held = after(lambda d: with_other_root(changes.set_policy(d, "pt", [Act.URGENT])))
    held = after(lambda d: changes.set_status(d, "pt", Status.SUSPENDED), held)
    pt = held.members["pt"]
    fresh = new_key(PrivateKey.from_seed(b"f" * 64).public, label="desk")
    board = new_key(PrivateKey.from_seed(b"b" * 64).public, label="board")
    card = replace(pt, status=Status.ACTIVE, policy={}, keys=(fresh,), board_keys=(board,), board_threshold=1)
    renewed = after(lambda d: changes.renew(d, card, version=4), held).members["pt"]
    assert records.decode_member(records.encode_member(renewed)) == renewed
    assert (renewed.status, renewed.policy) == (Status.SUSPENDED, {Act.URGENT: 2})
    assert [(key.label, key.life) for key in renewed.keys] == [
        ("", Life(added=1, removed=4)),
        ("second", Life(added=1, removed=4)),
        ("desk", Life(added=4)),
    ]
    assert [(key.label, key.life) for key in renewed.board_keys] == [("board", Life(added=4))]


def test_who_leaves_keeps_its_record_and_nothing_that_opens_a_door() -> None:
    board = new_key(PrivateKey.from_seed(b"b" * 64).public)
    card = replace(BEFORE.members["pt"], board_keys=(board,), board_threshold=1)
    held = after(lambda d: with_other_root(changes.renew(d, card, version=2)))
    gone = after(lambda d: changes.leave(d, "pt", version=3), held).members["pt"]
    assert (gone.status, gone.certificates, gone.board_threshold) == (Status.LEFT, (), 0)
    assert {key.life.removed for key in (*gone.keys, *gone.board_keys)} == {3}


def test_one_root_of_one_is_a_threshold_and_none_is_not() -> None:
    others = [root.public.id for root in ROOTS[1:]]
    draft = changes.rotate_roots(Draft.of(BEFORE), end=others, threshold=1, version=2)
    assert draft.root_threshold == 1
    assert changes.rotate_roots(Draft.of(BEFORE), add=[OTHER.public], version=2).root_threshold == 2
    for wrong in (-1, 4):
        with pytest.raises(UsageError, match="threshold"):
            changes.rotate_roots(Draft.of(BEFORE), threshold=wrong, version=2)


def test_what_ended_before_a_succession_keeps_the_version_that_ended_it() -> None:
    def second(draft: Draft) -> Draft:
        return with_other_root(changes.succeed_relay(draft, relay_card(), version=2))

    two = after(second)
    three = after(lambda d: changes.succeed_relay(d, relay_card("third", b"Z"), version=3), two)
    assert [one.life for one in three.log_keys] == [
        Life(added=1, removed=2),
        Life(added=2, removed=3),
        Life(added=3),
    ]
    assert {name: one.life for name, one in three.relays.items()} == {
        "relay": Life(added=1, removed=2),
        "next": Life(added=2, removed=3),
        "third": Life(added=3),
    }


def test_a_faulty_version_is_named_with_its_number() -> None:
    def bundle(change: Change) -> Bundle:
        made = compose.successor(change(Draft.of(BEFORE)), current=BEFORE, now_minutes=NOW_MINUTES)
        return signed(made, ROOTS, network_id=FEDERATION.network_id)

    # `same` is signed as version 2 and offered as version 3 of a chain, and at an index that was taken.
    same = bundle(with_other_root)
    now = trust.open_next(BEFORE, same, index=9)
    with pytest.raises(DirectoryError, match=r"^Directory version 3: "):
        trust.open_next(now, same, index=10)
    for index in (0, -1):
        with pytest.raises(DirectoryError, match=r"^Directory version 2: is logged below the one before"):
            trust.open_next(BEFORE, same, index=index)
    body, blocks = compose.body_of(same.statement)
    with pytest.raises(DirectoryError, match=r"^Directory version 3: "):
        trust.preview(now, Statement(DIRECTORY, body, blocks), same.members)
    shown = trust.preview(BEFORE, Statement(DIRECTORY, body, blocks), same.members)
    assert shown.index == BEFORE.index + 1
    with pytest.raises(DirectoryError, match=r"^Directory version 2: is not a Directory"):
        trust.open_next(BEFORE, Bundle(FEDERATION.raw[1], ()), index=9)
    closed = replace(BEFORE, closed=True)
    with pytest.raises(DirectoryError, match=r"^Directory version 2: follows a version that closed the log"):
        trust.open_next(closed, same, index=9)


def test_a_chain_of_three_takes_its_indices_from_the_last_version() -> None:
    current, bundles = BEFORE, [FEDERATION.genesis]
    for index in (7, 30):
        draft = replace(
            with_other_root(Draft.of(current)) if index == 7 else Draft.of(current), name=f"n{index}"
        )
        made = compose.successor(draft, current=current, now_minutes=NOW_MINUTES)
        bundles.append(signed(made, [*ROOTS, OTHER], network_id=FEDERATION.network_id))
        current = trust.open_next(current, bundles[-1], index=index)
    opened = trust.open_chain(bundles, network_id=FEDERATION.network_id)
    assert (opened.indices, opened.ids[:2], opened.id) == ((0, 7, 8), current.ids[:2], current.id)
    assert current.ids[0] == BEFORE.id
    with pytest.raises(DirectoryError, match=r"^Directory version 3: "):
        trust.open_chain([*bundles[:2], Bundle(b"", ())], network_id=FEDERATION.network_id)


@pytest.mark.parametrize(
    ("k", "n", "holds"), [(1, 2, False), (2, 2, True), (3, 2, False), (0, 2, False), (1, 1, False)]
)
def test_l1_two_quorums_always_share_a_witness(k: int, n: int, holds: bool) -> None:
    def change(draft: Draft) -> Draft:
        three = replace(draft, **witnessed())  # type: ignore[arg-type]  # Draft's fields
        return with_other_root(replace(three, witness_keys=three.witness_keys[:2], quorum=Quorum(k, n)))

    if holds:
        assert after(change).quorum == Quorum(k, n)
    else:
        with pytest.raises(DirectoryError, match=rf"quorum of {k} of {n} for 2 witnesses"):
            after(change)


@pytest.mark.parametrize("threshold", [1, 3])
def test_the_threshold_may_be_one_root_and_all_of_them(threshold: int) -> None:
    draft = changes.rotate_roots(Draft.of(BEFORE), threshold=threshold, version=2)
    bundle = compose.successor(draft, current=BEFORE, now_minutes=NOW_MINUTES)
    bundle = signed(bundle, ROOTS, network_id=FEDERATION.network_id)
    changed = trust.open_next(BEFORE, bundle, index=9)
    draft = replace(Draft.of(changed), name="Again")
    bundle = compose.successor(draft, current=changed, now_minutes=NOW_MINUTES)
    few = signed(bundle, ROOTS[: threshold - 1], network_id=FEDERATION.network_id)
    with pytest.raises(DirectoryError):
        trust.open_next(changed, few, index=10)
    enough = signed(bundle, ROOTS[:threshold], network_id=FEDERATION.network_id)
    assert trust.open_next(changed, enough, index=10).name == "Again"
