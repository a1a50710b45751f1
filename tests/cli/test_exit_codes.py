"""Whose fault it was is the exit code, and the text says what to do now; never a traceback."""

import json
import socket
from pathlib import Path

import pytest

from mce_exchange import case, fingerprint
from mce_exchange.audit.records import Record
from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from tests.cli.conftest import Ran, Run
from tests.node.conftest import SCENARIO, World
from tests.node.test_exchange import accepted, first, followed, send

ZEROS = "0" * 64


def told(ran: Ran, code: int, fault: str, *, words: str = "") -> None:
    assert ran.code == code, ran
    assert f"whose fault: {fault}" in ran.err
    assert "what to do: " in ran.err
    assert words in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


async def exchanged(world: World) -> str:
    """A message of be that pt has, under an anchor at be."""
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await first(pt)
        await accepted(be, id_)
        await followed(be, world)
        while be.node.home.logbook.anchored < world.federation.tree.size:
            await be.node._anchors()
    return id_


async def test_2_usage(world: World, mce: Run, tmp_path: Path) -> None:
    await exchanged(world)
    (tmp_path / "case.json").write_text(case.to_json(SCENARIO.update()))
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "other").write_bytes(b"x")
    (tmp_path / "text").write_bytes(b"\xff")
    good = ["--message", str(tmp_path / "case.json")]
    for arguments in (
        ["nope"],
        ["send", "--nope"],
        ["send", "--to", "pt"],
        ["send", "--to", "pt", *good, "--deadline", "soon"],
        ["refuse", "00", "--reason", "because"],
        ["run", "--patience", "much"],
    ):
        ran = mce("be", *arguments)
        assert (ran.code, ran.out) == (2, "")
        assert "Error" in ran.err
    for arguments in (
        ["send", "--to", "pt", "--message", str(tmp_path / "none")],
        ["send", "--to", "pt", "--message", str(tmp_path)],
        ["send", "--to", "pt", "--message", str(tmp_path / "text")],
        ["send", "--to", "pt", "--message", "/dev/zero"],
        ["send", "--to", "fr", *good],
        ["send", "--to", "be", *good],
        ["send", "--to", "pt", *good, "--attach", str(tmp_path / "none")],
        ["send", "--to", "pt", *good, "--supersedes", "1f"],
        ["read", "ffff"],
        ["read", ""],
        ["read", "%"],
        ["ack", ZEROS],
        ["refuse", "x"],
        ["status", "--message", "zz"],
        ["run", "--anchor-seconds", "0"],
        ["run", "--anchor-seconds", "nan"],
        ["run", "--patience=-1"],
        ["run", "--on-arrival", "no-such-command-anywhere"],
        ["run", "--on-arrival", "a 'quote"],
        ["evidence", "export", "ffff", "--out", str(tmp_path / "out")],
        ["join", "--directory", str(tmp_path / "none"), "--fingerprint", ZEROS],
        ["join", "--directory", str(tmp_path / "other"), "--fingerprint", "abandon " * 12],
        ["directory", "publish", str(tmp_path / "none")],
    ):
        told(mce("be", *arguments), 2, "usage")
    for arguments in (
        ["evidence", "verify", str(tmp_path / "none"), "--fingerprint", ZEROS],
        ["evidence", "verify", str(tmp_path / "other"), "--fingerprint", "zz"],
        ["inbox", "--home", str(tmp_path / "none"), "--passphrase-file", str(tmp_path / "passphrase")],
        ["inbox", "--home", str(world.folder / "be")],
        ["inbox", "--home", str(world.folder / "be"), "--passphrase-fd", "-1"],
        ["init", "--home", str(tmp_path / "new"), "--member", "BE", "--name", "x", "--passphrase-fd", "9"],
    ):
        told(mce("", *arguments), 2, "usage")
    other, out = str(tmp_path / "other"), ["--out", str(tmp_path / "out")]
    card = ["board", "recover", "--new-card", other, "--signer", other, "--home", "none", *out]
    told(mce("", *card), 2, "usage", words=f"{other} is no member's card")
    told(
        mce("be", "directory", "add", "--member-card", other, *out),
        2,
        "usage",
        words=f"{other} is no member's card",
    )


