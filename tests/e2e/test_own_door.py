"""A hotline exchanges the key of its own door while mail goes on, over a real relay (SPEC section 8.7)."""

import asyncio
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from mce_exchange.client import door
from mce_exchange.client.facade import Hotline
from mce_exchange.client.relay import GrpcRelay
from mce_exchange.client.repin import Way
from mce_exchange.errors import TransportError, UsageError
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.e2e.test_new_door import PASSPHRASE, UPDATE, Relay, exchange, make_home, node
from tests.relay.federation import Federation
from tests.relay.operated import keyring
from tests.relay.served import SECONDS


async def acknowledging(hotline: Hotline, wanted: int) -> None:
    async for item in hotline.inbox():
        await item.acknowledge()
        wanted -= 1
        if not wanted:
            return


async def test_a_door_is_exchanged_while_mail_goes_on(tmp_path: Path) -> None:
    f = Federation(("be", "pt"))
    relay = Relay(f, tmp_path, keyring(f), "127.0.0.1:0")
    async with relay as address:
        for member in ("be", "pt"):
            make_home(f, tmp_path, member, address)
        old = f["be"].certificate
        async with node(tmp_path, "be") as be, node(tmp_path, "pt") as pt:
            await exchange(be, pt)
            n = be.node
            reading = asyncio.create_task(acknowledging(pt, 10))
            await n.run_home(door.exchange, n.home, n.identity, n.follower.state)
            with pytest.raises(UsageError, match="being exchanged"):
                await n.run_home(door.exchange, n.home, n.identity, n.follower.state)
            sent = []
            for _ in range(10):
                sent.append(await be.send(UPDATE, to=["pt"]))
                await asyncio.sleep(0.1)
            # Both are admitted, then the new one alone.
            async with asyncio.timeout(SECONDS):
                while old in relay.core.state.certificates("be"):
                    await asyncio.sleep(0.02)
                await reading
                for id_ in sent:
                    assert (await be.settled(id_)).deliveries[0].status == "delivered"
            number, [new] = relay.core.state.doors["be"]
            assert number == 2
            assert await n.run_home(n.home.settings.get, settings.DOOR) == new
            assert await n.run_home(n.home.secrets.names, "door") == ["door"]
            await exchange(be, pt)
            assert [one.text for one in n.home.alarms.all() + pt.node.home.alarms.all()] == []
            # Who has the old key stays outside.
            way = replace(await n.run_home(Way.of, n.home), door_key=f["be"].tls_key, door=old)
            async with way.channel() as channel:
                with pytest.raises((TransportError, grpc.aio.AioRpcError)):
                    await GrpcRelay(channel, call_seconds=1.0).checkpoint()


async def test_an_exchange_begun_without_a_node_is_ended_by_the_next_one(tmp_path: Path) -> None:
    f = Federation(("be", "pt"))
    relay = Relay(f, tmp_path, keyring(f), "127.0.0.1:0")
    async with relay as address:
        make_home(f, tmp_path, "be", address)
        async with node(tmp_path, "be") as be, asyncio.timeout(SECONDS):
            await be.idle()
        async with node(tmp_path, "be") as be:
            n = be.node
            await n.run_home(door.exchange, n.home, n.identity, n.follower.state)
        home = Home.open(tmp_path / "be", PASSPHRASE)
        assert home.settings.get(settings.DOOR) == f["be"].certificate
        home.close()
        # By one that is started for a moment only, too: it does not end half way.
        async with node(tmp_path, "be") as be, asyncio.timeout(SECONDS):
            await be.idle()
        [new] = relay.core.state.certificates("be")
        assert new != f["be"].certificate
