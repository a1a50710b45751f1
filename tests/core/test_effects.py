"""What a public Statement leaves behind, exactly: each field, each bound (SPEC 8.4 to 8.8)."""

from dataclasses import replace

import pytest

from mce_exchange.directory.known import Prekey
from mce_exchange.directory.model import Act
from mce_exchange.errors import ContextError
from mce_exchange.keys import PrivateKey, PublicKey
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.v1 import statement_pb2
from tests.core.chronicle import BOARD, DAY, NEW, NOW, Chronicle
from tests.federation import NOW_MINUTES, ROOTS


def prekey(c: Chronicle, *, begins: int, ends: int) -> bytes:
    epoch, id_ = c.state.last_prekeys["be"]
    body = statement_pb2.Prekey(
        signers=[c.people["be"].key.public.id],
        member="be",
        epoch=epoch + 1,
        previous=id_,
        public_key=c.people["be"].kem.public,
        not_before_minutes=begins,
        nominal_end_minutes=ends,
    )
    return c.sign("prekey", body.SerializeToString(), c.people["be"].key).raw


def test_a_prekey_is_kept_with_everything_it_says() -> None:
    c = Chronicle()
    index = c.publish(prekey(c, begins=NOW_MINUTES, ends=NOW_MINUTES + 1))
    found = c.state.prekey("be")
    assert found == Prekey(
        id=c.state.last_prekeys["be"][1],
        member="be",
        epoch=2,
        public_key=c.people["be"].kem.public,
        signers=(c.people["be"].key.public.id,),
        not_before_minutes=NOW_MINUTES,
        nominal_end_minutes=NOW_MINUTES + 1,
        index=index,
    )
    assert c.state.find_prekey("be", found.id) == found
    assert c.state.find_prekey("pt", found.id) is None
    assert c.state.find_prekey("nobody", found.id) is None
    assert c.state.prekey("nobody") is None
    with pytest.raises(ContextError, match="before it begins"):
        c.publish(prekey(c, begins=NOW_MINUTES, ends=NOW_MINUTES))


def test_the_state_counts_every_entry_and_takes_none_twice() -> None:
    c = Chronicle()
    start = c.state.size
    index = c.contest("be", c.people["be"].key)
    assert (index, c.state.size) == (start, start + 1)
    assert c.state.skipped(start + 7).size == start + 7
    raw = c.raw[index]
    with pytest.raises(ContextError, match="already seen"):
        c.state.after(raw, index=index)
    index = c.proceed(lambda draft: replace(draft, name="Another"))
    assert c.state.size == index + 1


def doors(c: Chronicle, member: str, number: int, *certificates: bytes) -> int:
    body = statement_pb2.TlsKeys(
        signers=[c.people[member].key.public.id], member=member, number=number, certificates=certificates
    )
    return c.publish(c.sign("tls-keys", body.SerializeToString(), c.people[member].key).raw)


def test_each_member_counts_its_own_sets_of_certificates() -> None:
    c = Chronicle()
    for member, number in (("be", 1), ("be", 2), ("pt", 1), ("be", 3)):
        doors(c, member, number, make_certificate()[1])
        assert c.state.doors[member][0] == number
    # A board's recovery is the next set of its member.
    c.publish(c.recovery(*BOARD[:2], certificates=(make_certificate()[1],)))
    assert c.state.doors["be"][0] == 4
    with pytest.raises(ContextError, match="does not follow"):
        doors(c, "pt", 3, make_certificate()[1])


def test_d8_a_later_revocation_raises_no_cut() -> None:
    c = Chronicle()
    be = c.people["be"]
    low, size = c.anchor(), c.tree.size
    c.contest("be", be.key)
    c.revoke(be.key, be.key, cut=low)
    c.revoke(be.key, be.second, cut=c.anchor())
    assert c.state.revoked[be.key.public.id].cut == size


@pytest.mark.parametrize(("seconds", "stands"), [(0, True), (1, False)])
def test_d8_thirty_days_of_the_logs_clock_are_counted_from_its_last_tick(seconds: int, stands: bool) -> None:
    c = Chronicle()
    be = c.people["be"]
    cut, size = c.anchor(NOW), c.tree.size
    c.clock(1)
    first = c.state.ticks[0].size
    c.clock(20)
    c.clock(30 + seconds / DAY)
    c.revoke(be.key, be.second, cut=cut)
    assert c.state.revoked[be.key.public.id].cut == (size if stands else first)


