"""Nodes that witness: consistent, durable, once; and what stops them (SPEC 9.3, threats L1 and L2)."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from mce_exchange.client.facade import Hotline
from mce_exchange.client.witnessing import make_witness
from mce_exchange.directory.records import decode_witness
from mce_exchange.log.anchor import SKEW, Anchor
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.database import Database
from mce_exchange.store.home import DATABASE
from mce_exchange.store.snapshot import snapshot
from tests.federation import NOW_MINUTES
from tests.node.hostile import Door
from tests.node.test_exchange import SOON, accepted, first, followed, send
from tests.node.test_hostile import alarm, quiet
from tests.node.witnessed import WitnessedWorld, cosigner


@pytest.fixture
def world(tmp_path: Path) -> WitnessedWorld:
    return WitnessedWorld(tmp_path)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(SOON):
        while not holds():
            await asyncio.sleep(0.01)


def kinds(hotline: Hotline) -> set[Alarm]:
    return {one.kind for one in hotline.node.home.alarms.all()}


def newest(world: WitnessedWorld) -> Anchor:
    return world.federation.state.open_anchor(world.relay.anchor())


async def test_two_of_three_cosign_and_everybody_gets_the_witnessed_anchor(world: WitnessedWorld) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await (await first(pt)).acknowledge()
        await accepted(be, id_)
        await until(lambda: newest(world).witnessed)
        assert newest(world).witnesses == ("be", "pt")
        size = world.federation.tree.size
        for hotline in (be, pt):
            await until(lambda home=hotline.node.home: (home.logbook.witnessed() or (0,))[0] == size)  # type: ignore[misc]  # bound now
            assert quiet(hotline)
        state = be.node.home.witness.state(cosigner("be"))
        assert state
        assert (state.size, state.root) == (size, world.federation.tree.root())


async def test_l2_the_state_is_on_disk_before_anything_is_signed(world: WitnessedWorld) -> None:
    """A crash after the signature finds what was signed: the state that another connection reads."""
    seen = []

    class Watching(Door):
        async def cosign(self, size: int, lines: bytes) -> None:
            home = world.home("be")
            state = home.witness.state(cosigner("be"))
            home.close()
            seen.append((size, state.size if state else None))
            await super().cosign(size, lines)

    async with world.open("be", Watching(world.relay, "be")) as be:
        await followed(be, world)
        await until(lambda: len(seen) > 0)
    assert all(size == state for size, state in seen)


async def test_l2_another_root_than_the_one_cosigned_is_never_cosigned(world: WitnessedWorld) -> None:
    """The last line, whatever became of the rest of the home: its state is of another view."""
    home = world.home("be")
    federation = world.federation
    with home.database.write():
        home.witness.advance(cosigner("be"), federation.checkpoint, federation.anchor())
        home.database.run("UPDATE witness SET root = ?", bytes(32))
    home.close()
    async with world.open("be") as be:
        await send(be, world)
        assert "not the one cosigned at 4 entries" in await alarm(be, Alarm.FORK)
    assert not world.relay.cosigned


async def test_l2_an_older_anchor_than_the_one_cosigned_is_never_cosigned(world: WitnessedWorld) -> None:
    """Another process has cosigned meanwhile: what counts is what the transaction finds."""
    async with world.open("be") as be:
        await until(lambda: bool(world.relay.cosigned))
        note = world.federation.anchor()
        await send(be, world)
        await until(lambda: len(world.relay.cosigned) > 1)
        assert await be.node.run_home(be.node._witnessing.lines, note) is None
        assert "after one of" in await alarm(be, Alarm.WITNESS_STOPPED)


async def test_l2_a_witness_that_has_lost_its_state_signs_no_more(world: WitnessedWorld) -> None:
    home = world.home("be")
    home.database.run("DELETE FROM witness")
    home.close()
    async with world.open("be") as be:
        assert "mce witness key --lost" in await alarm(be, Alarm.WITNESS_STOPPED)
        # Missing witnesses stop nothing (promise 12).
        await accepted(be, await send(be, world))
    assert not world.relay.cosigned


async def test_l2_a_witness_restored_from_a_backup_finds_its_own_cosignature(world: WitnessedWorld) -> None:
    async with world.open("pt") as pt:
        await send(pt, world, "be")
        async with world.open("be") as be:
            await followed(be, world)
            await until(lambda: bool(world.relay.last_witnessed))
    home = world.home("be")
    home.database.run("UPDATE witness SET size = 1")
    home.database.run("UPDATE witness SET root = ?", world.federation.tree.root(1))
    home.close()
    world.relay.cosigned.clear()
    async with world.open("pt") as pt, world.open("be") as be:
        await send(pt, world, "be")
        assert "is not known here any more" in await alarm(be, Alarm.WITNESS_STOPPED)
        assert all("be" not in one for one in world.relay.cosigned.values())


async def test_h8_an_anchor_from_the_future_is_not_cosigned(world: WitnessedWorld) -> None:
    world.relay.time = NOW_MINUTES * 60 + SKEW + 1
    async with world.open("be") as be:
        assert "ahead of this machine's clock" in await alarm(be, Alarm.WITNESS_STOPPED)
    assert not world.relay.cosigned


async def test_l1_a_log_that_the_witnesses_are_not_shown_is_noticed(world: WitnessedWorld) -> None:
    async with world.open("es") as es:
        # That the newest has none is no alarm by itself.
        await until(lambda: es.node.anchoring._lacking > 0)
        assert kinds(es) == set()
        world.clock.now += 31 * 60
        assert "no anchor has had its quorum" in await alarm(es, Alarm.NOT_WITNESSED)


async def test_keys_are_made_and_the_named_ones_sign_on(world: WitnessedWorld) -> None:
    async with world.open("be") as be:
        await followed(be, world)
        node = be.node

        def make(lost: bool) -> list[str]:
            card = make_witness(node.home, node.identity, node.follower.state, "be/next", lost=lost)
            assert decode_witness(card).name == "be/next"
            return sorted(one.name for one in node.home.witness.held())

        assert await node.run_home(make, False) == ["be", "be/next"]
        assert await node.run_home(make, True) == ["be/next"]
        assert "keys are not in this home" in await alarm(be, Alarm.WITNESS_STOPPED)


def test_l2_a_backup_holds_no_witness(world: WitnessedWorld) -> None:
    path = world.folder / "be"
    copy = world.folder / "copy.db"
    with snapshot(path, path / DATABASE, at=1) as file:
        copy.write_bytes(file.read())
    database = Database(copy)
    assert database.rows("SELECT name FROM secret WHERE name LIKE 'witness/%'") == []
    assert database.rows("SELECT * FROM witness") == []
    assert database.value("SELECT count(*) FROM secret WHERE name LIKE 'signing/%'") == 1
    database.close()


async def test_l2_a_copied_home_cosigns_no_more(world: WitnessedWorld) -> None:
    home = world.home("be")
    home.notice_a_move()
    assert home.witness.state(cosigner("be"))
    (home.path / "node.lock").unlink()
    home.notice_a_move()
    assert home.witness.state(cosigner("be")) is None
    home.close()
