"""Promise 12: a Directory past its date, or kept back, alarms and stops nobody whose keys are known."""

import asyncio
from dataclasses import replace

from mce_exchange.errors import RefusedError
from mce_exchange.store.alarms import Alarm
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door, MemoryRelay
from tests.node.test_exchange import accepted, first, followed
from tests.node.test_hostile import alarm
from tests.node.test_keys import proceed, version

YEARS = 2 * 366 * 24 * 3600


async def test_a_stale_directory_alarms_and_stops_nobody(world: World) -> None:
    world.clock.now += YEARS
    async with world.open("be") as be, world.open("pt") as pt, asyncio.timeout(30):
        # Both nodes publish fresh prekeys by the clock; the Directory stays what it was.
        while not all(len(world.federation.state.prekeys[one]) > 1 for one in ("be", "pt")):
            await asyncio.sleep(0.02)
        while be.node.follower.size < world.federation.tree.size:
            await asyncio.sleep(0.02)
        id_ = await be.send(SCENARIO.update(), to=["pt"], urgent=True)
        async for item in pt.inbox():
            assert item.id == id_
            await item.acknowledge()
            break
        sent = await be.settled(id_)
        assert [one.status for one in sent.deliveries] == ["delivered"]
        async for alarm in pt.alarms():
            if alarm.kind is Alarm.DIRECTORY_STALE:
                break


class Frozen(Door):
    """Shows the log as it was when this was made, for ever; what is handed in is logged, unseen from here."""

    def __init__(self, relay: MemoryRelay, member: str) -> None:
        super().__init__(relay, member)
        self.last = len(relay.held)
        self.notes = (relay.federation.signed_checkpoint(), relay.federation.anchor())

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        return self.notes[0]

    async def anchor(self, min_size: int) -> bytes:
        return self.notes[1]


async def test_d3_a_hidden_directory_is_noticed_and_stops_no_alert(world: World) -> None:
    async with world.open("pt") as pt, world.open("be", Frozen(world.relay, "be")) as be:
        await followed(be, world)
        # A newer version, which be is never shown.
        proceed(world, lambda draft, _: replace(draft, name="Newer"))
        await version(pt, 2)
        world.clock.now += 2 * 3600
        id_ = await be.send(SCENARIO.update(), to=["pt"], urgent=True)
        await accepted(be, id_)
        assert (await first(pt)).id == id_
        assert be.node.follower.state.directory.version == 1
        assert [one.kind for one in be.node.home.alarms.all()] == []
        world.clock.now += 2 * 3600
        assert "ask the federation which Directory" in await alarm(be, Alarm.LOG_STANDS_STILL)
        assert (await be.sent(id_)).state == "accepted"


async def test_d3_a_relay_that_shows_no_anchor_at_all_is_noticed(world: World) -> None:
    class Without(Door):
        async def anchor(self, min_size: int) -> bytes:
            raise RefusedError("none", reason="not_found")

    async with world.open("be", Without(world.relay, "be")) as be:
        async with asyncio.timeout(30):
            while not be.node.anchoring._asked:
                await asyncio.sleep(0.02)
        world.clock.now += 4 * 3600
        assert "no new anchor for hours" in await alarm(be, Alarm.LOG_STANDS_STILL)
