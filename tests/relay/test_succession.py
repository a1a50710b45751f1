"""A log goes on under other keys, of the same machine or another: a Directory gives it to them (SPEC 8.3)."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.keyring import Keyring
from mce_relay.known import Known
from mce_relay.store.sqlite import SqliteStore
from mce_relay.succession import adopt
from mce_relay.values import NoMetrics, Outcome, PublishIn, RelayKeys, Settings

from mce_exchange import limits
from mce_exchange.directory import changes, compose, trust
from mce_exchange.directory.model import Directory
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import DirectoryError, MceError, RefusedError, StoreError, UsageError
from mce_exchange.hotline.follow import Batch, Follower, Given
from mce_exchange.keys import PrivateKey
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.vault import Cost
from mce_exchange.statement import decode
from tests.relay.federation import NOW, Clock, Federation, ciphertext, put, running, send
from tests.relay.operated import PASSPHRASE, ended, home, run, serving, told
from tests.relay.test_sequencer import Failing


async def begun(f: Federation, folder: Path, *, crash: bool) -> int:
    """A log under the first keys; its size. A crash leaves entries above the last stored checkpoint."""
    copy = folder.with_name("copy")
    async with running(f, folder) as core:
        for _ in range(6):
            await send(core, "be", f.envelope("be", "pt"))
        await core.sweep()
        for _ in range(3):
            await core.submit("es", [f.envelope("es", "pt") for _ in range(4)])
        if crash:
            shutil.copytree(folder, copy)
        size = core.state.size
    if crash:
        shutil.rmtree(folder)
        copy.rename(folder)
    return size


def given(
    f: Federation,
    ring: Keyring,
    *,
    after: Directory | None = None,
    relay_id: str = "relay-2",
    address: str = "127.0.0.1:2",
) -> Bundle:
    """The version after the genesis, or another, which gives the log to these keys."""
    current = after or f.state.directory
    card = ring.card(relay_id=relay_id, address=address)
    draft = changes.succeed_relay(compose.Draft.of(current), card, version=current.version + 1)
    bundle = compose.successor(draft, current=current, now_minutes=NOW // 60)
    return compose.sign_directory(bundle, f.root, network_id=f.network_id)


def core_of(f: Federation, folder: Path, keys: RelayKeys, store: SqliteStore | None = None) -> Core:
    return Core(
        data=folder,
        genesis=f.bundle,
        keys=keys,
        settings=Settings(sweep_interval=1e6, anchor_interval=1e9),
        clock=Clock(),
        store=store,
    )


def adopted(f: Federation, folder: Path, keys: RelayKeys, *succession: Bundle) -> int:
    store = SqliteStore(folder)
    store.open()
    try:
        return adopt(store, f.bundle, keys, NoMetrics(), succession, Known(None))
    finally:
        store.close()


async def followed(f: Federation, core: Core, max_bytes: int) -> Follower:
    """The log as a node follows it from the beginning, batch by batch."""
    genesis = PublicState.genesis(f.bundle, network_id=f.network_id)
    follower = Follower(genesis, LogEntry(public=True, digest=decode(f.bundle.statement).digest), [], None)
    while batch := await core.read("pt", follower.tree.size, max_bytes=max_bytes):
        given = tuple(
            Given(index=one.index, statement=one.statement, members=one.members) for one in batch.statements
        )
        taken = follower.take(
            Batch(
                first_index=batch.first_index,
                entries=batch.entries,
                statements=given,
                checkpoint=batch.checkpoint,
                consistency=batch.consistency,
            )
        )
        assert not any(step.error for step in taken.steps)
        follower.commit(taken)
    return follower


@pytest.mark.parametrize("crash", [False, True])
async def test_a_log_goes_on_under_new_keys_and_everybody_can_follow(tmp_path: Path, crash: bool) -> None:
    f, ring = Federation(), Keyring.generate()
    size = await begun(f, tmp_path / "data", crash=crash)
    bundle = given(f, ring)
    for _ in range(2):
        # Done twice it changes nothing.
        assert adopted(f, tmp_path / "data", ring.keys, bundle) >= size + 1
        core = core_of(f, tmp_path / "data", ring.keys)
        await core.start()
        assert (core.relay, core.state.directory.version) == ("relay-2", 2)
        assert core.state.directory.index == size
        # Whoever reads from the beginning, by however small steps, is shown what its key can judge.
        for max_bytes in (1, 9000, limits.MIB):
            follower = await followed(f, core, max_bytes)
            assert follower.tree.size == core.state.size
            assert follower.state.directory.id == core.state.directory.id
        origin = core.state.directory.origin
        assert open_checkpoint(core.checkpoint(), origin=origin, key=ring.keys.log).size == core.state.size
        assert core.member_of(ring.door) == "relay-2"
        assert core.member_of(f.relay_certificate) is None
        await send(core, "nl", f.envelope("nl", "pt"))
        await core.sweep()
        await core.close()
    with pytest.raises(UsageError, match="not a relay's"):
        async with running(f, tmp_path / "data"):
            pass


@pytest.mark.parametrize("served", [True, False])
async def test_who_was_away_follows_across_two_changes(tmp_path: Path, served: bool) -> None:
    f, rings = Federation(), [Keyring.generate(), Keyring.generate()]
    size = await begun(f, tmp_path / "data", crash=False)
    versions = [given(f, rings[0])]
    second = trust.open_next(f.state.directory, versions[0], index=size)
    versions.append(given(f, rings[1], after=second, relay_id="relay-3"))
    if served:
        adopted(f, tmp_path / "data", rings[0].keys, versions[0])
        core = core_of(f, tmp_path / "data", rings[0].keys)
        await core.start()
        await send(core, "nl", f.envelope("nl", "pt"))
        await core.close()
    adopted(f, tmp_path / "data", rings[1].keys, *versions)
    core = core_of(f, tmp_path / "data", rings[1].keys)
    await core.start()
    assert (core.relay, core.state.directory.version) == ("relay-3", 3)
    await send(core, "nl", f.envelope("nl", "pt"))
    for max_bytes in (1, 9000, limits.MIB):
        follower = await followed(f, core, max_bytes)
        assert follower.tree.size == core.state.size
        assert follower.state.directory.id == core.state.directory.id
    await core.close()


async def test_nobody_takes_a_log_that_was_not_given_to_them(tmp_path: Path) -> None:
    f, ring, other = Federation(), Keyring.generate(), Keyring.generate()
    await begun(f, tmp_path / "data", crash=False)
    bundle = given(f, ring)
    for keys, succession, kind in (
        (other, (bundle,), UsageError),
        (ring, (), UsageError),
        (ring, (forged(f, bundle),), DirectoryError),
    ):
        with pytest.raises(MceError) as caught:
            adopted(f, tmp_path / "data", keys.keys, *succession)
        assert isinstance(caught.value, kind)
        with pytest.raises(UsageError):
            await core_of(f, tmp_path / "data", keys.keys).start()
    # The log is where it was.
    async with running(f, tmp_path / "data") as core:
        assert core.state.directory.version == 1


async def test_who_has_given_the_log_away_appends_nothing_more_and_says_where_it_went(tmp_path: Path) -> None:
    f, ring = Federation(), Keyring.generate()
    size = await begun(f, tmp_path / "data", crash=False)
    bundle, data = given(f, ring), ciphertext(1)
    handed = [PublishIn(forged(f, bundle).statement, bundle.members)]
    handed.append(PublishIn(bundle.statement, bundle.members))
    async with running(f, tmp_path / "data") as core:
        first = await send(core, "be", f.envelope("be", "pt"))
        assert reasons(await core.publish("be", handed)) == ["wrong_context", "moved"]
    for _ in range(2):
        # Whoever restarts it.
        async with running(f, tmp_path / "data") as core:
            assert core.moved
            note, anchor = core.checkpoint(), await core.anchor(0)
            await core.sweep()
            assert reasons(await core.submit("be", [f.envelope("be", "pt")])) == ["moved"]
            assert reasons(await core.publish("be", [f.prekey("be"), handed[1]])) == ["moved", "moved"]
            with pytest.raises(RefusedError, match="given its log away"):
                await put(core, "be", data)
            assert (core.checkpoint(), await core.anchor(0)) == (note, anchor)
            assert core.state.size == size + 1
            assert await core.directory(core.versions) == (size + 1, bundle)
            assert len((await followed(f, core, limits.MIB)).tree.root()) == limits.HASH
    # Its folder is the one to adopt; what was accepted is there, once.
    assert adopted(f, tmp_path / "data", ring.keys, bundle) == size + 2
    core = core_of(f, tmp_path / "data", ring.keys)
    await core.start()
    assert not core.moved
    assert core.versions == 2
    logged = [raw for _, raw in await core.statements("be", [first.receipt.index])]
    assert logged == [first.statement]
    assert reasons(await core.publish("be", handed[1:])) == []
    await core.close()


async def test_l4_a_log_given_away_in_doubt_goes_on_nowhere_before_somebody_looks(
    tmp_path: Path,
) -> None:
    f, ring, store = Federation(), Keyring.generate(), Failing(tmp_path / "data")
    await begun(f, tmp_path / "data", crash=False)
    core = core_of(f, tmp_path / "data", f.relay_keys, store)
    await core.start()
    bundle = given(f, ring)
    store.after = True
    with pytest.raises(StoreError, match="unknown"):
        await core.publish("be", [PublishIn(bundle.statement, bundle.members)])
    with pytest.raises(StoreError, match="in doubt"):
        await core.submit("be", [f.envelope("be", "pt")])
    await core.close()
    async with running(f, tmp_path / "data") as again:
        assert again.moved


def reasons(outcomes: list[Outcome]) -> list[str]:
    return [one.reason for one in outcomes if isinstance(one, RefusedError)]


def forged(f: Federation, bundle: Bundle) -> Bundle:
    """The same, signed by a key that is no root's."""
    body, _ = compose.body_of(bundle.statement)
    unsigned = replace(bundle, statement=compose.unsigned(body))
    return compose.sign_directory(unsigned, PrivateKey.generate(), network_id=f.network_id)


def test_the_command_adopts_a_copied_folder(tmp_path: Path) -> None:
    f, ring = Federation(), Keyring.generate()
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    first, second = home(f, old), home(f, new)
    with serving(first) as (_, process):
        assert ended(process) == 0
    ring.write(new, PASSPHRASE, cost=Cost.INTERACTIVE)
    second.write_text(second.read_text().replace('id = "relay-1"', 'id = "relay-2"'))
    (tmp_path / "v2.directory").write_bytes(given(f, ring).encode())
    done = run(second, "adopt", str(tmp_path / "v2.directory"))
    assert (done.returncode, "there is no log" in done.stderr) == (2, True)
    shutil.copytree(old / "data", new / "data")
    assert run(second, "adopt").returncode == 2
    assert run(second, "serve").returncode == 2
    done = run(second, "adopt", str(tmp_path / "v2.directory"))
    assert (done.returncode, done.stderr) == (0, "")
    with serving(second) as (_, process):
        assert ended(process) == 0
    assert [one["version"] for one in told(second) if one["event"] == "started"] == [2]
