"""What the documents say is so: code runs, commands and options exist, links lead somewhere."""

import ast
import asyncio
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mce_relay.cli import app as mce_relay

import mce_exchange
import mce_exchange.cli  # registers the commands
from mce_exchange.cli.common import app as mce
from mce_exchange.store.alarms import Alarm
from tests.node.conftest import PASSPHRASE, SCENARIO, World

ROOT = Path(__file__).resolve().parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
README = (ROOT / "README.md").read_text("utf-8")
APPS = {"mce": mce, "mce-relay": mce_relay}


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^ *```{language}\n(.*?)^ *```", text, re.DOTALL | re.MULTILINE)


def commands() -> Iterator[str]:
    for document in DOCUMENTS:
        for block in blocks(document.read_text("utf-8"), "sh"):
            yield from (line.strip() for line in block.splitlines() if line.strip().startswith("mce"))


@pytest.mark.parametrize("line", sorted(set(commands())))
def test_every_command_in_the_documents_parses(line: str) -> None:
    program, *arguments = shlex.split(line, comments=True)
    command, bound, _ = APPS[program].parse_args(arguments, exit_on_error=False, print_error=False)
    assert callable(command)
    assert bound.arguments


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    targets = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", document.read_text("utf-8"))
    missing = [one for one in targets if "://" not in one and not (document.parent / one).exists()]
    assert not missing


def test_every_alarm_is_explained_to_the_administrator() -> None:
    explained = re.findall(r"^\| `([a-z-]+)` \|", (ROOT / "docs/hotline.md").read_text("utf-8"), re.MULTILINE)
    assert sorted(explained) == sorted(Alarm)


def test_seal_and_open_as_the_readme_shows() -> None:
    code = blocks(README, "python")[1]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    # "Ten lines" is a promise: blank lines aside, and one call broken for its length.
    assert len([line for line in ast.unparse(ast.parse(code)).splitlines() if line]) <= 10


async def test_send_and_receive_as_the_readme_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    code = blocks(README, "python")[0]
    assert len([line for line in code.splitlines() if line and not line.startswith("from")]) <= 10
    world = World(tmp_path)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photo.png").write_bytes(b"a synthetic photograph")
    # The two blocks run at different hotlines: here at the same time, the second at both recipients.
    send, receive = re.split(r"\n\n(?=async with open_home\(\"pt\")", code)
    names: dict[str, Any] = {
        "passphrase": PASSPHRASE,
        "report": SCENARIO.update(),
        "open_home": lambda home, _: world.open(home),
    }
    here = receive.replace('"pt"', "member")
    both = f"{_function('send()', send)}\n{_function('receive(member)', here)}\n"
    exec(compile(both, "README.md", "exec"), names)
    receiving = [asyncio.create_task(names["receive"](member)) for member in ("pt", "es")]
    async with asyncio.timeout(30):
        await names["send"]()
    for one in receiving:
        one.cancel()
    assert capsys.readouterr().out.count("status='delivered'") == 2


def _function(name: str, code: str) -> str:
    body = "\n".join(f"    {line}" for line in code.splitlines() if not line.startswith("from"))
    return f"async def {name}:\n{body}"


def test_the_public_names_are_these_and_load_when_used() -> None:
    assert dir(mce_exchange) == sorted(mce_exchange.__all__)
    assert mce_exchange.__all__ == [
        "Alarm",
        "Approval",
        "CaseMessage",
        "File",
        "Hotline",
        "Item",
        "MceError",
        "Question",
        "Refusal",
        "open_home",
        "read_second",
        "verify_evidence",
    ]
    script = (
        "import sys, mce_exchange\n"
        "print([n for n in sys.modules if n.startswith(('mce_exchange.', 'grpc', 'nacl'))])\n"
        "print([getattr(mce_exchange, n).__module__ for n in mce_exchange.__all__] != [])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert done.stdout.split() == ["[]", "True"]
