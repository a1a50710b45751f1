"""Every command in the two documents of procedures, run in order by a federation of real processes."""

import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import apsw
import pytest

from examples.federation import _free_port
from examples.scenario_s1 import ScenarioS1
from mce_exchange import case
from mce_exchange.cli.common import app
from mce_exchange.cli.directory.common import read_public
from mce_exchange.store.home import Home

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
ADMINISTRATOR, FEDERATION = ROOT / "docs/administrator.md", ROOT / "docs/federation.md"
SECRET = "a synthetic passphrase"
WITHOUT_SECRET = {(group, one) for group in ("board", "directory") for one in ("genesis", "show", "sheet")}
MEMBERS = {"be": "hotline.be.example", "fr": "hotline.fr.example", "office": "office.example", "pt": "pt"}
MAKE_KEYS = ("init", "backup", "restore", "passphrase")
MAY_FIND = ("status", "key", "questions", "doctor", "approvals")


def sections(document: Path) -> dict[str, list[str]]:
    """Commands by heading."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", document.read_text("utf-8"), flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"^```sh\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
        if lines := [line for block in blocks for line in block.splitlines() if line]:
            found[part.splitlines()[0]] = lines
    return found


class Script:
    """Runs sections; `given` is what placeholders stand for in the next one."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        (folder / "secret").write_text(SECRET + "\n")
        for name in ("backup.secret", "new.secret"):
            (folder / name).write_text(f"{SECRET} of {name}\n")
        self.secrets: dict[str, str] = {}
        self.words, self.versions = "", [folder / "genesis.directory"]
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.documents = {document: sections(document) for document in (ADMINISTRATOR, FEDERATION)}
        self.done: set[tuple[Path, str]] = set()

    def section(self, document: Path, heading: str, **given: str) -> None:
        self.done.add((document, heading))
        for line in self.documents[document][heading]:
            arguments = [given.get(f"_{one}", one) for one in shlex.split(line)]
            self.command([self.words if one.startswith("24 words") else one for one in arguments])
        self.followed()

    def followed(self) -> None:
        """Everybody knows the newest Directory."""
        for home in self.running:
            if not home.startswith("relay"):
                self.until(home, lambda now: now["directory_version"] >= len(self.versions), "status")

    def command(self, arguments: list[str]) -> None:
        if arguments[0] == "mce-relay":
            self.relay(arguments)
        elif arguments[0] == "cp":
            self.copy(*arguments[-2:])
        elif arguments[1] == "run":
            self.run(arguments[3], *arguments[4:])
        else:
            self.mce(*arguments[1:])

    def mce(self, *arguments: str) -> dict[str, Any]:
        """A command in this process; its JSON answer."""
        more = ["--json"]
        if arguments[:2] not in WITHOUT_SECRET:
            more += ["--passphrase-file", self.secret(arguments)]
        if arguments[0] in ("approve", "cosign"):
            more += ["--yes", *(["--key-passphrase-file", "secret"] if arguments[0] == "approve" else [])]
        if arguments[0] in ("init", "backup", "restore", "passphrase", "second") or arguments[:2] in {
            ("directory", "root"),
            ("board", "key"),
        }:
            more.append("--quick")
        if arguments[0] == "join":
            earlier = [part for one in self.versions[1:] for part in ("--directory", str(one))]
            arguments += tuple(earlier)
        if "--after" in arguments:
            at = arguments.index("--after")
            chain = [part for one in self.versions for part in ("--after", str(one))]
            arguments = (*arguments[:at], *chain, *arguments[at + 2 :])
        self._capsys.readouterr()
        code = app([*arguments, *more])
        if arguments[0] == "passphrase":
            self.secrets[arguments[arguments.index("--home") + 1]] = "new.secret"
        # 1 says that something waits for a person: an alarm, a contest, a question, a fault.
        assert code == 0 or (code == 1 and arguments[0] in MAY_FIND), arguments
        said: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        if arguments[:2] == ("directory", "show") and "words" in said:
            self.words = said["words"]
        if arguments[:2] == ("directory", "publish"):
            self.versions.append(self.folder / f"version{said['version']}.directory")
            self.versions[-1].write_bytes((self.folder / arguments[2]).read_bytes())
        return said

    def secret(self, arguments: Sequence[str]) -> str:
        """The file of the passphrase of the home that is named last."""
        homes = [after for name, after in pairwise(arguments) if name == "--home"]
        return self.secrets.get(homes[-1], "secret") if homes else "secret"

    def until(self, home: str, holds: Callable[[dict[str, Any]], bool], *command: str) -> dict[str, Any]:
        end = time.monotonic() + 60
        while not holds(said := self.mce(*command, "--home", home)):
            assert time.monotonic() < end, (home, command, said)
            time.sleep(0.2)
        return said

    def keys(self, home: str, *whose: str) -> list[dict[str, Any]]:
        found = self.mce("key", "list", *whose, "--home", home)["keys"]
        return [one for one in found if one["kind"] == "signing"]

    def copy(self, source: str, target: str) -> None:
        """A relay's data folder, once the relay has given its log away."""
        end = time.monotonic() + 60
        while not apsw.Connection(f"{source}/relay.sqlite").execute("SELECT * FROM successor").fetchall():
            assert time.monotonic() < end
            time.sleep(0.1)
        shutil.copytree(source, target)

    def relay(self, arguments: list[str]) -> None:
        secret = ["--passphrase-file", "secret"]
        command = [str(BIN / "mce-relay"), *arguments[1:]]
        if arguments[1] == "init":
            address = f"127.0.0.1:{_free_port()}"
            command = [address if ".example.org:" in one else one for one in command]
            command += ["--listen", address, "--quick", *secret]
            home = arguments[arguments.index("--home") + 1]
        else:
            home = str(Path(arguments[arguments.index("--config") + 1]).parent)
            (self.folder / home / "genesis.directory").write_bytes(self.versions[0].read_bytes())
            command += secret
        if arguments[1] == "serve":
            if home in self.running:
                self.followed()
                self.stop(home)
            self.start(home, command)
            return
        subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=60)
        config = self.folder / home / "relay.toml"
        config.write_text(config.read_text().replace("anchor_seconds = 600", "anchor_seconds = 0.5"))

    def run(self, home: str, *more: str) -> None:
        command = [str(BIN / "mce"), "run", "--home", home, *more, "--passphrase-file", "secret"]
        if "--once" in more:
            if home in self.running:
                self.stop(home)
            subprocess.run(command, cwd=self.folder, check=True, capture_output=True, timeout=120)
        else:
            self.start(home, [*command, "--anchor-seconds", "0.3", "--json"])

    def start(self, name: str, command: list[str]) -> None:
        process = subprocess.Popen(command, cwd=self.folder, stdout=subprocess.PIPE, text=True)
        self.running[name] = process
        assert process.stdout
        assert process.stdout.readline(), f"{name} did not start"

    def stop(self, name: str) -> None:
        process = self.running.pop(name)
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
        if process.stdout:
            process.stdout.close()

    def member(self, home: str) -> None:
        """A home and its card, as the document has it for `be`."""
        self.mce("init", "--home", home, "--member", MEMBERS[home], "--name", f"Exercise {home}")
        self.mce("card", "--home", home, "--out", f"{home}.card")


