"""The main job on real processes: a synthetic case crosses two borders through a relay that cannot read it.

For each message four lines: what the sender wrote, what the relay holds, what the recipient read, what
the evidence proves. Under way the relay and a recipient die by SIGKILL. Ends 0 if nothing was lost,
doubled, readable or unproven; `--fault` plants a fault, and then it must not end 0.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from examples.federation import BIN, Federation
from examples.scenario_s1 import ScenarioS1, photograph
from mce_exchange import case
from mce_exchange.case import CaseMessage

CANARY: Final = "kanarievogel"
MEMBERS: Final = ("be", "pt", "es")
FAULTS: Final = ("lost-ack", "lost-message", "doubled-message", "leaked-word", "forged-evidence")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One message of the scenario."""

    title: str
    sender: str
    to: tuple[str, ...]
    message: CaseMessage
    photo: bool = False
    kill: str = ""


class Demo:
    """One run. `problems` collects what did not hold."""

    def __init__(self, folder: Path, fault: str) -> None:
        self.folder = folder
        self.fault = fault
        self.problems: list[str] = []
        self.ids: list[tuple[str, tuple[str, ...]]] = []
        self.federation = Federation(folder, MEMBERS)
        self.photo = folder / "photo.png"
        self.photo.write_bytes(photograph())

    def run(self) -> None:
        """The scenario, then the counts, the canary and the evidence."""
        for name in ("relay", *MEMBERS):
            self.federation.start(name)
        for member in MEMBERS:
            self.until(f"{member} sees every prekey", partial(self.sees_all, member))
        scenario = ScenarioS1(canary=CANARY)
        report = scenario.report(self.photo.read_bytes())
        steps = [
            Step(title="case report", sender="be", to=("pt", "es"), message=report, photo=True),
            Step(title="sighting", sender="pt", to=("be",), message=scenario.sighting(), kill="relay"),
            Step(title="case update", sender="be", to=("pt", "es"), message=scenario.update(), kill="pt"),
            Step(title="question", sender="be", to=("pt",), message=scenario.request()),
            Step(title="answer", sender="pt", to=("be",), message=scenario.response()),
        ]  # fmt: skip
        # A planted fault shows in the first message already.
        for number, step in enumerate(steps[:1] if self.fault else steps, start=1):
            print(f"\n{number}. {step.title}: {step.sender} to {', '.join(step.to)}")
            self.step(step)
        self.counts()
        self.canary()
        self.federation.stop()

    def step(self, step: Step) -> None:
        """Send, kill, read, acknowledge, prove."""
        path = self.folder / "message.json"
        path.write_text(case.to_json(step.message))
        options = ["--message", str(path), "--deadline", "1h"]
        options += ["--attach", str(self.photo)] if step.photo else []
        options += [part for member in step.to for part in ("--to", member)]
        id_ = str(self.federation.mce(step.sender, "send", *options)["id"])
        if step.kill:
            self.federation.kill(step.kill)
        self.ids.append((id_, step.to))
        photo = " and a photograph" if step.photo else ""
        print(f"   wrote      {len(case.encode(step.message))} bytes of case{photo}, header {id_[:16]}")
        if step.kill:
            print(f"   SIGKILL    {step.kill} dies while the message is on its way, and starts again")
            self.federation.start(step.kill)
        self.until(f"{id_[:8]} is in the log", lambda: self.sent(step.sender, id_)["state"] == "accepted")
        print(f"   relay      {self.relay_holds()}")
        for member in step.to:
            self.read(step, member, id_)
        self.until(
            f"{id_[:8]} is answered",
            lambda: all(d["status"] == "delivered" for d in self.sent(step.sender, id_)["deliveries"]),
            enough=self.fault != "lost-ack",
        )
        self.prove(step, id_)

    def read(self, step: Step, member: str, id_: str) -> None:
        """What one recipient reads, and that it is what was written."""
        self.until(f"{member} has {id_[:8]}", lambda: id_ in self.waiting(member))
        if self.fault == "lost-message":
            return
        folder = self.folder / f"saved-{member}-{id_[:8]}"
        save = ["--save", str(folder)] if step.photo else []
        got = self.federation.mce(member, "read", id_, *save)
        wanted = json.loads(case.to_json(step.message))
        if got["message"] != wanted:
            self.problems.append(f"{member} read something else than was written")
        for file in folder.iterdir() if step.photo else ():
            if file.read_bytes() != self.photo.read_bytes():
                self.problems.append(f"{member} has another photograph")
        kind = got["message"]["header"]["kind"].removeprefix("MESSAGE_KIND_")
        print(f"   {member} read    {kind}, word for word{', photograph too' if step.photo else ''}")
        if self.fault == "lost-ack":
            return
        self.federation.mce(member, "ack", id_)
        if id_ in self.waiting(member):
            self.problems.append(f"{member} is given {id_[:8]} again")

    def prove(self, step: Step, id_: str) -> None:
        """Export, and verify where there is neither network nor home."""
        file = self.folder / f"{id_[:16]}.evidence"
        self.until(f"{id_[:8]} is under an anchor", lambda: self.export(step.sender, id_, file))
        if self.fault == "forged-evidence":
            data = bytearray(file.read_bytes())
            data[len(data) // 2] ^= 1
            file.write_bytes(data)
        report = verify_alone(file, self.federation.fingerprint)
        if report is None:
            self.problems.append(f"the evidence of {id_[:16]} does not hold")
            return
        message = report["messages"][0]
        answers = ", ".join(f"{member} {says}" for member, says in message["recipients"].items())
        entry = f"entry {message['index']} ({message['verdict']})"
        print(f"   proves     {message['sender']} sent {entry}: {answers}")
        if not all(says.startswith("delivered") for says in message["recipients"].values()):
            self.problems.append(f"no delivery is shown for {id_[:16]}")

    def counts(self) -> None:
        """Nothing lost, nothing doubled: every message once at each recipient, acknowledged."""
        if self.fault == "doubled-message":
            self.ids.append(self.ids[-1])
        due = held = 0
        for member in MEMBERS:
            wanted = sorted(id_ for id_, to in self.ids if member in to)
            inbox = self.federation.mce(member, "inbox", "--all")["messages"]
            got = sorted(one["id"] for one in inbox if one["state"] == "acknowledged")
            due, held = due + len(wanted), held + len(got)
            if got != wanted:
                self.problems.append(f"{member} has acknowledged {len(got)} messages of {len(wanted)}")
        print(f"\ncounts: {due} deliveries due, {held} acknowledged, each once")

    def canary(self) -> None:
        """The word is searched in all that the relay has: files, logs, memory; and in the homes at rest."""
        relay = self.folder / "relay"
        if self.fault == "leaked-word":
            (relay / "data/leak").write_text(CANARY)
        places = contents([relay, self.federation.logs])
        places["memory"] = self.federation.memory("relay")
        word = CANARY.encode()
        found = [name for name, data in places.items() if word in data]
        size = sum(map(len, places.values())) // 1_000_000
        print(f"canary: {CANARY!r} searched in the relay's {len(places) - 1} files and logs and its memory,")
        print(f"        {size} MB in all: found {len(found)} times")
        if found:
            self.problems.append(f"the relay's {', '.join(found)} holds a word of the case")
        if any(word in data for data in contents(self.folder / member for member in MEMBERS).values()):
            self.problems.append("a hotline's home holds a word of the case in the clear")

    # What the commands and files say.

    def sees_all(self, member: str) -> bool:
        """Whether a node has followed the log to every member's prekey."""
        return bool(self.federation.mce(member, "status")["log_size"] > len(MEMBERS))

    def sent(self, member: str, id_: str) -> Any:
        """How far a message is."""
        return self.federation.mce(member, "status", "--message", id_)["message"]

    def waiting(self, member: str) -> list[str]:
        """Ids that wait for an answer."""
        return [one["id"] for one in self.federation.mce(member, "inbox")["messages"]]

    def export(self, member: str, id_: str, file: Path) -> bool:
        """Whether the evidence could be exported: the anchor has to cover it first."""
        try:
            self.federation.mce(member, "evidence", "export", id_, "--out", str(file))
        except RuntimeError as error:
            if "anchor" not in str(error):
                raise
            return False
        return True

    def relay_holds(self) -> str:
        """What the relay's disk has: ciphertext, and how much."""
        size = sum(map(len, contents([self.folder / "relay/data"]).values()))
        return f"holds ciphertext, ids and sizes: {size // 1024} KiB on its disk"

    def until(self, what: str, done: Callable[[], bool], *, enough: bool = True) -> None:
        """Wait for something to come true, or note that it did not."""
        end = time.monotonic() + (20.0 if enough else 2.0)
        while not done():
            if time.monotonic() > end:
                self.problems.append(f"waited in vain: {what}")
                return
            time.sleep(0.05)


def contents(folders: Iterable[Path]) -> dict[str, bytes]:
    """Every file below some folders."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file())
    return {path.name: path.read_bytes() for path in files}


def verify_alone(file: Path, fingerprint: str) -> Any:
    """`mce evidence verify` with an empty environment and, where the kernel allows, no network at all."""
    alone = ["unshare", "--net", "--map-root-user"] if _can_unshare() else []
    command = [
        *alone,
        str(BIN / "mce"),
        "evidence",
        "verify",
        str(file),
        "--fingerprint",
        fingerprint,
        "--json",
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env={}, cwd=file.parent)
    return json.loads(done.stdout) if done.returncode == 0 else None


def _can_unshare() -> bool:
    tool = shutil.which("unshare")
    command = [tool or "", "--net", "--map-root-user", "true"]
    return tool is not None and subprocess.run(command, capture_output=True, check=False).returncode == 0


@contextmanager
def scratch() -> Iterator[Path]:
    """A folder that is gone at the end."""
    with tempfile.TemporaryDirectory(prefix="mce-demo-") as folder:
        yield Path(folder)


def main() -> int:
    """Run, and say plainly how it ended."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--fault", choices=FAULTS, default="", help="plant a fault; it must fail")
    fault = parser.parse_args().fault
    start = time.monotonic()
    with scratch() as folder:
        demo = Demo(folder, fault)
        try:
            demo.run()
        finally:
            for name in list(demo.federation.running):
                demo.federation.kill(name)
    for problem in demo.problems:
        print(f"NOT HELD: {problem}")
    print(f"{'failed' if demo.problems else 'all of it held'}, {time.monotonic() - start:.0f} s")
    return int(bool(demo.problems))


if __name__ == "__main__":
    sys.exit(main())
