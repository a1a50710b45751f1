"""`mce backup`, `mce restore`, `mce passphrase` by the command line (SPEC sections 9.7, 9.8)."""

import json
from pathlib import Path

import pytest

from mce_exchange import case
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.cli.conftest import Run
from tests.node.conftest import PASSPHRASE, SCENARIO, World
from tests.node.test_exchange import accepted, followed, send


@pytest.fixture
def words(tmp_path: Path) -> list[str]:
    (tmp_path / "words").write_text("of a backup\n")
    return ["--quick", "--backup-passphrase-file", str(tmp_path / "words")]


async def test_a_home_goes_into_a_file_and_comes_out_under_another_passphrase(
    world: World, mce: Run, words: list[str], tmp_path: Path
) -> None:
    async with world.open("be") as be:
        await accepted(be, await send(be, world))
        await followed(be, world)
        # While the node runs.
        ran = mce("be", "backup", "--out", str(tmp_path / "be.backup"), "--json", *words)
        assert ran.code == 0
        size = json.loads(ran.out)["log_size"]
    home = world.home("be")
    at = home.settings.number(settings.BACKUP_AT)
    home.close()

    (tmp_path / "other").write_text("another passphrase\n")
    new = ["--home", str(tmp_path / "new"), "--passphrase-file", str(tmp_path / "other"), *words]
    ran = mce("", "restore", str(tmp_path / "be.backup"), *new, "--json")
    said = json.loads(ran.out)
    assert (ran.code, said["member"], said["log_size"], said["at"]) == (0, "be", size, at)
    restored = Home.open(tmp_path / "new", "another passphrase")
    assert restored.outbox.count("accepted") == 1
    restored.close()

    # It has not followed the log since: it takes what is urgent, and sends nothing yet (threat H9).
    (tmp_path / "case.json").write_text(case.to_json(SCENARIO.update()))
    desk = ["--to", "pt", "--message", str(tmp_path / "case.json"), "--json", *new[:4]]
    refused = mce("", "send", *desk)
    assert (refused.code, "telephone pt: +000000000" in refused.err) == (2, True)
    taken = json.loads(mce("", "send", *desk, "--urgent").out)
    assert (taken["state"], "telephone" in taken["warnings"][0]) == ("queued", True)
    assert json.loads(mce("", "status", "--json", *new[:4]).out)["behind"] is True

    again = mce("", "restore", str(tmp_path / "be.backup"), *new)
    assert (again.code, "not empty" in again.err) == (2, True)
    assert mce("be", "backup", "--out", str(tmp_path / "other"), *words).code == 2


def test_a_home_that_has_joined_nothing_yet_is_kept_too(mce: Run, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("synthetic")
    secret = ["--passphrase-file", str(tmp_path / "secret")]
    names = ["--member", "hotline.be.example", "--name", "Exercise"]
    old, new, file = (str(tmp_path / name) for name in ("old", "new", "old.backup"))
    assert mce("", "init", "--home", old, *names, "--quick", *secret).code == 0
    assert mce("", "backup", "--home", old, "--out", file, *words, *secret).code == 0
    ran = mce("", "restore", file, "--home", new, *words, *secret)
    assert (ran.code, "Restored hotline.be.example" in ran.out) == (0, True)
    cards = [mce("", "card", "--home", home, "--json", *secret).out for home in (old, new)]
    assert cards[0] == cards[1]


async def test_a_changed_passphrase_rewrites_no_body(world: World, mce: Run, tmp_path: Path) -> None:
    async with world.open("be") as be:
        await accepted(be, await send(be, world))
        before = _files(world)
        (tmp_path / "other").write_text("another passphrase\n")
        # A node that runs goes on.
        changed = mce("be", "passphrase", "--quick", "--new-passphrase-file", str(tmp_path / "other"))
        assert changed.code == 0
        await accepted(be, await send(be, world))
    # The node wrote meanwhile: the home's own database is compared where nobody did.
    assert (world.folder / "be/home.key").read_bytes() != before["home.key"]
    home = Home.open(world.folder / "be", "another passphrase")
    assert home.outbox.count("accepted") == 2
    home.close()
    before = _files(world)
    (tmp_path / "passphrase").write_text("another passphrase")
    (tmp_path / "other").write_text(PASSPHRASE)
    assert mce("be", "passphrase", "--quick", "--new-passphrase-file", str(tmp_path / "other")).code == 0
    after = _files(world)
    assert {name for name in after if after[name] != before[name]} == {"home.key"}
    wrong = mce("be", "passphrase", "--quick", "--new-passphrase-file", str(tmp_path / "other"))
    assert (wrong.code, "passphrase" in wrong.err) == (6, True)


def _files(world: World) -> dict[str, bytes]:
    folder = world.folder / "be"
    # `-shm` is memory that processes share.
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in folder.rglob("*")
        if one.is_file() and one.suffix != ".db-shm" and not one.name.endswith("-shm")
    }