@pytest.fixture
def script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Script]:
    monkeypatch.chdir(tmp_path)
    made = Script(tmp_path, capsys)
    try:
        yield made
    finally:
        for name in sorted(made.running, key=lambda one: one.startswith("relay")):
            made.stop(name)


def test_the_procedures_run_in_order(script: Script) -> None:
    s, hotline, office = script, ADMINISTRATOR, FEDERATION
    s.section(office, "Root keys")
    s.section(hotline, "Enrolment")
    s.member("pt")
    s.section(office, "The first Directory")
    # Words are read from the file, so what needs them came after `show`.
    assert len(s.words.split()) == 24
    s.section(office, "The log begins")
    s.section(office, "The office follows")
    s.section(hotline, "The first day")
    s.mce("join", "--home", "pt", "--directory", "genesis.directory", "--fingerprint", s.words)
    s.run("pt")
    s.until("be", lambda now: now["entered"] == "as the card says", "status")
    s.member("fr")
    s.section(office, "A member enters")

    # A year later: a new key beside the old one, then without it; nobody is alarmed.
    [first] = s.keys("be")
    s.section(hotline, "A new signing key")
    s.section(office, "A member's new card")
    s.section(hotline, "The old key goes", _1f0c=first["id"])
    s.section(office, "A member's new card")
    s.section(hotline, "A board for the worst day")
    s.section(office, "A member's new card")
    assert s.mce("status", "--home", "be")["alarms"] == []
    states = {one["state"]: one["in_use"] for one in s.keys("be")}
    assert states == {"ended": False, "lives": True}
    two_persons(s)
    witnesses(s)

    s.section(hotline, "A new signing key")
    s.section(office, "A member's new card")
    [stolen] = [one["id"] for one in s.keys("be") if one["in_use"]]
    s.until("be", lambda _: bool(_anchors("be")), "status")
    s.section(hotline, "A key is stolen", _1f0c=stolen)
    shown = s.until("be", lambda now: any(one["state"] == "revoked" for one in now["keys"]), "key", "list")
    [index] = [str(one["end_index"]) for one in shown["keys"] if one["state"] == "revoked"]
    s.until("be", lambda _: bool([one for one in s.keys("be") if one["in_use"]]), "status")
    s.section(hotline, "Something changed in your name", _4711=index)
    whose = ("key", "list", MEMBERS["be"])
    s.until("pt", lambda now: any(one["contested"] for one in now["keys"]), *whose)

    [old_door] = doors(s, "be")
    s.section(hotline, "The door's key")
    s.until("be", lambda _: len(new := doors(s, "be")) == 1 and new != [old_door], "status")

    home = Home.open(Path("be"), SECRET)
    for number in range(3):
        home.questions.put(bytes([number]) * 32, 0, member="pt", prekey_id=b"", at=1)
    asked = str(home.questions.open()[0].id)
    home.close()
    s.section(hotline, "A question that only a person answers", _3=asked)
    assert len(s.mce("questions", "--home", "be")["questions"]) == 2

    [lost] = s.keys("office", MEMBERS["fr"])
    s.section(office, "A member lost its keys", _1f0c=lost["id"])
    fr = ("key", "list", MEMBERS["fr"])
    s.until("office", lambda now: now["keys"][0]["state"] == "revoked", *fr)
    s.section(office, "A member is held back at once")
    s.until("pt", lambda now: "suspension" in json.dumps(now["alarms"]), "status")
    s.section(office, "It takes part again")
    s.section(office, "A member leaves")
    third = read_public(Path("root3.key.pub")).id.hex()
    s.section(office, "A root comes, a root goes", _1f0c=third)
    s.section(office, "The relay changes hands")
    s.stop("relay")
    s.section(office, "The relay's next key or door")
    s.section(hotline, "The node was off")
    s.section(hotline, "Something is wrong")
    assert [one["fault"] for one in s.mce("doctor", "--home", "be")["faults"]] == ["backup-overdue"]
    s.section(office, "Training")

    s.section(hotline, "Backup and restore")
    assert s.mce("doctor", "--home", "be")["faults"] == []
    s.section(hotline, "A new machine")
    now = s.until("moved", lambda now: not now["behind"], "status")
    s.section(hotline, "A warm standby")
    after = s.until("standby", lambda now: not now["behind"], "status")
    assert after["prekey_epoch"] > now["prekey_epoch"]
    # Both run: the one that ought to be dead tells so.
    s.until("moved", lambda now: "beside it" in json.dumps(now["alarms"]), "status")
    s.stop("moved")
    s.section(hotline, "A new passphrase")
    s.stop("standby")

    in_flight = send(s, "pt", MEMBERS["be"])
    s.section(hotline, "Everything is lost")
    s.until("pt", lambda now: "the board of hotline.be" in json.dumps(now["alarms"]), "status")
    s.until("new", lambda now: now["prekey_epoch"] > 0 and now["node_runs"], "status")
    # What was under way opens once the sender's person has said so.
    waits = ("questions",)
    asked = s.until("pt", lambda now: any(one["prekey"] for one in now["questions"]), *waits)["questions"]
    assert [one["message_id"] for one in asked] == [in_flight]
    s.mce("answer", str(asked[0]["id"]), "--yes", "--home", "pt")
    s.until("new", lambda now: in_flight in [one["id"] for one in now["messages"]], "inbox")
    s.section(office, "A member was recovered by its board")
    s.until("new", lambda now: now["entered"] == "as the card says", "status")
    [own] = [one for one in s.keys("new") if one["state"] == "lives"]
    assert (own["in_use"], own["by_board"]) == (True, True)

    s.section(office, "The log ends")
    every = {(document, one) for document, found in s.documents.items() for one in found}
    assert s.done == every


