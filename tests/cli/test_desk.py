"""What a desk does with the commands: from keys to a message answered, and what a mistake leaves behind."""

import asyncio
import gc
import json
import os
import pty
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partialmethod
from pathlib import Path

import pytest

from mce_exchange import case
from mce_exchange.cli import running
from mce_exchange.cli.arrival import Arrival
from mce_exchange.cli.common import Common
from mce_exchange.client.address import read_address, read_proxy
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.store import settings
from tests.cli.conftest import Run
from tests.node.conftest import PASSPHRASE, SCENARIO, World
from tests.node.test_exchange import SOON, accepted, followed


async def test_a_message_goes_out_and_is_answered_by_commands_alone(
    world: World, mce: Run, tmp_path: Path
) -> None:
    message, photo = tmp_path / "case.json", tmp_path / "photo.png"
    message.write_text(case.to_json(SCENARIO.update()))
    photo.write_bytes(b"\x89PNG synthetic")
    async with world.open("be") as be:
        await followed(be, world)
    options = ["--to", "pt", "--to", "es", "--message", str(message), "--attach", str(photo), "--urgent"]
    sent = mce("be", "send", *options, "--json")
    assert sent.code == 0, sent.err
    id_ = json.loads(sent.out)["id"]
    assert json.loads(sent.out) == {
        "id": id_,
        "to": ["pt", "es"],
        "state": "queued",
        "node": False,
        "warnings": [],
    }
    async with world.open("be") as be:
        # A command hands over while the node runs: the node sends it.
        assert json.loads(mce("be", "send", *options, "--json").out)["node"] is True
        async with world.open("pt"):
            async with asyncio.timeout(SOON):
                while len(waiting := json.loads(mce("pt", "inbox", "--json").out)["messages"]) < 2:
                    await asyncio.sleep(0.05)
            mine = next(one for one in waiting if one["id"] == id_)
            assert (mine["urgent"], mine["kind"], mine["state"]) == (True, "CASE_UPDATE", "ready")
            folder = tmp_path / "saved"
            read = json.loads(mce("pt", "read", id_[:6], "--save", str(folder), "--json").out)
            assert read["message"] == json.loads(message.read_text())
            assert Path(read["attachments"][0]["saved"]).read_bytes() == photo.read_bytes()
            again = mce("pt", "read", id_[:6], "--save", str(folder))
            assert (again.code, "exists already" in again.err) == (2, True)
            # The same message twice, by two of its beginnings, is one acknowledgement.
            assert json.loads(mce("pt", "ack", id_[:6], id_, "--json").out) == {"acknowledged": [id_]}
            assert mce("pt", "ack", id_).code == 2
            other = next(one["id"] for one in waiting if one["id"] != id_)
            assert mce("pt", "refuse", other, "--reason", "policy").code == 0
            assert "Nothing waits" in mce("pt", "inbox").out
            async with asyncio.timeout(SOON):
                while "waiting" in [(await be.sent(i)).deliveries[0].status for i in (id_, other)]:
                    await asyncio.sleep(0.02)
            assert (await be.sent(other)).deliveries[0].status == "refused:policy"
        said = json.loads(mce("be", "status", "--message", id_[:10], "--json").out)
        assert said["message"]["deliveries"][0] == {"member": "pt", "status": "delivered"}
        assert said["node_runs"] is True
        await accepted(be, id_)


def test_a_card_that_cannot_be_entered_leaves_no_home(tmp_path: Path, mce: Run) -> None:
    home = tmp_path / "new"
    secret = ["--passphrase-file", str(tmp_path / "passphrase"), "--home", str(home)]
    for wrong in (
        ["--member", "-be", "--name", "x"],
        ["--member", "be", "--name", ""],
        ["--member", "be", "--name", "n" * 200],
        ["--member", "be", "--name", "x", "--country", "Belgium"],
        ["--member", "be", "--name", "x", "--phone", "1" * 40],
        ["--member", "be", "--name", "\udcff"],
    ):
        ran = mce("", "init", *wrong, *secret)
        assert (ran.code, home.exists()) == (2, False), ran
    assert (
        mce("", "init", "--member", "be", "--name", "Synthetic", "--country", "BE", "--quick", *secret).code
        == 0
    )
    card = mce("", "card", "--out", str(tmp_path / "be.card"), *secret)
    assert card.code == 0
    assert len(card.out.split("in words: ")[1].split("\n")[0].split()) == 24
    assert "█" in card.out or "▄" in card.out
    assert (tmp_path / "be.card").read_bytes()
    ran = mce("", "init", "--member", "be", "--name", "Synthetic", "--quick", *secret)
    assert (ran.code, "not empty" in ran.err) == (2, True)


