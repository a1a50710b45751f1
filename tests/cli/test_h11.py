"""H11: nothing that anybody wrote acts on a terminal, in text or JSON; and programs get every character."""

import io
import json
import unicodedata
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from mce_exchange import case
from mce_exchange.case import CaseMessage
from mce_exchange.client.attaching import File
from mce_exchange.store.alarms import Alarm
from mce_exchange.text import inert_json, neutralise, one_line, safe_name
from tests.cli.conftest import Run
from tests.federation import Federation
from tests.node import conftest
from tests.node.conftest import SCENARIO, World
from tests.node.test_exchange import accepted, first, followed, send

NAUGHTY = (
    "\x1b[31mred\x1b]0;title\x07",
    "\x9b2J",
    "\x00\x08\x7f",
    "\r\nwhose fault: nobody",
    "\u202etxet denrut\u202c",
    "\u2066isolate\u2069\u200b\u200d\ufeff",
    "a\u2028b\u2029c",
    "\U000e0041\U000e0042tags",
    "\u3164\u115f\ufe0f\u2800hidden",
    "\ue000private",
    "[bold red]markup[/] \\[x]",
)
TEXT = " ".join(NAUGHTY)
BAD = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def inert(text: str) -> bool:
    return not [
        c for c in text if c != "\n" and (unicodedata.category(c) in BAD or c in "\u3164\u115f\ufe0f\u2800")
    ]


def naughty(value: Any) -> Any:
    """The same with naughty text in every free text of it."""
    if isinstance(value, tuple):
        return tuple(map(naughty, value))
    if not is_dataclass(value) or isinstance(value, type):
        return value
    changed = {field.name: naughty(getattr(value, field.name)) for field in fields(value)}
    if "text" in changed:
        changed["text"] = unicodedata.normalize("NFC", TEXT)
    return replace(value, **changed)


class Malicious(Federation):
    """A federation whose founders gave their network a name."""

    def draft(self) -> Any:
        return replace(super().draft(), name="Net\x1b[2J\u202e\nsigned by its threshold of roots")


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None) -> World:
    monkeypatch.setattr(conftest, "Federation", Malicious)
    return World(tmp_path)


async def delivered(world: World, message: CaseMessage, name: str) -> str:
    file = File(name=name, media_type="text/\x1b[0m", source=io.BytesIO(b"data"))
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await accepted(be, id_)
        id_ = await be.send(message, to=["pt"], attachments=[file])
        await first(pt)
        while id_ not in [header_id.hex() for _, header_id in pt.node.home.inbox.ids("ready")]:
            await followed(pt, world)
            await pt.idle()
        await be.node._anchors()
        home = pt.node.home
        await pt.node.run_home(
            lambda: home.alarms.put(Alarm.GAP, about=TEXT, text=f"the relay said {TEXT}", at=1)
        )
    return id_


async def test_every_command_shows_and_none_obeys(world: World, mce: Run, tmp_path: Path) -> None:
    message = naughty(SCENARIO.report(b"x"))
    case.check(message)
    id_ = await delivered(world, message, "../" + TEXT + ".png")
    evidence, genesis = tmp_path / "case.evidence", tmp_path / "genesis"
    genesis.write_bytes(world.federation.genesis.encode())
    pinned = ["--fingerprint", world.federation.network_id.hex()]
    runs = [
        mce("pt", "inbox", "--all"),
        mce("pt", "read", id_),
        mce("pt", "read", id_, "--save", str(tmp_path / "saved")),
        mce("pt", "status"),
        mce("be", "status", "--message", id_),
        mce("be", "evidence", "export", id_, "--out", str(evidence)),
        mce("", "evidence", "verify", str(evidence), *pinned),
        mce("", "evidence", "show", str(evidence)),
        mce("", "directory", "show", str(genesis)),
        mce("pt", "read", "\x1b[31m"),
        mce("pt", "read", id_, "--save", str(tmp_path / "file\x1b[31m\u202e" / "\udcff")),
        mce("", "evidence", "show", str(tmp_path / "none\x1b]0;x\x07")),
        mce("be", "send", "--to", "\x1b[2J", "--message", str(genesis)),
    ]
    for ran in runs:
        assert ran.out or ran.err
        assert inert(ran.out + ran.err), ascii(ran.out + ran.err)
    # Nothing became a line of its own that reads like ours.
    whole = "\n".join(ran.out + ran.err for ran in runs).splitlines()
    assert not [line for line in whole if line.startswith("whose fault: nobody")]
    assert [line for line in whole if line == "signed by its threshold of roots"] == [
        "signed by its threshold of roots"
    ]
    assert "\\u{202e}txet denrut" in runs[1].out
    # The file has a name that is one, and lies where it was to lie.
    [saved] = (tmp_path / "saved").iterdir()
    assert saved.read_bytes() == b"data"
    assert inert(saved.name)
    assert "/" not in saved.name


async def test_json_is_inert_too_and_loses_nothing(world: World, mce: Run) -> None:
    message = naughty(SCENARIO.report(b"x"))
    id_ = await delivered(world, message, TEXT)
    ran = mce("pt", "read", id_, "--json")
    assert inert(ran.out), ascii(ran.out)
    said = json.loads(ran.out)
    assert said["message"] == json.loads(case.to_json(message))
    assert case.from_json(json.dumps(said["message"])) == message
    assert said["attachments"][0]["name"] == TEXT
    assert (said["id"], said["sender"]) == (id_, "be")
    status = mce("pt", "status", "--json")
    assert inert(status.out)
    assert any(TEXT in one["text"] for one in json.loads(status.out)["alarms"])


def test_what_is_neutralised_and_what_is_not() -> None:
    for one in NAUGHTY[:-1]:
        assert inert(neutralise(one))
        assert "\n" not in one_line(one)
        assert json.loads(inert_json(json.dumps(one, ensure_ascii=False))) == one
    plain = "Zoë Ångström-O'Neill, 4 años; Ελένη; Łódź; Владимир; שלום; محمد; 张伟; 👧🏽"
    assert neutralise(plain) == plain
    assert inert_json(json.dumps(plain, ensure_ascii=False)) == json.dumps(plain, ensure_ascii=False)


@pytest.mark.parametrize(
    "name",
    [
        *NAUGHTY,
        "",
        ".",
        "..",
        "../../etc/passwd",
        "C:\\x\\y.png",
        "con",
        "NUL.txt",
        "a" * 4096,
        "é" * 300,
        "/",
    ],
)
def test_h6_an_attachments_name_becomes_a_plain_file_of_its_folder(name: str, tmp_path: Path) -> None:
    safe = safe_name(name, number=1)
    assert inert(safe)
    assert safe == Path(safe).name
    assert safe not in (".", "..", "")
    assert not safe.startswith(".")
    (tmp_path / safe).write_bytes(b"")
