"""A relay that goes on signing after its log was given away: refused by who knows, an alarm for the rest."""

import asyncio
import shutil
from contextlib import closing
from pathlib import Path

from mce_relay.keyring import Keyring

from mce_exchange.client.facade import Hotline
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from tests.e2e.test_new_door import PASSPHRASE, Relay, exchange, make_home, node
from tests.relay.federation import Federation
from tests.relay.operated import keyring
from tests.relay.served import SECONDS
from tests.relay.test_succession import adopted, given


def pointed(folder: Path, member: str, address: str, door: bytes) -> None:
    """As `mce join` would leave it, told of another relay."""
    with closing(Home.open(folder / member, PASSPHRASE)) as home, home.database.write():
        home.settings.put(settings.RELAY_ADDRESS, address)
        home.settings.put(settings.RELAY_CERTIFICATE, door)
        home.settings.put(settings.RELAY_NAMED, f"9 {address}")


async def until_alarmed(hotline: Hotline) -> None:
    home = hotline.node.home
    async with asyncio.timeout(SECONDS):
        while Alarm.INVALID_ENTRY not in {one.kind for one in await hotline.node.run_home(home.alarms.all)}:
            await asyncio.sleep(0.05)


async def test_who_goes_on_after_the_log_was_given_away_is_noticed(tmp_path: Path) -> None:
    f, ring, copied = Federation(("be", "pt", "es")), Keyring.generate(), tmp_path / "copied"
    async with Relay(f, tmp_path, keyring(f), "127.0.0.1:0") as stolen:
        for member in ("be", "pt", "es"):
            make_home(f, tmp_path, member, stolen)
        async with node(tmp_path, "be") as be, node(tmp_path, "pt") as pt:
            await exchange(be, pt)
            await pt.idle()
            await be.idle()
            shutil.copytree(tmp_path / "data", copied / "data")
            # A thief of the machine does not end it, and members who know nothing yet follow.
            await exchange(pt, be)
            # All of it is followed, the last answer too, before the length is taken.
            await pt.idle()
            await be.idle()
            size = be.node.follower.size
        adopted(f, copied / "data", ring.keys, given(f, ring))
        async with Relay(f, copied, ring, "127.0.0.1:0") as address:
            for member in ("be", "es"):
                pointed(tmp_path, member, address, ring.door)
            # Who followed the thief finds that its own log is not the one of the new relay.
            async with node(tmp_path, "be") as be, node(tmp_path, "es") as es:
                await until_alarmed(be)
                assert be.node.follower.size == size
                async with asyncio.timeout(SECONDS):
                    while es.node.follower.state.directory.version != 2:
                        await asyncio.sleep(0.05)
        # Who knows the Directory takes nothing from the old one, whatever it has signed.
        pointed(tmp_path, "es", stolen, f.relay_certificate)
        async with node(tmp_path, "es") as es:
            before = es.node.follower.size
            await until_alarmed(es)
            assert es.node.follower.size == before
