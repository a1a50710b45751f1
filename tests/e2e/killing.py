"""SIGKILL of the relay and of two nodes at random points under load; then everything is counted.

python -m tests.e2e.killing --points 50 --seed 1

Two hotlines write to each other all the time. A point is a victim and a moment, drawn from the printed
seed: mostly after the victim has come up again, now and then while it still comes up. At the end all
must drain, and of every message whose `send` had returned: accepted once, given until it was
acknowledged and never after, `delivered` once in the log.
"""

import argparse
import random
import secrets
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from examples.federation import BIN, Federation
from mce_exchange.store.home import Home
from tests.e2e.driver import read

PEER = {"be": "pt", "pt": "be"}
VICTIMS = ("relay", *PEER)
PACE = 0.05
LONGEST_WAIT = 0.6
DRAIN_SECONDS = 120.0
Record = Sequence[tuple[str, str]]


class Killing:
    """One run in an empty folder."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.random = random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.in_flight: list[int] = []
        self.processes: dict[str, subprocess.Popen[str]] = {}
        self.federation = Federation(folder, list(PEER))

    def run(self, points: int, seconds: float = float("inf")) -> list[str]:
        """Kill so many times or so long, let all of it drain, and count: what did not hold."""
        end = time.monotonic() + seconds
        try:
            for name in VICTIMS:
                self.start(name)
            for name in PEER:
                self.until(f"{name} sends", partial(self.record, name))
            while self.kills.total() < points and time.monotonic() < end:
                self.point()
            self.drain()
        finally:
            for process in self.processes.values():
                process.kill()
                process.wait()
        return self.count()

    def point(self) -> None:
        """One kill at a random moment, and the start after it."""
        victim = self.random.choice(VICTIMS)
        if self.random.random() < 0.85:
            self.until(f"{victim} is up", partial(self.up, victim))
        time.sleep(self.random.uniform(0, LONGEST_WAIT))
        self.alive(victim)
        self.in_flight.append(sum(self.on_the_way(name) for name in PEER))
        self.processes[victim].kill()
        self.processes[victim].wait()
        self.kills[victim] += 1
        self.start(victim)

    def start(self, name: str) -> None:
        """Start the relay or a driver, without waiting for it."""
        command = self.federation.command(name)
        if name != "relay":
            home, record = self.federation.folder / name, self.federation.folder / f"{name}.record"
            command = [
                sys.executable,
                "-m",
                "tests.e2e.driver",
                str(home),
                PEER[name],
                str(record),
                str(PACE),
            ]
        with self.log(name).open("w") as log, self.federation.passphrase.open() as passphrase:
            self.processes[name] = subprocess.Popen(
                command, stdin=passphrase, stdout=log, stderr=subprocess.STDOUT, text=True
            )

    def drain(self) -> None:
        """No more is sent; wait until all is answered, then end in peace."""
        for name in PEER:
            self.until(f"{name} is up", partial(self.up, name))
            self.processes[name].send_signal(signal.SIGUSR1)
        for name in PEER:
            self.until(f"{name} has settled", partial(self.settled, name))
        for name in PEER:
            self.until(f"all of {name} has arrived", partial(self.arrived, name))

    def until(self, what: str, done: Callable[[], object]) -> None:
        end = time.monotonic() + DRAIN_SECONDS
        while not done():
            for name in VICTIMS:
                self.alive(name)
            if time.monotonic() > end:
                raise AssertionError(f"waited in vain: {what}")
            time.sleep(0.02)

    def alive(self, name: str) -> None:
        """Nobody ends but by our hand."""
        code = self.processes[name].poll()
        if code is not None:
            raise AssertionError(f"{name} ended {code} by itself:\n{self.log(name).read_text()[-3000:]}")

    def up(self, name: str) -> bool:
        return "ready" in self.log(name).read_text()

    def settled(self, name: str) -> bool:
        return ("settled", "") in self.record(name)

    def arrived(self, sender: str) -> bool:
        return not self.on_the_way(sender)

    def log(self, name: str) -> Path:
        return self.federation.logs / f"{name}.log"

    def record(self, name: str) -> Record:
        return read(self.federation.folder / f"{name}.record")

    def on_the_way(self, sender: str) -> int:
        """Handed over by one hotline and not yet acknowledged by the other."""
        done = {id_ for what, id_ in self.record(PEER[sender]) if what == "acknowledged"}
        return len({id_ for what, id_ in self.record(sender) if what == "sent"} - done)

    def count(self) -> list[str]:
        """All records, homes and the relay's log, at rest."""
        problems = [one for name in PEER for one in judge(self.record(name), self.record(PEER[name]))]
        passphrase = self.federation.passphrase.read_text().strip()
        for sender, recipient in PEER.items():
            here = Home.open(self.federation.folder / sender, passphrase)
            there = Home.open(self.federation.folder / recipient, passphrase)
            try:
                problems += judge_homes(here, there, recipient, self.record(sender))
            finally:
                here.close()
                there.close()
        federation = self.federation
        config = ["--config", str(federation.folder / "relay/relay.toml")]
        command = [str(BIN / "mce-relay"), "check", *config, "--passphrase-file", str(federation.passphrase)]
        checked = subprocess.run(command, capture_output=True, text=True, check=False)
        return problems + ([f"the relay's log: {checked.stderr}"] if checked.returncode else [])

    def summary(self) -> str:
        """What happened, in one line."""
        sent = sum(what == "sent" for name in PEER for what, _ in self.record(name))
        again = sum(
            count - 1
            for name in PEER
            for count in Counter(id_ for what, id_ in self.record(name) if what == "given").values()
        )
        victims = ", ".join(f"{count} {name}" for name, count in sorted(self.kills.items()))
        flying = sorted(self.in_flight) or [0]
        return (
            f"{self.kills.total()} kills ({victims}); {sent} messages handed over, {again} given again; "
            f"in flight at a kill: {flying[0]} to {flying[-1]}, median {statistics.median(flying):.0f}"
        )


