"""Servers in processes of their own on 127.0.0.1, each at a port that the kernel chose, ended with the block.

python -m bench.servers FOLDER|-      a bare grpc.aio echo; with FOLDER behind the relay's doors
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import grpc
from mce_relay.keyring import Keyring
from mce_relay.values import RelayKeys

from bench.memory import resident
from mce_exchange import limits
from mce_exchange.client.channel import open_channel
from mce_exchange.primitives import tls
from mce_exchange.primitives.vault import Cost
from tests.federation import LOG, RELAY_KEY, Federation

OPTIONS: Final = [
    ("grpc.max_receive_message_length", limits.CALL + limits.MIB),
    ("grpc.max_send_message_length", limits.CALL + limits.MIB),
]
ECHO: Final = "/bench.Echo/Echo"
_SECRET: Final = "synthetic"


@dataclass(frozen=True, slots=True)
class Server:
    """A process that serves at `address`; `metrics` is a port, 0 for none."""

    process: subprocess.Popen[str]
    address: str
    metrics: int = 0

    @property
    def cpu(self) -> float:
        """Seconds of both cores that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    @property
    def peak(self) -> int:
        """Bytes resident at most so far."""
        return resident(self.process.pid, "VmHWM")

    @property
    def resident(self) -> int:
        """Bytes resident now."""
        return resident(self.process.pid)

    def counted(self, name: str) -> float:
        """A counter of the relay's own."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.metrics}/", timeout=30) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith(f'mce_relay_events_total{{name="{name}"}}'):
                    return float(line.split()[-1])
        return 0.0


def relay_folder(folder: Path, federation: Federation) -> Path:
    """What an operator has: keys, genesis, configuration, with quotas that a load does not meet."""
    folder.mkdir(mode=0o700)
    keys = RelayKeys(signing=RELAY_KEY, log_ed25519=LOG[0], log_ml_dsa_44=LOG[1])
    keyring = Keyring(keys=keys, door_key=federation.relay_door_key, door=federation.relay_door)
    keyring.write(folder, _SECRET, cost=Cost.INTERACTIVE)
    (folder / "genesis.directory").write_bytes(federation.genesis.encode())
    (folder / "passphrase").write_text(_SECRET)
    (folder / "passphrase").chmod(0o600)
    config = f"""id = "relay"
listen = "127.0.0.1:0"
metrics = "127.0.0.1:{_free_port()}"
[quotas]
messages_per_day = 100000000
bytes_per_member = 1000000000000
pending_per_recipient = 100000000
"""
    (folder / "relay.toml").write_text(config)
    (folder / "relay.toml").chmod(0o600)
    doors = [person.door for person in federation.people.values()]
    (folder / "doors.pem").write_bytes(b"".join(map(tls.to_pem, doors)))
    return folder


@contextmanager
def relay(folder: Path) -> Iterator[Server]:
    """The relay by its own command over a folder of `relay_folder`'s."""
    files = ["--config", str(folder / "relay.toml"), "--passphrase-file", str(folder / "passphrase")]
    command = [sys.executable, "-m", "mce_relay.cli", "serve", *files, "--log-level", "error"]
    text = (folder / "relay.toml").read_text()
    port = int(text.partition("metrics = ")[2].splitlines()[0].rpartition(":")[2].strip('"'))
    with _running(command) as (process, address):
        yield Server(process, address, port)


@contextmanager
def echo(folder: Path | None = None) -> Iterator[Server]:
    """An echo in plain text, or with TLS and both sides' certificates as the relay of `folder` has them."""
    with _running([sys.executable, "-m", "bench.servers", str(folder or "-")]) as (process, address):
        yield Server(process, address)


def door(server: Server, federation: Federation, member: str) -> grpc.aio.Channel:
    """A member's connection, as a node opens it."""
    person, relay_door = federation.people[member], federation.relay_door
    return open_channel(
        server.address, relay_certificate=relay_door, door_key=person.door_key, door=person.door
    )


@contextmanager
def _running(command: Sequence[str]) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = process.stdout.readline() if process.stdout else ""
        if not line:
            raise RuntimeError(f"{command[2]} did not start")
        # What opening its keys took (Argon2id, 64 MiB and more) is over: peaks count from here.
        Path(f"/proc/{process.pid}/clear_refs").write_text("5")
        yield process, json.loads(line)["ready"]
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _serve(folder: str) -> None:
    async def same(request: bytes, context: Any) -> bytes:
        return request

    server = grpc.aio.server(options=OPTIONS)
    handlers: dict[str, Any] = {"Echo": grpc.unary_unary_rpc_method_handler(same)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("bench.Echo", handlers),))
    if folder == "-":
        port = server.add_insecure_port("127.0.0.1:0")
    else:
        keyring = Keyring.read(Path(folder), _SECRET)
        roots = (Path(folder) / "doors.pem").read_bytes()
        pair = (keyring.door_key, tls.to_pem(keyring.door))
        port = server.add_secure_port(
            "127.0.0.1:0", grpc.ssl_server_credentials([pair], roots, require_client_auth=True)
        )
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await server.start()
    print(json.dumps({"ready": f"127.0.0.1:{port}"}), flush=True)
    await stop.wait()
    await server.stop(1)


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1]))