async def test_3_peer_and_4_relay(world: World, mce: Run, tmp_path: Path) -> None:
    id_ = await exchanged(world)
    file = tmp_path / "case.evidence"
    assert mce("be", "evidence", "export", id_[:8], "--out", str(file)).code == 0
    pinned = ["--fingerprint", fingerprint.words(world.federation.network_id)]
    shown = mce("", "evidence", "verify", str(file), *pinned, "--json")
    assert json.loads(shown.out)["messages"][0]["header_id"] == id_
    (tmp_path / "junk").write_bytes(b"\xff" * 100)
    (tmp_path / "bad.json").write_text('{"header": ')
    (tmp_path / "bad.card").write_bytes(b"\x00")
    told(mce("", "evidence", "verify", str(tmp_path / "junk"), *pinned), 3, "peer")
    before = file.read_bytes()
    same = mce("", "evidence", "verify", str(file), *pinned, "--out", str(file))
    told(same, 2, "usage", words="is the evidence itself")
    assert file.read_bytes() == before
    told(mce("", "evidence", "show", str(tmp_path / "junk")), 3, "peer")
    (tmp_path / "many").write_bytes(b"\x92\xa5chunk\xc4\x00" * 100_001)
    told(mce("", "evidence", "show", str(tmp_path / "many")), 3, "peer", words="more than 100000")
    told(mce("be", "send", "--to", "pt", "--message", str(tmp_path / "bad.json")), 3, "peer")
    told(mce("", "directory", "show", str(tmp_path / "bad.card")), 3, "peer")
    # One hash of a proof changed: the log's fault, or somebody's who would lay it upon the log.
    data = bytearray(file.read_bytes())
    at = data.rindex(Record("end", b"").encode()[:5]) - 3
    data[at] ^= 1
    file.write_bytes(data)
    told(mce("", "evidence", "verify", str(file), *pinned), 4, "relay")


def test_5_transport(world: World, mce: Run) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        home = world.home("be")
        with home.database.write():
            key, door = tls.make_certificate()
            home.secrets.put("door", key)
            home.settings.put(settings.DOOR, door)
            home.settings.put(settings.RELAY_ADDRESS, f"127.0.0.1:{nobody.getsockname()[1]}")
            home.settings.put(settings.RELAY_CERTIFICATE, world.federation.relay_door)
        home.close()
        ran = mce("be", "run", "--once", "--patience", "1", "--json")
        assert json.loads(ran.out.splitlines()[0]) == {"ready": "be"}
        told(Ran(ran.code, "", ran.err), 5, "transport", words="no answer from the relay")
        connect = mce("be", "status", "--connect", "--json")
        assert connect.code == 1
        assert "nothing listens" in json.loads(connect.out)["relay"]


def test_6_own_store(world: World, mce: Run, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("wrong")
    home = ["--home", str(world.folder / "be")]
    told(mce("", "inbox", *home, "--passphrase-file", str(tmp_path / "wrong")), 6, "store")
    opened = world.home("be")
    with opened.database.write():
        opened.settings.put(settings.CARD, b"a card")
    told(mce("be", "card", "--out", "/dev/null/x"), 6, "store")
    with opened.lock():
        told(mce("be", "run", "--once"), 6, "store", words="a node runs on this home already")
    opened.close()
    (world.folder / "be/home.db").write_bytes(b"damage" * 1000)
    for command in (["inbox"], ["status"], ["read", "00"], ["run"], ["card"]):
        told(mce("be", *command), 6, "store")


def test_7_federation(world: World, mce: Run, tmp_path: Path) -> None:
    (tmp_path / "genesis").write_bytes(world.federation.genesis.encode())
    home = world.home("be")
    with home.database.write():
        home.database.run("DELETE FROM setting WHERE name = 'network_id'")
    home.close()
    told(mce("be", "join", "--directory", str(tmp_path / "genesis"), "--fingerprint", ZEROS), 7, "federation")
    told(mce("be", "status"), 2, "usage", words="no network id yet")


def test_8_a_defect_is_told_without_its_words(
    world: World, mce: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("a child's name")

    monkeypatch.setattr(Home, "open", broken)
    ran = mce("be", "inbox")
    told(ran, 8, "this software", words="an unexpected ValueError in tests.cli.test_exit_codes, line")
    assert "child" not in ran.err


def test_1_found_wanting(world: World, mce: Run) -> None:
    assert mce("be", "status").code == 0
    home = world.home("be")
    with home.database.write():
        home.alarms.put(Alarm.GAP, about="pt 1", text="number 1 of pt has not come", at=1)
    home.close()
    ran = mce("be", "status")
    assert ran.code == 1
    assert "ALARM gap: number 1 of pt has not come (pt 1)" in ran.out
    assert mce("be", "status", "--seen").code == 0
    ran = mce("be", "status", "--json")
    assert (ran.code, json.loads(ran.out)["alarms"]) == (0, [])
