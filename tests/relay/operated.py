"""The relay as an operator runs it: `mce-relay` over a home made for a test's federation."""

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mce_relay.config import template
from mce_relay.keyring import Keyring

from mce_exchange.primitives.vault import Cost
from tests.relay.federation import Federation

COMMAND = str(Path(sys.executable).parent / "mce-relay")
PASSPHRASE = "synthetic"


def keyring(f: Federation) -> Keyring:
    """The relay's keys, as its file holds them."""
    return Keyring(keys=f.relay_keys, door_key=f.relay_tls_key, door=f.relay_certificate)


def home(f: Federation, folder: Path) -> Path:
    """A relay's home: keys, genesis, passphrase, configuration; the path of the latter."""
    folder.chmod(0o700)
    keyring(f).write(folder, PASSPHRASE, cost=Cost.INTERACTIVE)
    (folder / "genesis.directory").write_bytes(f.bundle.encode())
    (folder / "passphrase").write_text(PASSPHRASE)
    config = folder / "relay.toml"
    config.write_text(template(relay_id=f.relay_id, listen="127.0.0.1:0"))
    return config


def run(config: Path, command: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A command that ends by itself."""
    secret = ["--passphrase-file", str(config.parent / "passphrase")]
    return subprocess.run(
        [COMMAND, command, "--config", str(config), *secret, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


@contextlib.contextmanager
def serving(config: Path, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """`serve`, ready, with its address; killed at the end if it has not ended."""
    secret = ["--passphrase-file", str(config.parent / "passphrase")]
    with (config.parent / "stderr").open("a") as errors:
        process = subprocess.Popen(
            [COMMAND, "serve", "--config", str(config), *secret, *arguments],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    try:
        assert process.stdout is not None
        yield str(json.loads(process.stdout.readline())["ready"]), process
    finally:
        process.kill()
        process.wait()


def told(config: Path) -> list[dict[str, object]]:
    """The log lines so far; every one is JSON."""
    return [json.loads(line) for line in (config.parent / "stderr").read_text().splitlines()]


def ended(process: subprocess.Popen[str]) -> int:
    """SIGTERM, and the exit code."""
    process.send_signal(signal.SIGTERM)
    return process.wait(timeout=60)
