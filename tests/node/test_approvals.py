"""Two persons: what one desk alone may not do, and how the second one says yes (SPEC sections 5.3, 8.1)."""

import asyncio

import pytest

from mce_exchange.case import acts
from mce_exchange.directory import changes
from mce_exchange.directory.model import Act
from mce_exchange.store.alarms import Alarm
from tests.node.conftest import World
from tests.node.test_exchange import SOON, first, followed
from tests.node.test_forks import sealed
from tests.node.test_hostile import alarm
from tests.node.test_keys import proceed


def policy(world: World, *reserved: Act) -> None:
    """`be` needs two persons for these acts from here on."""
    proceed(world, lambda draft, v: changes.set_policy(draft, "be", reserved))


@pytest.fixture
def updates_are_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenario's message stands for a child alert."""
    monkeypatch.setattr(acts, "ACTS", {"CASE_UPDATE": Act.CHILD_ALERT})


@pytest.mark.usefixtures("updates_are_alerts")
async def test_h12_a_hijacked_desk_alone_raises_no_alert(world: World) -> None:
    be = world.federation.people["be"]
    async with world.open("pt") as pt:
        policy(world, Act.CHILD_ALERT)
        world.relay.log(sealed(world, sequence=1, version=2))
        assert "it takes two persons there, and one signed" in await alarm(pt, Alarm.REFUSED)
        refused = list(pt.node.home.inbox.each(None))
        assert [(one.state, one.reason) for one in refused] == [("refused", "policy")]
        await followed(pt, world)
        world.relay.log(
            sealed(world, sequence=2, version=2, previous_id=refused[0].header_id, keys=[be.key, be.second])
        )
        assert (await first(pt)).sender == "be"
        async with asyncio.timeout(SOON):
            await pt.idle()
