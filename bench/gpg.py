"""gpg as a process: Ed25519 and cv25519 keys in a home of its own, --batch, no compression, no network."""

import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from bench.install import program

MOST: Final = 30


class Gpg:
    """Two homes: the sender's, with everybody's public keys, and one in which all recipients live."""

    name = "gpg process"

    def __init__(self, stack: ExitStack, most: int = MOST) -> None:
        self._gpg = program("gpg")
        self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="gpg")))
        self._sender, self._recipients = self._home("s"), self._home("r")
        stack.callback(self._end)
        self._make_key(self._sender, "s")
        for number in range(most):
            self._make_key(self._recipients, f"r{number}")
        self._give(self._sender, self._recipients)
        self._give(self._recipients, self._sender)

    def seal(self, content: bytes, count: int) -> bytes:
        """See `sealing.Sealer`."""
        return self._run(self.sealing(count), content)

    def open(self, sealed: bytes, count: int) -> bytes:
        """See `sealing.Sealer`."""
        return self._run(self.opening(), sealed)

    def sealing(self, count: int) -> list[str]:
        """The command that signs and encrypts standard input, or a file named after it."""
        to = [part for i in range(count) for part in ("-r", f"r{i}@example.invalid")]
        return [*self._command(self._sender), "-z0", "-s", "-e", *to]

    def opening(self) -> list[str]:
        """The command that decrypts and verifies, by the first key that it has."""
        return [*self._command(self._recipients), "-d"]

    def _command(self, home: Path) -> list[str]:
        quiet = ["--batch", "--yes", "--quiet", "--trust-model", "always", "--no-auto-key-locate"]
        alone = ["--no-auto-key-retrieve", "--disable-dirmngr", "--no-auto-check-trustdb"]
        return [self._gpg, "--homedir", str(home), *quiet, *alone]

    def _home(self, name: str) -> Path:
        home = self._folder / name
        home.mkdir(mode=0o700)
        return home

    def _make_key(self, home: Path, name: str) -> None:
        user = f"{name} <{name}@example.invalid>"
        made = ["--passphrase", "", "--quick-generate-key", user, "future-default", "default", "never"]
        self._run([*self._command(home), *made])

    def _give(self, source: Path, target: Path) -> None:
        self._run([*self._command(target), "--import"], self._run([*self._command(source), "--export"]))

    def _run(self, command: Sequence[str], data: bytes = b"") -> bytes:
        done = subprocess.run(command, input=data, capture_output=True, timeout=120)
        if done.returncode:
            raise RuntimeError(f"gpg ended {done.returncode}: {done.stderr.decode()[-500:]}")
        return done.stdout

    def _end(self) -> None:
        """Each home has started an agent of its own."""
        for home in (self._sender, self._recipients):
            subprocess.run([program("gpgconf"), "--homedir", str(home), "--kill", "all"], timeout=30)