def judge(sender: Record, recipient: Record) -> list[str]:
    """What the two applications saw of one direction, in their own order."""
    problems = []
    sent = {id_ for what, id_ in sender if what == "sent"}
    done: set[str] = set()
    for what, id_ in recipient:
        if what == "given" and id_ in done:
            problems.append(f"{id_} was given after its acknowledgement")
        if what == "acknowledged":
            problems += [f"{id_} was acknowledged twice"] if id_ in done else []
            done.add(id_)
    return problems + [f"{id_} was handed over and is lost" for id_ in sorted(sent - done)]


def judge_homes(here: Home, there: Home, recipient: str, record: Record) -> list[str]:
    """What the two homes hold of one direction: accepted, delivered and acknowledged, each once."""
    problems = []
    for id_ in sorted({id_ for what, id_ in record if what == "sent"}):
        sent, received = here.outbox.find(bytes.fromhex(id_)), there.inbox.find(bytes.fromhex(id_))
        said = Counter(one.type for one in here.logbook.about(bytes.fromhex(id_)))
        status = [one.status for one in sent.deliveries] if sent else []
        if not (sent and sent.state == "accepted" and status == ["delivered"]):
            problems.append(f"{id_}: the sender has it as {sent and sent.state} {status}")
        if received is None or received.state != "acknowledged":
            problems.append(f"{id_}: {recipient} has it as {received and received.state}")
        if said != {"header": 1, "delivered": 1}:
            problems.append(f"{id_}: the log has {dict(said)}")
    return problems


def main() -> int:
    """Run, and say plainly how it ended."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--points", type=int, default=50, help="kills")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="no more kills after so long")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10**9), help="of victims and moments")
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    with tempfile.TemporaryDirectory(prefix="mce-killing-") as folder:
        killing = Killing(Path(folder), arguments.seed)
        problems = killing.run(arguments.points, arguments.seconds)
        print(killing.summary())
    for problem in problems[:20]:
        print(f"NOT HELD: {problem}")
    print(f"{len(problems)} problems" if problems else "0 lost, 0 delivered twice")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
