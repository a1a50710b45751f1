"""Encryption keys rotate, and their private halves go for good (promise 8, SPEC section 8.6)."""

import asyncio
from pathlib import Path

from mce_exchange.client.facade import Hotline
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.database import Database
from tests.node.conftest import World
from tests.node.test_exchange import SOON, accepted, followed, send
from tests.node.test_order import ready
from tests.node.test_upkeep import DAY, _day


def files_with(folder: Path, needle: bytes) -> list[str]:
    """Files that hold these bytes: database, its write-ahead log and free pages included."""
    return [one.name for one in folder.rglob("*") if one.is_file() and needle in one.read_bytes()]


def box_of(database: Database, name: str) -> bytes:
    box = database.value("SELECT box FROM secret WHERE name = ?", name)
    assert isinstance(box, bytes)
    return box


def told(hotline: Hotline) -> list[str]:
    return [one.text for one in hotline.node.home.alarms.all() if one.kind is Alarm.NO_PREKEY]


async def turned(hotline: Hotline, world: World) -> None:
    """Two weeks, in which the first prekey has got a successor and then a week to drain."""
    for days in (6.1, 7.1, 0.1):
        await _day(hotline, world, days)


async def test_a_private_half_that_had_to_go_stands_in_no_file_of_the_home(world: World) -> None:
    old = world.federation.state.prekey("pt")
    seed = world.federation.people["pt"].kem.seed
    assert old
    name = f"prekey/{old.id.hex()}"
    async with world.open("pt") as pt:
        await followed(pt, world)
        # A box opens by the home's master key, so it is the box that must not stay anywhere.
        box = box_of(pt.node.home.database, name)
        assert files_with(world.folder / "pt", box)
        await turned(pt, world)
        assert name not in pt.node.home.secrets.names("prekey/")
        assert files_with(world.folder / "pt", box) == []
        assert files_with(world.folder / "pt", seed) == []
        assert len(pt.node.home.secrets.names("prekey/")) == 2
    assert files_with(world.folder / "pt", box) == []


async def test_a_half_that_a_reader_kept_in_the_database_goes_the_next_minute(
    world: World,
) -> None:
    old = world.federation.state.prekey("pt")
    assert old
    async with world.open("pt") as pt:
        await followed(pt, world)
        box = box_of(pt.node.home.database, f"prekey/{old.id.hex()}")
        other = world.home("pt")
        with other.database.read():
            assert other.logbook.size
            await turned(pt, world)
            assert f"prekey/{old.id.hex()}" not in pt.node.home.secrets.names("prekey/")
        other.close()
        await pt.node.run_home(pt.node.upkeep.run)
        assert files_with(world.folder / "pt", box) == []


async def test_a_hotline_that_was_off_for_five_weeks_gets_its_mail(world: World) -> None:
    start, ids = world.clock.now, []
    async with world.open("be") as be:
        for day in (1, 8, 20, 34.9):
            world.clock.now = start + day * DAY
            ids.append(await send(be, world))
            await accepted(be, ids[-1])
        # It is known to be late, before it is too late.
        await be.node.run_home(be.node.upkeep.run)
        assert any(one.startswith("the newest prekey of pt ended 27 days ago") for one in told(be))
    world.clock.now = start + 35 * DAY
    async with world.open("pt") as pt:
        await ready(pt, *ids)
        await pt.acknowledge(*ids)
        async with asyncio.timeout(SOON):
            while not any(one.startswith("our newest prekey ended 28 days ago") for one in told(pt)):
                await asyncio.sleep(0.02)
        await pt.idle()
        newest = pt.node.follower.state.prekey("pt")
        assert newest
        assert newest.not_before_minutes == world.clock.now // 60
        # And then its old half goes, a week later.
        await _day(pt, world, 7.1)
        assert len(pt.node.home.secrets.names("prekey/")) == 2
        await _day(pt, world, 0.1)
        assert f"prekey/{world.federation.state.prekeys['pt'][0].id.hex()}" not in (
            pt.node.home.secrets.names("prekey/")
        )
