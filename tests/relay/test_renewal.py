"""The same relay under a new log key or behind a new door, without another operator (SPEC 8.7, 9.10)."""

from dataclasses import replace
from pathlib import Path

import pytest
from mce_relay import anchors
from mce_relay.keyring import NEXT, Keyring, Rings
from mce_relay.known import Known
from mce_relay.values import PublishIn

from mce_exchange import limits
from mce_exchange.directory import changes, compose
from mce_exchange.directory.model import Directory
from mce_exchange.directory.records import Bundle, RelayCard
from mce_exchange.errors import UsageError
from mce_exchange.log.checkpoint import open_checkpoint
from tests.relay.federation import NOW, Federation, running, send, tell
from tests.relay.operated import PASSPHRASE, ended, home, keyring, run, serving, told
from tests.relay.test_succession import adopted, core_of, followed


def entered(f: Federation, card: RelayCard, current: Directory) -> Bundle:
    """The version after, with the relay's new card."""
    draft = changes.succeed_relay(compose.Draft.of(current), card, version=current.version + 1)
    bundle = compose.successor(draft, current=current, now_minutes=NOW // 60)
    return compose.sign_directory(bundle, f.root, network_id=f.network_id)


@pytest.mark.parametrize("signing", [False, True])
async def test_a_relay_with_both_keys_at_hand_goes_on_without_a_pause(tmp_path: Path, signing: bool) -> None:
    f = Federation()
    ring = keyring(f).renewed(log=True, door=False)
    if signing:
        ring = replace(ring, keys=replace(ring.keys, signing=Keyring.generate().keys.signing))
    async with running(f, tmp_path, deadlines=(0.0, 1.0)):
        pass
    core = core_of(f, tmp_path, replace(f.relay_keys, next=ring.keys))
    await core.start()
    before = await send(core, "be", f.envelope("be", "pt"))
    bundle = entered(f, ring.card(relay_id="relay-1", address="127.0.0.1:1"), core.state.directory)
    index = (await tell(core, "be", PublishIn(bundle.statement, bundle.members))).receipt.index
    after = await send(core, "be", f.envelope("be", "pt", "nobody"))
    assert not core.moved
    directory = core.state.directory
    assert (directory.version, directory.index) == (2, index)
    for receipt, key in ((before.receipt, f.relay_keys.log), (after.receipt, ring.keys.log)):
        assert open_checkpoint(receipt.checkpoint, origin=directory.origin, key=key)
    # What the relay says itself is by the key that lives, and so are its anchors.
    raw = dict(await core.statements("aud", [after.receipt.index + 1]))[after.receipt.index + 1]
    assert ring.keys.signing.public.id in raw
    await core._sequencer.run(lambda group: anchors.freeze(core._rules.keys, group, Known(None)))
    assert core.state.open_anchor(await core.anchor(0)).checkpoint.size == core.state.size
    for max_bytes in (1, 9000, limits.MIB):
        follower = await followed(f, core, max_bytes)
        assert (follower.tree.size, follower.state.directory.id) == (core.state.size, directory.id)
    await core.close()
    # The old ones serve it no more, the next ones do.
    with pytest.raises(UsageError):
        await core_of(f, tmp_path, f.relay_keys).start()
    core = core_of(f, tmp_path, ring.keys)
    await core.start()
    await core.close()


def test_keys_and_doors_are_renewed_by_the_command(tmp_path: Path) -> None:
    f = Federation()
    config, card = home(f, tmp_path), tmp_path / "next.card"
    first = keyring(f)
    assert run(config, "renew", "--door", "--out", str(card)).returncode == 2
    address = ("--address", "127.0.0.1:1")
    assert run(config, "renew", "--door", "--log-key", "--out", str(card), *address).returncode == 0
    assert "waits for its Directory" in run(config, "renew", "--door", "--out", str(card), *address).stderr
    rings, made = Rings.read(tmp_path, PASSPHRASE), RelayCard.decode(card.read_bytes())
    assert rings.next
    assert made.relay.certificates == (first.door, rings.next.door)
    assert made.log_key == rings.next.keys.log != first.keys.log
    assert rings.used(f.state.directory, 1, "relay-1") is rings.now
    bundle = entered(f, made, f.state.directory)
    # As if it had been published while the relay was down.
    adopted(f, tmp_path / "data", rings.next.keys, bundle)
    with serving(config) as (_, process):
        assert ended(process) == 0
    assert not (tmp_path / NEXT).exists()
    assert Rings.read(tmp_path, PASSPHRASE).now.door == rings.next.door
    # Then the old door goes.
    assert run(config, "renew", "--out", str(card), *address).returncode == 0
    assert RelayCard.decode(card.read_bytes()).relay.certificates == (rings.next.door,)
    assert [one["version"] for one in told(config) if one["event"] == "started"] == [2]


def test_what_has_ended_never_comes_back() -> None:
    f = Federation()
    ring = keyring(f).renewed(log=True, door=True)
    new = ring.card(relay_id="relay-1", address="127.0.0.1:2")
    draft = changes.succeed_relay(compose.Draft.of(f.state.directory), new, version=2)
    [relay] = draft.relays
    assert (relay.address, relay.certificates, relay.life.removed) == ("127.0.0.1:2", (ring.door,), 0)
    old = keyring(f).card(relay_id="relay-1", address="127.0.0.1:1")
    with pytest.raises(UsageError, match="log key has ended"):
        changes.succeed_relay(draft, old, version=3)
    other = Keyring.generate().card(relay_id="relay-2", address="127.0.0.1:3")
    with pytest.raises(UsageError, match="relay-1 has ended"):
        changes.succeed_relay(changes.succeed_relay(draft, other, version=3), new, version=4)