def test_join_takes_a_proxy_and_an_address_that_can_be_used(
    world: World, mce: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "genesis").write_bytes(world.federation.genesis.encode())
    pinned = ["--directory", str(tmp_path / "genesis"), "--fingerprint", world.federation.network_id.hex()]
    for wrong in (
        ["--proxy", "proxy:3128"],
        ["--proxy", "https://proxy:3128"],
        ["--proxy", "http://proxy"],
        ["--relay-address", "relay"],
        ["--relay-address", "relay:0x1"],
        ["--relay-address", "relay:99999"],
    ):
        assert mce("be", "join", *pinned, *wrong).code == 2
    address = ["--relay-address", "[::1]:7116"]
    said = mce("be", "join", *pinned, *address, "--proxy", "http://proxy.example:3128", "--json")
    assert json.loads(said.out)["address"] == "[::1]:7116"
    home = world.home("be")
    assert home.settings.find(settings.PROXY) == b"http://proxy.example:3128"
    assert mce("be", "join", *pinned, "--proxy", "none").code == 0
    assert home.settings.find(settings.PROXY) == b""
    # A password has no place among a process's arguments.
    monkeypatch.setenv("MCE_PROXY", "http://user:word@proxy.example:3128")
    assert mce("be", "join", *pinned).code == 0
    assert home.settings.find(settings.PROXY) == b"http://user:word@proxy.example:3128"
    home.close()


def test_addresses_and_proxies() -> None:
    assert read_address("127.0.0.1:7116") == ("127.0.0.1", 7116)
    assert read_address("[::1]:1") == ("::1", 1)
    assert read_proxy("http://user:pass@10.0.0.1:3128/") == "http://user:pass@10.0.0.1:3128/"
    for wrong in ("", "x", "x:y", "http://x:1", "x:1/path", "u@x:1", ":1", "x:0"):
        with pytest.raises(UsageError):
            read_address(wrong)


SPY = """
import json, os, sys
found = [sys.argv[2:], dict(os.environ), sys.stdin.read()]
with open(sys.argv[1], "a") as file:
    file.write(json.dumps(found) + "\\n")
"""


async def test_the_arrival_command_is_told_nothing_and_can_fail(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "spied"
    (tmp_path / "spy.py").write_text(SPY)
    arrival = Arrival(f"'{sys.executable}' '{tmp_path / 'spy.py'}' '{out}' 'a word'")
    running = asyncio.create_task(arrival.run())
    for _ in range(3):
        arrival.wake()
    async with asyncio.timeout(20):
        while not out.exists() or not out.read_text().endswith("\n"):
            await asyncio.sleep(0.02)
    await asyncio.sleep(0.2)
    running.cancel()
    # All that came at once is one waking; it got its own words, our environment, and nothing else.
    [line] = out.read_text().splitlines()
    arguments, environment, given = json.loads(line)
    assert (arguments, given) == (["a word"], "")
    assert {name: value for name, value in environment.items() if name in os.environ} == dict(os.environ)
    assert set(environment) - set(os.environ) <= {"LC_CTYPE", "COLUMNS", "LINES"}
    for command, words in ((f"'{tmp_path}'", "there is no command"), ("'", "a quote that does not end")):
        with pytest.raises(UsageError, match=words):
            Arrival(command)
    failing = Arrival("false")
    running = asyncio.create_task(failing.run())
    failing.wake()
    said = ""
    async with asyncio.timeout(20):
        while "ended with 1" not in said:
            await asyncio.sleep(0.02)
            said += capsys.readouterr().err
    assert not running.done()
    running.cancel()


def test_a_passphrase_comes_from_a_descriptor_or_a_credential(
    world: World, mce: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = ["--home", str(world.folder / "be")]
    reading, writing = os.pipe()
    os.write(writing, PASSPHRASE.encode() + b"\n")
    os.close(writing)
    assert mce("", "inbox", *home, "--passphrase-fd", str(reading)).code == 0
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert mce("", "inbox", *home, "--passphrase-credential", "passphrase").code == 0
    assert mce("", "inbox", *home, "--passphrase-credential", "../passphrase").code == 2
    monkeypatch.delenv("CREDENTIALS_DIRECTORY")
    assert mce("", "inbox", *home, "--passphrase-credential", "passphrase").code == 2


def test_a_passphrase_is_asked_for_at_the_terminal_and_not_shown(world: World) -> None:
    home = world.folder / "be"
    command = [sys.executable, "-m", "mce_exchange.cli", "inbox", "--home", str(home)]
    child, terminal = pty.fork()
    if child == 0:
        os.execv(command[0], command)
    shown = b""
    while b"Passphrase of the home" not in shown:
        shown += os.read(terminal, 1000)
    os.write(terminal, PASSPHRASE.encode() + b"\n")
    try:
        while data := os.read(terminal, 1000):
            shown += data
    except OSError:
        pass
    _, status = os.waitpid(child, 0)
    # The home of this test has a cheaper derivation: the command takes it for a wrong passphrase.
    assert os.waitstatus_to_exitcode(status) == 6
    assert b"wrong passphrase" in shown
    assert PASSPHRASE.encode() not in shown


async def test_a_node_that_fails_is_told_once_and_leaves_no_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing:
        member = "be"

        async def alarms(self, *, unseen: bool) -> AsyncIterator[None]:
            if unseen:
                raise StoreError("the disk is full")
            yield

        inbox = partialmethod(alarms, unseen=True)

    @asynccontextmanager
    async def failing(*_: object, **__: object) -> AsyncIterator[Failing]:
        yield Failing()

    monkeypatch.setattr(running, "open_node", failing)
    with pytest.raises(StoreError, match="the disk is full"):
        await running._run(Common(home=tmp_path), "", Arrival(""), 1.0, None)
    gc.collect()
    assert not caplog.records
