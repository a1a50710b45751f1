"""`mce key list` shows the whole life of each key: nothing that happens to one is left out."""

import asyncio
import json
from functools import partial
from typing import Any

from mce_exchange.client import door, keeping
from mce_exchange.client.facade import Hotline
from mce_exchange.directory import changes
from mce_exchange.hotline import changing
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.changing import Reason
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.primitives.verify import sha256
from mce_exchange.store import settings
from tests.cli.conftest import Run
from tests.node.conftest import World
from tests.node.hostile import Held
from tests.node.test_exchange import SOON, followed
from tests.node.test_keys import ask, card_of, proceed, version

DAY = 24 * 3600


async def prekey(hotline: Hotline, epoch: int) -> None:
    """Wait for our next prekey."""
    async with asyncio.timeout(SOON):
        while (newest := hotline.node.follower.state.prekey("be")) is None or newest.epoch != epoch:
            await asyncio.sleep(0.02)


async def test_every_step_of_a_keys_life_is_shown(world: World, mce: Run) -> None:
    be = world.federation.people["be"]
    new = PrivateKey.generate()

    def rows(member: str = "be", *whose: str) -> dict[str, dict[str, Any]]:
        said = mce(member, "key", "list", *whose, "--json")
        return {one["id"]: one for one in json.loads(said.out)["keys"]}

    def these(kind: str, *names: str) -> list[tuple[Any, ...]]:
        return [tuple(row[name] for name in names) for row in rows().values() if row["kind"] == kind]

    def shown(id_: str, *names: str) -> tuple[Any, ...]:
        return tuple(rows()[id_][name] for name in names)

    def text() -> str:
        return mce("be", "key", "list").out

    card = card_of(world, be.key, new)
    ask(world, card, new)
    home = world.home("be")
    home.settings.put(settings.DOOR, be.door)
    home.secrets.put("door", be.door_key)
    home.close()
    async with world.open("be") as hotline:
        n = hotline.node
        await followed(hotline, world)
        key, second, other = be.key.public.id.hex(), be.second.public.id.hex(), new.public.id.hex()
        # Made, and known to nobody yet.
        assert shown(other, "state", "since_index") == ("made", None)
        assert "not in the log yet" in text()
        assert shown(key, "state", "since_version", "in_use") == ("lives", 1, True)
        assert other not in rows("pt", "be")
        # Admitted by a version at an entry; another key is rotated out by it.
        proceed(world, lambda draft, v: changes.renew(draft, card, version=v))
        await version(hotline, 2)
        at = world.federation.state.directory.index
        assert shown(other, "state", "since_version", "since_index") == ("lives", 2, at)
        assert shown(second, "state", "end_version", "end_index") == ("ended", 2, at)
        assert f"until entry {at} (version 2)" in text()
        # Revoked, with its cut; the prekey that it signed is killed.
        async with asyncio.timeout(SOON):
            while not await n.run_home(n.home.logbook.anchors):
                await asyncio.sleep(0.02)
        revoke = partial(keeping.revoke_key, reason=Reason.LOST)
        await n.run_home(revoke, n.home, n.identity, n.follower.state, be.key.public.id)
        await prekey(hotline, 2)
        one = n.follower.state.revoked[be.key.public.id]
        assert shown(key, "state", "cut", "end_index") == ("revoked", one.cut, one.index)
        assert f"disputed from entry {one.cut}" in text()
        assert these("prekey", "state", "end_index")[0] == ("killed", one.index)
        # A prekey that is followed lives until its private half is destroyed.
        world.clock.now += 6.5 * DAY
        await n.run_home(n.upkeep.run)
        await prekey(hotline, 3)
        assert these("prekey", "state", "held", "destroyed") == [
            ("killed", False, True),
            ("followed", True, False),
            ("lives", True, False),
        ]
        world.clock.now += 8 * DAY
        await n.run_home(n.upkeep.run)
        assert these("prekey", "state", "destroyed")[:2] == [("killed", True), ("destroyed", True)]
        assert "its private half is destroyed" in text()
        # A door: the next one beside the one in use.
        await n.run_home(door.exchange, n.home, n.identity, n.follower.state)
        await hotline.idle()
        assert these("door", "state") == [("lives",), ("lives",)]
        # Somebody else's, contested by whose it is.
        thief = make_certificate()[1]
        author = Author(member="be", network_id=world.federation.network_id, keys=(new,))
        stolen = changing.tls_keys(author, number=2, certificates=[thief])
        index = world.relay.log(Held(stolen.raw, None))
        await followed(hotline, world)
        await n.run_home(keeping.contest, n.home, n.identity, index)
        await hotline.idle()
        assert shown(sha256(thief).hex(), "state", "contested", "since_index") == ("lives", ["be"], index)
        assert "CONTESTED by be" in text()
    async with world.open("pt") as hotline:
        await followed(hotline, world)
    assert rows("pt", "be")[sha256(thief).hex()]["contested"] == ["be"]
