"""What lies on the disk, and what lies there no more (SPEC section 9.7)."""

import shutil
from pathlib import Path

import pytest

from mce_exchange.client import erasure
from mce_exchange.errors import StoreError
from mce_exchange.primitives import vault
from mce_exchange.store.alarms import Alarm
from tests.node.conftest import World
from tests.node.test_backup import backup, decrypted, restore
from tests.node.test_erasure import answered, until_erasures
from tests.node.test_hostile import alarm
from tests.node.test_prekeys import files_with


async def test_the_key_of_an_erased_body_is_in_no_file_of_the_home(world: World, tmp_path: Path) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await answered(world, be, pt, tmp_path)
        header_id, home, folder = bytes.fromhex(id_), pt.node.home, world.folder / "pt"
        [(box, body)] = home.database.rows(
            "SELECT body_key, body FROM message WHERE header_id = ?", header_id
        )
        key = vault.unshut(home.secrets.master, box, label=b"body-key" + header_id)
        assert files_with(folder, box)
        file = backup(home, tmp_path / "pt.backup")
        await pt.node.run_home(erasure.erase_now, home, id_, int(world.clock.now))
        await until_erasures(pt, world, 1)
        for needle in (box, key, body):
            assert files_with(folder, needle) == []
        with pytest.raises(StoreError, match="erased"):
            home.inbox.body(header_id)
    for needle in (box, key, body):
        assert files_with(folder, needle) == []
    # A backup of before is another matter: it has to be destroyed, and whoever restores it is told.
    assert box in decrypted(file)["home.db"]
    shutil.rmtree(world.folder / "pt")
    restore(file, world.folder / "pt").close()
    async with world.open("pt") as pt:
        assert pt.node.home.inbox.body(header_id).content
        assert "`mce erase` it again" in await alarm(pt, Alarm.NOT_ERASED)
        await pt.node.run_home(erasure.erase_now, pt.node.home, id_, int(world.clock.now))
        await pt.idle()
        assert not pt.node.home.erasing.holds(header_id)
