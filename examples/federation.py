"""A synthetic federation on this machine: one relay and hotlines, each in processes and folders of their own.

Everything is done by the real commands, as an administrator would.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BIN = Path(sys.executable).parent


class Federation:
    """Made in an empty folder; `start` what you need, `stop` everything at the end."""

    def __init__(self, folder: Path, members: Sequence[str], *, anchor_seconds: float = 0.5) -> None:
        self.folder = folder
        self.members = members
        self.running: dict[str, subprocess.Popen[str]] = {}
        self.logs = folder / "logs"
        self.logs.mkdir()
        self.passphrase = folder / "passphrase"
        self.passphrase.write_text("a synthetic passphrase\n")
        self.address = f"127.0.0.1:{_free_port()}"
        self.fingerprint = self._made()
        config = folder / "relay/relay.toml"
        text = config.read_text().replace("anchor_seconds = 600", f"anchor_seconds = {anchor_seconds}")
        config.write_text(text)

    def _made(self) -> str:
        names = [part for member in self.members for part in ("--member", member)]
        made = self._run(
            "mce", "directory", "exercise", str(self.folder), *names, "--address", self.address,
            "--name", "Synthetic exercise", "--passphrase-file", str(self.passphrase), "--json",
        )  # fmt: skip
        return str(json.loads(made)["fingerprint"])

    def mce(self, member: str, *arguments: str) -> Any:
        """Run an `mce` command in a member's home; its JSON answer."""
        home = ["--home", str(self.folder / member), "--passphrase-file", str(self.passphrase)]
        return json.loads(self._run("mce", *arguments, "--json", *home))

    def _run(self, program: str, *arguments: str) -> str:
        done = subprocess.run([str(BIN / program), *arguments], capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise RuntimeError(f"{program} {arguments[0]} ended {done.returncode}: {done.stderr}")
        return done.stdout

    def command(self, name: str) -> list[str]:
        """The command that runs the relay or a member's node in the foreground."""
        secret = ["--passphrase-file", str(self.passphrase)]
        if name == "relay":
            return [
                str(BIN / "mce-relay"),
                "serve",
                "--config",
                str(self.folder / "relay/relay.toml"),
                *secret,
            ]
        home = ["--home", str(self.folder / name), "--anchor-seconds", "0.3", "--json"]
        return [str(BIN / "mce"), "run", *home, *secret]

    def start(self, name: str) -> None:
        """Start the relay or a member's node and wait until it is ready."""
        with (self.logs / f"{name}.err").open("a") as errors:
            process = subprocess.Popen(self.command(name), stdout=subprocess.PIPE, stderr=errors, text=True)
        self.running[name] = process
        if process.stdout is None or not process.stdout.readline():
            raise RuntimeError(f"{name} did not start: {(self.logs / f'{name}.err').read_text()[-500:]}")

    def kill(self, name: str) -> None:
        """SIGKILL, as a power cut would."""
        process = self.running.pop(name)
        process.kill()
        process.wait()

    def stop(self) -> None:
        """SIGTERM to all, members first."""
        for name in sorted(self.running, key="relay".__eq__):
            self.running[name].send_signal(signal.SIGTERM)
        for process in self.running.values():
            process.wait(timeout=30)
        self.running.clear()

    def memory(self, name: str) -> bytes:
        """What is in a process's memory now, as the kernel shows it to its owner."""
        pid = self.running[name].pid
        found = []
        with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
            for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
                span, rights = line.split()[:2]
                start, end = (int(part, 16) for part in span.split("-"))
                if "r" not in rights or "[v" in line:
                    continue
                try:
                    os.lseek(memory.fileno(), start, os.SEEK_SET)
                    found.append(memory.read(end - start))
                except OSError:
                    continue
        return b"".join(found)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
