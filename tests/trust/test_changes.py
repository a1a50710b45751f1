"""What the federation changes and how it is told, as functions of a draft (SPEC section 8.3)."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from mce_exchange.directory import changes, compose, differences, trust
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Act, Directory, Life, Living, Relay, Role, Status
from mce_exchange.directory.records import RelayCard, decode_witness, encode_witness
from mce_exchange.errors import DirectoryError, MalformedError, UsageError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.statement import DIRECTORY, Statement
from mce_exchange.v1 import directory_pb2
from tests.federation import LOG_KEY, NOW_MINUTES, ROOTS, Federation, Person, signed

FEDERATION = Federation()
BEFORE = FEDERATION.state.directory
OTHER = PrivateKey.from_seed(b"O" * 64)
Change = Callable[[Draft], Draft]


def after(change: Change, before: Directory = BEFORE) -> Directory:
    """The next version, signed by enough and opened."""
    draft = change(Draft.of(before))
    bundle = compose.successor(draft, current=before, now_minutes=NOW_MINUTES)
    bundle = signed(bundle, [*ROOTS, OTHER], network_id=FEDERATION.network_id)
    body, blocks = compose.body_of(bundle.statement)
    told = trust.preview(before, Statement(DIRECTORY, body, blocks), bundle.members)
    assert differences.between(before, told)
    return trust.open_next(before, bundle, index=before.index + 10)


def told(change: Change, before: Directory = BEFORE) -> list[str]:
    draft = change(Draft.of(before))
    bundle = compose.successor(draft, current=before, now_minutes=NOW_MINUTES)
    body, blocks = compose.body_of(bundle.statement)
    return differences.between(
        before, trust.preview(before, Statement(DIRECTORY, body, blocks), bundle.members)
    )


def with_other_root(draft: Draft) -> Draft:
    return changes.rotate_roots(draft, add=[OTHER.public], version=2)


def relay_card(name: str = "next", seed: bytes = b"X") -> RelayCard:
    log = (Ed25519Key.from_seed(seed * 32), MlDsa44Key.from_seed(seed * 32))
    relay = Relay(
        id=name,
        address="relay.example.org:7116",
        keys=(new_key(PrivateKey.from_seed(seed.lower() * 64).public),),
        certificates=(make_certificate()[1],),
        life=Life(added=0),
    )
    return RelayCard(relay=relay, log_key=LogKey(log[0].public, log[1].public))


def test_nothing_changed_is_nothing_told() -> None:
    assert told(lambda draft: draft) == []


def test_a_member_enters_renews_and_leaves_and_its_keys_are_kept() -> None:
    ro = Person("ro", "RO")
    entered = after(lambda d: with_other_root(changes.enter(d, ro.record)))
    assert any(
        line.startswith("ro enters: Synthetic hotline ro, RO, hotline")
        for line in told(lambda d: changes.enter(d, ro.record))
    )
    newer = replace(
        ro.record,
        keys=(new_key(ro.key.public), new_key(PrivateKey.from_seed(b"n" * 64).public)),
        name="Another name",
        country="",
        phone="",
        role=Role.LIAISON,
        certificates=(),
        board_keys=(new_key(PrivateKey.from_seed(b"b" * 64).public),),
        board_threshold=1,
    )
    lines = told(lambda d: changes.renew(d, newer, version=3), entered)
    for part in ("name Another name", "country none", "telephone none", "is liaison", "other door", "board"):
        assert any(part in line for line in lines), part
    renewed = after(lambda d: changes.renew(d, newer, version=3), entered)
    lives = {key.public.id: key.life for key in renewed.members["ro"].keys}
    assert lives[ro.second.public.id] == Life(added=2, removed=3)
    assert lives[ro.key.public.id] == Life(added=2)
    gone = after(lambda d: changes.leave(d, "ro", version=4), renewed)
    assert gone.members["ro"].status is Status.LEFT
    assert all(key.life.removed for key in (*gone.members["ro"].keys, *gone.members["ro"].board_keys))
    with pytest.raises(UsageError, match="never comes back"):
        changes.renew(Draft.of(gone), ro.record, version=5)
    with pytest.raises(UsageError, match="already"):
        changes.enter(Draft.of(gone), ro.record)
    with pytest.raises(UsageError, match="no member"):
        changes.leave(Draft.of(gone), "nobody", version=5)


def test_status_and_policy_are_told_in_words() -> None:
    assert "pt is suspended, so far active" in told(lambda d: changes.set_status(d, "pt", Status.SUSPENDED))
    acts = [Act.URGENT, Act.CHILD_ALERT]
    assert "pt: two persons for child alert, urgent" in told(lambda d: changes.set_policy(d, "pt", acts))
    policy = {Act.TRANSFER: 2}
    assert any("every member for: transfer" in x for x in told(lambda d: replace(d, default_policy=policy)))


def test_whose_a_key_is_is_told() -> None:
    pt, second = BEFORE.members["pt"], OTHER.public
    card = replace(pt, keys=(*pt.keys, new_key(second, label="Night desk")))
    lines = told(lambda d: changes.renew(d, card, version=2))
    assert f"pt: key {second.id.hex()} begins, of another person than the desk: Night desk" in lines

    def hands(draft: Draft) -> Draft:
        keys = tuple(replace(key, label="" if key.label else "Night desk") for key in pt.keys)
        return replace(draft, members=[replace(m, keys=keys) if m.id == "pt" else m for m in draft.members])

    lines = told(hands)
    first, other = (key.public.id.hex() for key in pt.keys)
    assert f"pt: key {first} changes hands, of another person than the desk: Night desk" in lines
    assert f"pt: key {other} changes hands, to the desk" in lines


def test_roots_and_threshold() -> None:
    first = ROOTS[0].public.id
    lines = told(lambda d: changes.rotate_roots(d, add=[OTHER.public], end=[first], threshold=3, version=2))
    assert f"root: key {OTHER.public.id.hex()} begins" in lines
    assert f"root: key {first.hex()} ends" in lines
    assert "3 root signatures are needed, so far 2" in lines
    for wrong in ({"end": [bytes(32)]}, {"threshold": 9}):
        with pytest.raises(UsageError):
            changes.rotate_roots(Draft.of(BEFORE), version=2, **wrong)


def test_whoever_signs_the_end_of_the_log_is_told_so() -> None:
    lines = told(lambda draft: changes.close(with_other_root(draft), bytes(32)))
    assert any("THE LOG ENDS HERE" in line for line in lines)
    assert f"the members go on in network {bytes(32).hex()}" in lines
    assert after(lambda draft: changes.close(with_other_root(draft), b"")).closed


def test_another_door_or_key_of_the_relay_is_told() -> None:
    card = relay_card("relay", b"Z")
    lines = told(lambda draft: changes.succeed_relay(with_other_root(draft), card, version=2))
    assert "relay relay shows 1 doors, 1 of them new" in lines
    assert "the log has another key" in lines
    assert sum("relay relay: key" in line for line in lines) == 2


def test_a_relay_succeeds_and_the_old_one_signs_no_more() -> None:
    def change(draft: Draft) -> Draft:
        return with_other_root(changes.succeed_relay(draft, relay_card(), version=2))

    lines = told(change)
    assert "relay next begins at relay.example.org:7116" in lines
    assert {"relay relay ends", "the log has another key"} <= set(lines)
    now = after(change)
    assert now.relays["relay"].life.removed == 2
    assert all(key.life.removed == 2 for key in now.relays["relay"].keys)
    assert now.log_key(now.index + 1) == relay_card().log_key
    again = relay_card("relay", b"Y")
    with pytest.raises(UsageError, match="has ended"):
        changes.succeed_relay(Draft.of(now), again, version=3)
    with pytest.raises(UsageError, match="never comes back"):
        changes.succeed_relay(Draft.of(now), relay_card("third"), version=3)
    assert told(lambda d: replace(d, lifted_suspensions=[bytes(32)]))[0] == f"suspension {'0' * 16} is lifted"
    moved = replace(now.relays["next"], address="elsewhere.example.org:1")
    assert "relay next is at elsewhere.example.org:1" in told(
        lambda d: replace(d, relays=(*(r for r in d.relays if r.id != "next"), moved)), now
    )


def test_names_witnesses_and_the_end_of_an_exercise() -> None:
    witness = WitnessKey(
        "w1", "be", Ed25519Key.from_seed(b"w" * 32).public, MlDsa44Key.from_seed(b"w" * 32).public
    )

    def witnessed(draft: Draft) -> Draft:
        living = (Living(value=witness, life=Life(added=0)),)
        return with_other_root(replace(draft, name="Renamed", witness_keys=living, quorum=Quorum(1, 1)))

    lines = told(witnessed)
    assert {"the network is called Renamed", "1 of 1 witnesses, so far 0 of 0"} <= set(lines)
    assert "NO LONGER AN EXERCISE" in told(lambda d: replace(d, exercise=False))
    now = after(witnessed)
    assert not any("witness" in line for line in told(lambda d: replace(d, name="Again"), now))
    ended = (replace(now.witness_keys[0], life=Life(added=2, removed=3)),)
    assert "witness w1 ends" in told(lambda d: replace(d, witness_keys=ended, quorum=Quorum(0, 0)), now)


def test_a_chain_of_files_is_opened_from_its_first() -> None:
    with pytest.raises(DirectoryError, match="version 1"):
        trust.open_chain([], network_id=FEDERATION.network_id)
    second = compose.successor(with_other_root(Draft.of(BEFORE)), current=BEFORE, now_minutes=NOW_MINUTES)
    second = signed(second, ROOTS, network_id=FEDERATION.network_id)
    opened = trust.open_chain([FEDERATION.genesis, second], network_id=FEDERATION.network_id)
    assert opened.version == 2
    assert trust.open_chain([FEDERATION.genesis], network_id=FEDERATION.network_id) == BEFORE
    with pytest.raises(DirectoryError):
        trust.open_chain([FEDERATION.genesis, second, second], network_id=FEDERATION.network_id)


def witness_key(member: str, name: str = "") -> WitnessKey:
    seed = (f"witness {name or member}".encode() * 32)[:32]
    keys = Ed25519Key.from_seed(seed), MlDsa44Key.from_seed(seed)
    return decode_witness(encode_witness(WitnessKey(name or member, member, keys[0].public, keys[1].public)))


def test_witnesses_come_go_and_are_replaced_and_the_quorum_fits() -> None:
    first = [witness_key(one) for one in ("be", "es", "pt")]
    lines = told(lambda d: changes.set_witnesses(d, add=first, quorum=2, version=2))
    assert any(line.startswith("witness be of be begins, with key ") for line in lines)
    assert "2 of 3 witnesses, so far 0 of 0" in lines

    def enter(draft: Draft) -> Draft:
        return with_other_root(changes.set_witnesses(draft, add=first, quorum=2, version=2))

    entered = after(enter)
    assert len(entered.witnesses(entered.index + 1)) == 3
    # A new key in place of its member's before, whatever its name.
    newer = witness_key("be", "be/2")
    lines = told(lambda d: changes.set_witnesses(d, add=[newer], version=3), entered)
    assert "witness be ends" in lines
    assert any(line.startswith("witness be/2 of be begins") for line in lines)
    replaced = after(lambda d: changes.set_witnesses(d, add=[newer], version=3), entered)
    assert [one.name for one in replaced.witnesses(replaced.index + 1)] == ["es", "pt", "be/2"]
    assert first[0] in entered.witnesses(entered.index + 1)
    for wrong in (
        {"end": ["be"]},
        {"end": ["be/2"]},
        {"end": ["be/2"], "quorum": 1},
        {"add": [first[0]], "quorum": 2},
        {"quorum": 4},
        {"quorum": 1},
    ):
        with pytest.raises(UsageError):
            changes.set_witnesses(Draft.of(replaced), version=4, **wrong)
    none = after(lambda d: changes.set_witnesses(d, quorum=0, version=4), replaced)
    assert none.quorum == Quorum(0, 0)
    # A member that goes takes its witness along, and the quorum has to be said anew.
    gone = changes.leave(Draft.of(replaced), "be", version=4)
    with pytest.raises(UsageError, match="2 of 3 for 2"):
        changes.set_witnesses(gone, version=4)
    left = after(
        lambda d: changes.set_witnesses(changes.leave(d, "be", version=4), quorum=2, version=4), replaced
    )
    assert left.quorum == Quorum(2, 2)


def test_a_witnesss_card_says_nothing_of_versions() -> None:
    key = witness_key("be")
    pb = directory_pb2.WitnessKey.FromString(encode_witness(key))
    pb.added_version = 1
    with pytest.raises(MalformedError):
        decode_witness(pb.SerializeToString())


def test_a_relay_under_its_log_key_of_before_keeps_it_and_no_ended_key_comes_back() -> None:
    first = after(lambda d: with_other_root(changes.succeed_relay(d, relay_card(), version=2)))
    same = after(lambda d: changes.succeed_relay(replace(d, name="Another"), relay_card(), version=3), first)
    assert same.log_key(same.index + 1) == relay_card().log_key
    assert sum(not one.life.removed for one in same.log_keys) == 1
    with pytest.raises(UsageError, match="log key never comes back"):
        changes.succeed_relay(Draft.of(first), replace(relay_card(), log_key=LOG_KEY), version=3)


def test_where_a_log_is_shown_is_told() -> None:
    shown = replace(relay_card().relay, tiles="https://log.example.org/")
    card = replace(relay_card(), relay=shown)
    assert "relay next shows its log at https://log.example.org/" in told(
        lambda d: changes.succeed_relay(d, card, version=2)
    )
    first = after(lambda d: with_other_root(changes.succeed_relay(d, card, version=2)))
    assert "relay next shows its log at no address" in told(
        lambda d: changes.succeed_relay(d, relay_card(), version=3), first
    )
