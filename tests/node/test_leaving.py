"""A member that leaves with open cases: who wrote to it learns, nobody writes again, its word stands."""

import pytest

from mce_exchange.directory import changes
from mce_exchange.errors import UsageError
from mce_exchange.store.alarms import Alarm
from mce_exchange.v1 import statement_pb2
from tests.federation import RELAY_KEY
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Held
from tests.node.test_exchange import accepted, first, followed, send, settled
from tests.node.test_hostile import alarm
from tests.node.test_keys import proceed


async def test_a_case_that_is_open_with_a_member_who_leaves_ends_at_a_person(world: World) -> None:
    async with world.open("pt") as pt:
        earlier = await send(pt, world, "be")
        await accepted(pt, earlier)
    async with world.open("be") as be:
        waiting = await send(be, world, "pt", "es")
        await accepted(be, waiting)
        proceed(world, lambda draft, version: changes.leave(draft, "pt", version=version))
        body = statement_pb2.Undeliverable(
            signers=[RELAY_KEY.public.id],
            header_id=bytes.fromhex(waiting),
            recipient="pt",
            code=statement_pb2.UNDELIVERABLE_CODE_LEFT,
        )
        made = world.federation.sign("undeliverable", body.SerializeToString(deterministic=True), RELAY_KEY)
        world.relay.log(Held(made.raw, {"be", "pt"}))
        await followed(be, world)
        assert "pt was not served: left" in await alarm(be, Alarm.UNDELIVERABLE)
        with pytest.raises(UsageError, match="takes no part in this network now"):
            await be.send(SCENARIO.update(), to=["pt"])
        # What it said before stays, and is answered as ever; the other recipient is served.
        item = await first(be)
        assert (item.id, item.sender) == (earlier, "pt")
        await item.acknowledge()
        async with world.open("es") as es:
            await (await first(es)).acknowledge()
            states = {one.member: one.status for one in (await settled(be, waiting)).deliveries}
        assert states == {"pt": "undeliverable:left", "es": "delivered"}
        assert not world.federation.state.takes_part("pt")
