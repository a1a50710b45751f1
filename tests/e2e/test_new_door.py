"""The relay comes back behind another door: whose it is, the Directories say (SPEC 8.7)."""

import asyncio
from contextlib import AbstractAsyncContextManager, closing
from dataclasses import replace
from pathlib import Path

from mce_relay.core import Core
from mce_relay.keyring import Keyring
from mce_relay.server import opened
from mce_relay.values import PublishIn, Settings

from examples.scenario_s1 import ScenarioS1
from mce_exchange.client.facade import Hotline, open_home
from mce_exchange.client.identity import GENESIS
from mce_exchange.primitives import tls
from mce_exchange.primitives.vault import Cost
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.relay.federation import Federation, tell
from tests.relay.operated import keyring
from tests.relay.served import SECONDS
from tests.relay.test_renewal import entered
from tests.relay.test_succession import adopted, given

PASSPHRASE = "synthetic"
UPDATE = ScenarioS1(canary="kanarie").update()


def make_home(f: Federation, folder: Path, member: str, address: str) -> None:
    """As `mce init` and `mce join` leave it."""
    party = f[member]
    home = Home.create(folder / member, PASSPHRASE, cost=Cost.INTERACTIVE)
    with home.database.write():
        home.secrets.put_signing(party.key)
        home.secrets.put("door", party.tls_key)
        for name, value in (
            (settings.DOOR, party.certificate),
            (settings.MEMBER, member),
            (settings.NETWORK_ID, f.network_id),
            (settings.RELAY_ADDRESS, address),
            (settings.RELAY_CERTIFICATE, f.relay_certificate),
            (GENESIS, f.bundle.encode()),
        ):
            home.settings.put(name, value)
    home.close()


def node(folder: Path, member: str) -> AbstractAsyncContextManager[Hotline]:
    return open_home(folder / member, PASSPHRASE, poll_seconds=0.05, anchor_seconds=0.5, door_seconds=0.2)


class Relay:
    """One life of the relay over the same folder and port."""

    def __init__(self, f: Federation, folder: Path, ring: Keyring, listen: str) -> None:
        self.core = Core(
            data=folder / "data",
            genesis=f.bundle,
            keys=ring.keys,
            settings=Settings(anchor_interval=0.5, sweep_interval=0.2),
        )
        self._ring, self._listen = ring, listen

    async def __aenter__(self) -> str:
        await self.core.start()
        self._door = opened(
            self.core,
            listen=self._listen,
            door_key=self._ring.door_key,
            door=self._ring.door,
            drain_seconds=1.0,
        )
        return await self._door.__aenter__()

    async def __aexit__(self, *_: object) -> None:
        await self._door.__aexit__(None, None, None)
        await self.core.close()


async def exchange(sender: Hotline, recipient: Hotline) -> None:
    """One message there and its acknowledgement back."""
    async with asyncio.timeout(SECONDS):
        while sender.node.follower.state.prekey(recipient.member) is None:
            await asyncio.sleep(0.05)
        id_ = await sender.send(UPDATE, to=[recipient.member])
        async for item in recipient.inbox():
            if item.id == id_:
                await item.acknowledge()
                break
        assert (await sender.settled(id_)).deliveries[0].status == "delivered"


async def until_pinned(hotline: Hotline, certificate: bytes) -> None:
    async with asyncio.timeout(SECONDS):
        while await pinned(hotline) != certificate:
            await asyncio.sleep(0.05)


async def pinned(hotline: Hotline) -> bytes:
    home = hotline.node.home
    return await hotline.node.run_home(home.settings.get, settings.RELAY_CERTIFICATE)


async def test_a_running_node_follows_the_log_to_the_door_of_those_it_was_given_to(tmp_path: Path) -> None:
    f, ring = Federation(("be", "pt")), Keyring.generate()
    first = Relay(f, tmp_path, keyring(f), "127.0.0.1:0")
    address = await first.__aenter__()
    for member in ("be", "pt"):
        make_home(f, tmp_path, member, address)
    async with node(tmp_path, "be") as be, node(tmp_path, "pt") as pt:
        await exchange(be, pt)
        await first.__aexit__()
        adopted(f, tmp_path / "data", ring.keys, given(f, ring, address=address))
        async with Relay(f, tmp_path, ring, address):
            for hotline in (be, pt):
                await until_pinned(hotline, ring.door)
            await exchange(pt, be)
            assert be.node.follower.state.directory.version == 2


async def test_the_relays_door_is_exchanged_under_the_same_log_key(tmp_path: Path) -> None:
    f = Federation(("be", "pt"))
    old = keyring(f)
    new = old.renewed(log=False, door=True)
    first = Relay(f, tmp_path, old, "127.0.0.1:0")
    address = await first.__aenter__()
    for member in ("be", "pt"):
        make_home(f, tmp_path, member, address)
    async with node(tmp_path, "be") as be, node(tmp_path, "pt") as pt:
        await exchange(be, pt)
        card = new.card(relay_id="relay-1", address=address, doors=[old.door])
        both = entered(f, card, first.core.state.directory)
        await tell(first.core, "be", PublishIn(both.statement, both.members))
        async with asyncio.timeout(SECONDS):
            while {one.node.follower.state.directory.version for one in (be, pt)} != {2}:
                await asyncio.sleep(0.05)
        await first.__aexit__()
        # As long as the Directory names both, the relay may show either.
        for ring in (new, old, new):
            async with Relay(f, tmp_path, ring, address) as second:
                for hotline in (be, pt):
                    await until_pinned(hotline, ring.door)
                await exchange(pt, be)
                assert second == address


async def test_d2_a_relay_that_a_newer_directory_has_replaced_is_not_gone_back_to(tmp_path: Path) -> None:
    f, ring = Federation(("be", "pt")), Keyring.generate()
    async with Relay(f, tmp_path, keyring(f), "127.0.0.1:0") as address:
        make_home(f, tmp_path, "be", address)
        # It was told of version 2, which it has not met in the log yet; now somebody shows it the old relay.
        with closing(Home.open(tmp_path / "be", PASSPHRASE)) as home, home.database.write():
            home.settings.put(settings.RELAY_CERTIFICATE, ring.door)
            home.settings.put(settings.RELAY_NAMED, f"2 {address}")
        async with node(tmp_path, "be") as be:
            await asyncio.sleep(1.5)
            assert await pinned(be) == ring.door
            assert be.node.follower.size == 0


async def test_a_door_that_no_directory_names_is_never_pinned(tmp_path: Path) -> None:
    f = Federation(("be", "pt"))
    first = Relay(f, tmp_path, keyring(f), "127.0.0.1:0")
    address = await first.__aenter__()
    make_home(f, tmp_path, "be", address)
    async with node(tmp_path, "be") as be:
        async with asyncio.timeout(SECONDS):
            while be.node.follower.state.prekey("be") is None:
                await asyncio.sleep(0.05)
        await first.__aexit__()
        key, door = tls.make_certificate()
        # It has the whole log and serves true Directories; it only is not the one they name.
        async with Relay(f, tmp_path, replace(keyring(f), door_key=key, door=door), address):
            await asyncio.sleep(1.5)
            assert await pinned(be) == f.relay_certificate
            assert be.node.trouble is not None