def test_the_logs_clock_keeps_thirty_days_and_may_stand_still_in_size() -> None:
    c = Chronicle()
    note = [c.anchor(int(NOW + days * DAY)) for days in (1, 2)]
    for one in note:
        c.clock(0, anchor=one)
    assert c.state.ticks[0].size == c.state.ticks[1].size
    c.clock(31)
    assert [tick.time for tick in c.state.ticks] == [NOW + DAY, NOW + 2 * DAY, NOW + 31 * DAY]
    c.clock(32)
    assert c.state.ticks[0].time == NOW + 2 * DAY


def test_one_root_suspends_two_and_leaves_the_others_to_another_root() -> None:
    c = Chronicle()
    c.publish(c.suspension("be"))
    c.publish(c.suspension("pt"))
    with pytest.raises(ContextError, match="no further member"):
        c.publish(c.suspension("es"))
    with pytest.raises(ContextError, match="no further member"):
        c.publish(c.suspension("pt", root=ROOTS[1]))
    c.publish(c.suspension("es", root=ROOTS[1]))
    assert [c.state.suspended[one].root_key for one in ("be", "pt", "es")] == [
        ROOTS[0].public.id,
        ROOTS[0].public.id,
        ROOTS[1].public.id,
    ]


def recovered(c: Chronicle, key: PublicKey, *, added: int = 0, removed: int = 0) -> int:
    body = statement_pb2.BoardRecovery(
        signers=[one.public.id for one in BOARD[:2]],
        member="be",
        new_key=statement_pb2.SigningKey(
            ed25519=key.ed25519, ml_dsa_65=key.ml_dsa_65, added_version=added, removed_version=removed
        ),
        cut=c.anchor(),
    )
    return c.publish(c.sign("board-recovery", body.SerializeToString(), *BOARD[:2]).raw)


def test_a_board_names_a_key_without_a_past_and_new_in_both_halves() -> None:
    c = Chronicle()
    new, held = NEW.public, c.people["pt"].key.public
    for half in (replace(new, ed25519=held.ed25519), replace(new, ml_dsa_65=held.ml_dsa_65)):
        with pytest.raises(ContextError, match="holds or held"):
            recovered(c, half)
    for added, removed in ((1, 0), (0, 1), (1, 2)):
        with pytest.raises(ContextError, match="names Directory versions"):
            recovered(c, new, added=added, removed=removed)


def test_a_second_recovery_takes_the_key_of_the_first_and_nobody_elses() -> None:
    c = Chronicle()
    recovered(c, NEW.public)
    second = PrivateKey.from_seed(b"2nd!" * 16).public
    cut = c.tree.size
    recovered(c, second)
    assert c.state.revoked[NEW.public.id].cut == cut
    assert second.id not in c.state.revoked
    assert not {c.people["pt"].key.public.id, c.people["pt"].second.public.id} & c.state.revoked.keys()


def test_d8_a_board_alone_reaches_back_thirty_days_like_any_member() -> None:
    c = Chronicle()
    old = c.anchor(NOW)
    c.clock(1)
    floor = c.tree.size
    c.clock(15)
    c.clock(40)
    c.publish(c.recovery(*BOARD[:2], cut=old))
    assert c.state.revoked[c.people["be"].key.public.id].cut == floor


def test_how_many_persons_an_act_needs_is_the_higher_of_two_rules_and_at_least_one() -> None:
    c = Chronicle()
    directory = c.state.directory
    assert directory.persons("be", Act.URGENT) == 1
    be = replace(directory.members["be"], policy={Act.URGENT: 2})
    own = replace(directory, members={**directory.members, "be": be})
    assert (own.persons("be", Act.URGENT), own.persons("be", Act.TRANSFER)) == (2, 1)
    assert own.persons("pt", Act.URGENT) == 1
    both = replace(own, default_policy={Act.TRANSFER: 2, Act.URGENT: 1})
    assert (both.persons("be", Act.URGENT), both.persons("pt", Act.TRANSFER)) == (2, 2)
    assert replace(own, default_policy={Act.TRANSFER: 0}).persons("pt", Act.TRANSFER) == 1