def send(s: Script, home: str, to: str) -> str:
    """A message that is in the log."""
    (s.folder / "update.json").write_text(case.to_json(ScenarioS1(canary="canary").update()))
    said = s.mce("send", "--to", to, "--message", "update.json", "--home", home)
    s.until(home, lambda now: now["queued"] == 0, "status")
    return str(said["id"])


def two_persons(s: Script) -> None:
    """Messages that the second person signs here and elsewhere, and one that she does not."""
    s.section(ADMINISTRATOR, "Two persons")
    s.section(FEDERATION, "A member's new card")
    s.section(FEDERATION, "Two persons for a member")
    (s.folder / "report.json").write_text(case.to_json(ScenarioS1(canary="canary").update()))
    for _ in range(3):
        s.section(ADMINISTRATOR, "A message that takes two")
    yes, no, far = [one["id"] for one in s.mce("approvals", "--home", "be")["approvals"]]
    s.section(ADMINISTRATOR, "The second person decides", _1f0c=yes, _77ab=no)
    s.section(ADMINISTRATOR, "On the second person's own machine", _2e5d=far)
    s.until("pt", lambda now: [one["id"] for one in now["messages"]] == [yes, far], "inbox")
    assert s.mce("status", "--home", "pt")["alarms"] == []


def witnesses(s: Script) -> None:
    """One of one cosigns what the relay shows; two members compare; then nobody witnesses any more."""
    s.section(ADMINISTRATOR, "You witness the log")
    s.section(FEDERATION, "Witnesses")
    shown = s.until("be", lambda now: now["cosigned"].get(MEMBERS["be"], 0) > 0, "witness", "show")
    assert [one["name"] for one in shown["witnesses"]] == [MEMBERS["be"]]
    size = shown["cosigned"][MEMBERS["be"]]
    s.until("pt", lambda now: now["quorum"] == "1 of 1" and now["anchor"] >= size, "witness", "show")
    s.section(ADMINISTRATOR, "Was everybody shown the same log?")
    assert not (s.folder / "fork.evidence").exists()
    s.section(FEDERATION, "A witness goes")
    raised = {one["alarm"] for home in ("be", "pt") for one in s.mce("status", "--home", home)["alarms"]}
    assert raised.isdisjoint({"fork", "not-witnessed", "witness-stopped"})


def doors(s: Script, home: str) -> list[str]:
    """Ids of the doors that are open to a member."""
    found = s.mce("key", "list", "--home", home)["keys"]
    return [one["id"] for one in found if one["kind"] == "door" and one["state"] == "lives"]


def _anchors(home: str) -> list[tuple[int, bytes]]:
    opened = Home.open(Path(home), SECRET)
    try:
        return opened.logbook.anchors()
    finally:
        opened.close()
