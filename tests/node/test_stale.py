"""Promise 12: a Directory past its date raises alarms and stops nobody whose keys are known."""

import asyncio

from mce_exchange.store.alarms import Alarm
from tests.node.conftest import SCENARIO, World

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
