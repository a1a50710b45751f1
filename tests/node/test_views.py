"""A relay with two views of one log: its second has no quorum, and its fault becomes a file (threat L1)."""

import asyncio
import copy
import io
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from mce_exchange.audit.verify import verify_evidence
from mce_exchange.client import forking
from mce_exchange.client.forking import compare, evidence_of_forks, forks
from mce_exchange.client.identity import Identity
from mce_exchange.errors import LogError, UsageError
from mce_exchange.hotline.follow import Batch
from mce_exchange.log.checkpoint import sign_checkpoint
from mce_exchange.primitives.sign import Ed25519Key
from mce_exchange.store.alarms import Alarm
from tests.node.hostile import Door, MemoryRelay
from tests.node.test_exchange import accepted, first, followed, send
from tests.node.test_forks import sealed
from tests.node.test_hostile import alarm
from tests.node.test_witness import until
from tests.node.witnessed import WitnessedWorld


@pytest.fixture
def world(tmp_path: Path) -> WitnessedWorld:
    return WitnessedWorld(tmp_path)


async def parted(world: WitnessedWorld, *, entries: int) -> MemoryRelay:
    """Two views, signed by one key: a message of `be` to `pt` in the first, so many others in the second.

    `be` and `pt` have cosigned the first.
    """
    federation = copy.copy(world.federation)
    federation.raw, federation.tree = list(federation.raw), copy.deepcopy(federation.tree)
    other = MemoryRelay(federation)
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await (await first(pt)).acknowledge()
        await accepted(be, id_)
        await until(lambda: world.federation.state.open_anchor(world.relay.anchor()).witnessed)
        size = world.federation.tree.size
        await followed(be, world)
        await until(lambda: be.node.home.logbook.anchored == size)
        await until(lambda: pt.node.home.logbook.anchored == size)
    for sequence in range(1, entries + 1):
        other.log(sealed(world, sequence=sequence, previous_id=b"p" * 32 if sequence > 1 else b""))
    return other


def proved(world: WitnessedWorld, member: str, *notes: bytes) -> Sequence[tuple[int, int]]:
    """Sizes of the forks in this home's file, as anybody reads it: offline, by the fingerprint alone."""
    home = world.home(member)
    try:
        identity = Identity.of(home)
        follower = identity.follower(home)
        for note in notes:
            assert not compare(home, follower, note, now=1)
        data = b"".join(evidence_of_forks(home, identity, follower, forks(home, follower)))
    finally:
        home.close()
    report = verify_evidence(io.BytesIO(data), network_id=world.federation.network_id)
    return [(one.older, one.newer) for one in report.forks]


@pytest.mark.parametrize("entries", [1, 2, 5])
async def test_l1_a_witness_that_is_shown_a_second_view_proves_it_and_does_not_cosign_it(
    world: WitnessedWorld, entries: int
) -> None:
    """Whichever view is longer: the first has six entries, two of them its own."""
    other = await parted(world, entries=entries)
    async with world.open("pt", Door(other, "pt")) as pt:
        await alarm(pt, Alarm.FORK)
    assert not other.cosigned
    assert proved(world, "pt")


@pytest.mark.parametrize("large", [False, True])
async def test_l1_a_second_view_is_proved_though_its_entries_are_never_sent(
    world: WitnessedWorld, large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only its checkpoint and anchor are shown, twice; one too large to be fetched is not."""

    class Mute(Door):
        asked = 0

        async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
            await asyncio.sleep(60)
            for batch in list[Batch]():
                yield batch

        async def entries(self, first: int, count: int) -> bytes:
            self.asked += 1
            return await super().entries(first, count)

    other = await parted(world, entries=5)
    door = Mute(other, "pt")
    if large:
        monkeypatch.setattr(forking, "_FURTHER", -4)
    async with world.open("pt", door) as pt:
        if large:
            await until(lambda: bool(pt.node._forking._last))
            await asyncio.sleep(0.3)
        else:
            await alarm(pt, Alarm.FORK)
    assert not other.cosigned
    if large:
        assert door.asked == 0
    else:
        assert proved(world, "pt")
        assert door.asked == 1


async def test_l1_a_second_view_has_no_quorum_and_one_anchor_of_another_member_proves_it(
    world: WitnessedWorld,
) -> None:
    other = await parted(world, entries=4)
    async with world.open("es", Door(other, "es")) as es:
        await until(lambda: "es" in other.cosigned.get(8, {}))
        world.clock.now += 31 * 60
        assert "no anchor has had its quorum" in await alarm(es, Alarm.NOT_WITNESSED)
    second = other.federation.state.open_anchor(other.anchor())
    assert second.witnesses == ("es",)
    with pytest.raises(LogError, match="1 of 3 witnesses"):
        second.require_quorum()
    home = world.home("be")
    anchor = home.logbook.anchor()
    home.close()
    assert anchor
    assert proved(world, "es", anchor) == [(6, 8)]
    # And the other way round: who has the shorter log keeps what it is shown until it can tell.
    with pytest.raises(UsageError, match="8 entries"):
        proved(world, "be", other.anchor())


async def test_l1_what_is_of_one_log_or_not_of_the_log_is_no_fork(world: WitnessedWorld) -> None:
    async with world.open("be") as be:
        await send(be, world)
        await until(lambda: be.node.home.logbook.anchored == world.federation.tree.size)
    home = world.home("be")
    identity = Identity.of(home)
    follower = identity.follower(home)
    for size in (1, 3, follower.size):
        checkpoint = world.federation.checkpoint
        note = sign_checkpoint(
            type(checkpoint)(checkpoint.origin, size, follower.tree.root(size)),
            Ed25519Key.from_seed(b"L" * 32),
        )
        assert compare(home, follower, note, now=1)
    forged = sign_checkpoint(world.federation.checkpoint, Ed25519Key.from_seed(b"F" * 32))
    with pytest.raises(LogError, match="one valid signature"):
        compare(home, follower, forged, now=1)
    assert forks(home, follower) == []
    home.close()
