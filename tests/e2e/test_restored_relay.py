"""A relay comes back from a backup, without its operator's anchor file: what a member holds stops it."""

import asyncio
import shutil
from pathlib import Path

from tests.e2e.test_new_door import Relay, exchange, make_home, node
from tests.relay.federation import Federation
from tests.relay.operated import keyring
from tests.relay.served import SECONDS


async def test_l3_members_show_their_newest_anchor_to_whatever_they_connect_to(tmp_path: Path) -> None:
    f, old = Federation(("be", "pt")), tmp_path / "old"
    first = Relay(f, tmp_path, keyring(f), "127.0.0.1:0")
    address = await first.__aenter__()
    for member in ("be", "pt"):
        make_home(f, tmp_path, member, address)
    async with node(tmp_path, "be") as be, node(tmp_path, "pt") as pt:
        await exchange(be, pt)
        shutil.copytree(tmp_path / "data", old / "data")
        size = first.core.state.size
        await exchange(pt, be)
        async with asyncio.timeout(SECONDS):
            while await be.node.run_home(lambda: be.node.home.logbook.anchored) <= size:
                await asyncio.sleep(0.05)
        await first.__aexit__()
        second = Relay(f, old, keyring(f), address)
        async with second:
            assert "was given out" in str(await asyncio.wait_for(second.core.failed(), SECONDS))
