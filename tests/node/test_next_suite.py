"""What a node does with a suite that it does not know: alarm, pass over, go on (SPEC section 14)."""

import asyncio
from dataclasses import replace

from mce_exchange import statement
from mce_exchange.log.entry import LogEntry
from mce_exchange.statement import Statement
from mce_exchange.store.alarms import Alarm
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Held


async def test_entries_of_a_next_suite_alarm_and_halt_nobody(world: World) -> None:
    federation = world.federation
    known = statement.decode(federation.raw[1])
    newer = Statement("keys-2", b"\x0a\x01\x00", known.blocks)
    for public in (True, False):
        entry = LogEntry(public, newer.digest)
        federation.tree.append(entry.leaf_hash)
        world.relay.held.append(Held(newer.raw, None, entry=entry.encode()))
    federation.state = replace(federation.state, size=federation.tree.size)
    async with world.open("be") as be, world.open("pt") as pt, asyncio.timeout(30):
        id_ = await be.send(SCENARIO.update(), to=["pt"])
        async for item in pt.inbox():
            assert item.id == id_
            break
        async for alarm in pt.alarms():
            assert alarm.kind is Alarm.INVALID_ENTRY
            assert "unknown Statement type" in alarm.text
            break
