"""What boards and revocations decided in the log is carried into the next Directory (SPEC section 8.8)."""

from dataclasses import replace

import pytest

from mce_exchange.directory import changes, compose
from mce_exchange.directory.authority import Verdict
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Member, Status
from mce_exchange.errors import UsageError
from mce_exchange.keys import PrivateKey
from tests.core.chronicle import BOARD, NEW, Chronicle
from tests.core.test_state import verdict
from tests.federation import Person

OTHER = PrivateKey.from_seed(b"othr" * 16)


@pytest.fixture
def recovered() -> Chronicle:
    """`be` lost everything, and its board gave it a new key with a new door."""
    c = Chronicle()
    c.publish(c.recovery(*BOARD[:2], certificates=(Person("be", "BE").door,)))
    return c


def card(c: Chronicle, *keys: PrivateKey) -> Member:
    record = c.state.directory.member("be")
    return replace(record, keys=tuple(new_key(key.public) for key in keys))


def living(c: Chronicle) -> set[bytes]:
    return {key.public.id for key in c.state.directory.member("be").keys if not key.life.removed}


def test_the_next_version_lists_the_recovered_key_and_ends_the_lost_ones(recovered: Chronicle) -> None:
    c = recovered
    door = c.state.certificates("be")
    draft, told = changes.carried(c.state)
    assert told[2:] == [f"be: its board gave it key {NEW.public.id.hex()}"]
    assert all("is revoked" in one for one in told[:2])
    index = c.proceed(lambda _: draft)
    assert living(c) == {NEW.public.id}
    assert c.state.directory.member("be").certificates == door
    assert verdict(c, NEW, index + 1) is Verdict.VALID
    assert verdict(c, c.people["be"].key, index + 1) is Verdict.INVALID
    assert changes.relisted(c.state.directory, c.state) == []
    # Once: the version after it has nothing to carry.
    assert changes.carried(c.state) == (Draft.of(c.state.directory), [])


def test_a_version_that_lists_the_lost_key_does_not_undo_the_recovery(recovered: Chronicle) -> None:
    c = recovered
    index = c.proceed(lambda draft: replace(draft, name="Of somebody who does not follow the log"))
    assert NEW.public.id not in living(c)
    assert len(changes.relisted(c.state.directory, c.state)) == 2
    assert verdict(c, NEW, index + 1) is Verdict.VALID
    assert [verdict(c, one, index + 1) for one in (c.people["be"].key, c.people["be"].second)] == [
        Verdict.INVALID
    ] * 2


def test_d1_a_card_that_brings_the_lost_key_back_is_refused(recovered: Chronicle) -> None:
    c = recovered
    draft, _ = changes.carried(c.state)
    for stale in (card(c, NEW, c.people["be"].second), card(c, c.people["be"].key)):
        with pytest.raises(UsageError, match="never comes back"):
            changes.renew(draft, stale, version=2)
    with pytest.raises(UsageError, match="board gave, is not on this card"):
        changes.renew(draft, card(c, OTHER), version=2)
    c.proceed(lambda _: changes.renew(draft, card(c, NEW, OTHER), version=2))
    assert living(c) == {NEW.public.id, OTHER.public.id}


def test_who_leaves_meanwhile_takes_nothing_in(recovered: Chronicle) -> None:
    c = recovered
    draft, _ = changes.carried(c.state)
    c.proceed(lambda _: changes.leave(draft, "be", version=2))
    assert NEW.public.id not in {key.public.id for key in c.state.directory.member("be").keys}
    assert living(c) == set()
    assert changes.carried(c.state)[1] == []


def test_a_key_recovered_and_lost_again_never_enters(recovered: Chronicle) -> None:
    c = recovered
    c.publish(c.recovery(*BOARD[1:], key=OTHER))
    c.proceed(lambda _: changes.carried(c.state)[0])
    assert living(c) == {OTHER.public.id}


def test_a_key_that_its_member_revoked_ends() -> None:
    c = Chronicle()
    be = c.people["be"]
    c.revoke(be.second, be.key, cut=c.anchor())
    draft, told = changes.carried(c.state)
    assert told == [f"be: its key {be.second.public.id.hex()} is revoked"]
    c.proceed(lambda _: draft)
    assert living(c) == {be.key.public.id}
    assert c.state.directory.member("be").status is Status.ACTIVE
    assert compose.successor(draft, current=c.state.directory, now_minutes=1)
