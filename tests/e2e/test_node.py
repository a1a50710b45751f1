"""A node on real processes: it dies, shares its home, goes through a proxy, and moves large attachments."""

import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from examples.federation import BIN, Federation
from examples.scenario_s1 import ScenarioS1
from mce_exchange import case
from mce_exchange.client import joining
from mce_exchange.client.diagnose import diagnose
from mce_exchange.primitives.vault import Cost
from mce_exchange.store import settings
from mce_exchange.store.home import Home

MIB = 1024 * 1024


@pytest.fixture(scope="module")
def federation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Federation]:
    made = Federation(tmp_path_factory.mktemp("federation"), ("be", "pt"))
    (made.folder / "case.json").write_text(case.to_json(ScenarioS1(canary="kanarie").update()))
    made.start("relay")
    try:
        for member in ("be", "pt"):
            made.start(member)
        for member in ("be", "pt"):
            with opened(made, member) as home:
                until(lambda home=home: home.logbook.size > 2)  # type: ignore[misc]  # bound at once
            stop(made, member)
        yield made
    finally:
        made.stop()


def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not done():
        assert time.monotonic() < end
        time.sleep(0.1)


def stop(federation: Federation, name: str) -> None:
    process = federation.running.pop(name)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


def send(federation: Federation) -> str:
    message = str(federation.folder / "case.json")
    return str(federation.mce("be", "send", "--to", "pt", "--message", message)["id"])


@contextmanager
def opened(federation: Federation, member: str) -> Iterator[Home]:
    """A home, looked at from this process beside whatever runs on it."""
    home = Home.open(federation.folder / member, federation.passphrase.read_text().strip())
    try:
        yield home
    finally:
        home.close()


def waiting(home: Home) -> set[str]:
    return {header_id.hex() for _, header_id in home.inbox.ids("ready")}


def delivered(home: Home, id_: str) -> bool:
    sent = home.outbox.find(bytes.fromhex(id_))
    return sent is not None and sent.deliveries[0].status == "delivered"


DIES = """
import asyncio, os, signal, sys
from mce_exchange import case, open_home

async def main(home, message):
    async with open_home(home, "a synthetic passphrase", catch_up_seconds=0.1) as hotline:
        print(await hotline.send(case.from_json(message), to=["pt"]), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main(sys.argv[1], open(sys.argv[2]).read()))
"""


def test_what_was_handed_over_is_sent_though_the_process_dies_at_once(federation: Federation) -> None:
    arguments = [str(federation.folder / "be"), str(federation.folder / "case.json")]
    dead = subprocess.run(
        [sys.executable, "-c", DIES, *arguments], capture_output=True, text=True, timeout=60
    )
    assert dead.returncode == -signal.SIGKILL, dead.stderr
    ids = {dead.stdout.strip(), send(federation)}
    federation.start("be")
    federation.start("pt")
    with opened(federation, "pt") as pt, opened(federation, "be") as be:
        until(lambda: waiting(pt) == ids)
        # Given again after a death, until acknowledged, and never after.
        federation.kill("pt")
        said = given(federation, "pt", len(ids))
        assert said == ids
        federation.mce("pt", "ack", *ids)
        until(lambda: all(delivered(be, id_) for id_ in ids))
        federation.kill("pt")
        later = send(federation)
        assert given(federation, "pt", 1) == {later}
        federation.mce("pt", "ack", later)
    for member in ("be", "pt"):
        stop(federation, member)


def given(federation: Federation, member: str, count: int) -> set[str]:
    """Start a node and take what it says has come."""
    federation.start(member)
    out = federation.running[member].stdout
    assert out
    found: set[str] = set()
    while len(found) < count:
        line = json.loads(out.readline())
        found |= {line["arrived"]} if "arrived" in line else set()
    return found


def test_commands_and_a_node_share_a_home(federation: Federation) -> None:
    federation.start("be")
    federation.start("pt")
    secret = ["--passphrase-file", str(federation.passphrase), "--json"]

    def begin(member: str, *arguments: str) -> subprocess.Popen[str]:
        command = [str(BIN / "mce"), *arguments, "--home", str(federation.folder / member), *secret]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    message = ["--to", "pt", "--message", str(federation.folder / "case.json")]
    begun = [begin("be", "send", *message) for _ in range(4)]
    begun += [begin("be", "status"), begin("be", "inbox"), begin("pt", "inbox", "--all"), begin("be", "card")]
    ended = [(one.communicate(timeout=60), one.returncode) for one in begun]
    assert [code for _, code in ended] == [0] * len(begun), ended
    ids = {json.loads(said)["id"] for (said, _), _ in ended[:4]}
    assert len(ids) == 4
    with opened(federation, "pt") as pt:
        until(lambda: waiting(pt) == ids)
        assert pt.alarms.all() == []
        assert pt.database.value("SELECT count(*) FROM gap") == 0
    federation.mce("pt", "ack", *ids)
    second = begin("be", "run")
    _, wrong = second.communicate(timeout=60)
    assert (second.returncode, "a node runs on this home already" in wrong) == (6, True)
    for member in ("be", "pt"):
        stop(federation, member)


class Proxy:
    """A small HTTP proxy that knows CONNECT and nothing else."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://user:secret@127.0.0.1:{self.server.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (byte := client.recv(1)):
                return
            head += byte
        self.asked.append(head.decode())
        verb, target, _ = head.decode().split(" ", 2)
        if verb != "CONNECT":
            client.sendall(b"HTTP/1.1 405 No\r\n\r\n")
            client.close()
            return
        host, port = target.rsplit(":", 1)
        relay = socket.create_connection((host, int(port)))
        client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        threading.Thread(target=self._pipe, args=(relay, client), daemon=True).start()
        self._pipe(client, relay)

    @staticmethod
    def _pipe(source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_a_node_goes_out_through_its_proxy_whatever_the_environment_says(
    federation: Federation, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = Proxy()
    join = ["join", "--directory", str(federation.folder / "relay/genesis.directory")]
    join += ["--fingerprint", federation.fingerprint, "--proxy"]
    federation.mce("pt", *join, proxy.url)
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.setenv(name, "127.0.0.1")
    try:
        federation.start("be")
        federation.start("pt")
        id_ = send(federation)
        with opened(federation, "pt") as pt:
            until(lambda: waiting(pt) == {id_})
        assert proxy.asked[0].startswith(f"CONNECT {federation.address} HTTP/1.1")
        assert "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=" in proxy.asked[0]
        for member in ("be", "pt"):
            assert federation.mce(member, "status", "--connect")["relay"] == "open"
        assert len(proxy.asked) >= 2
        federation.mce("pt", "ack", id_)
    finally:
        proxy.server.close()
        federation.mce("pt", *join, "none")
    for member in ("be", "pt"):
        stop(federation, member)


def test_a_door_that_stays_shut_says_why(federation: Federation, tmp_path: Path) -> None:
    home = Home.create(tmp_path / "fr", "another", cost=Cost.INTERACTIVE)
    genesis = (federation.folder / "relay/genesis.directory").read_bytes()
    made = joining.new_member(member="fr", name="Synthetic", country="FR", phone="", role="hotline")
    made.move_in(home)
    joined = joining.join(home, [genesis], pinned=bytes.fromhex(federation.fingerprint))
    assert not joined.entered
    assert "does not admit this certificate" in diagnose(home)
    with home.database.write():
        home.settings.put(settings.RELAY_CERTIFICATE, made.door)
    assert "another certificate than the pinned one" in diagnose(home)
    with home.database.write():
        home.settings.put(settings.PROXY, f"http://{federation.address}")
    assert "the proxy does not let us through" in diagnose(home)
    home.close()


MEMORY = """
import asyncio, json, sys
from pathlib import Path
from mce_exchange import case, open_home

def status(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(name)) // 1024

def begin():
    # The passphrase's key took 64 MiB a moment ago: the peak counts from here.
    Path("/proc/self/clear_refs").write_text("5")
    return status("VmRSS")

def peak():
    return status("VmHWM")
"""
SENDS = (
    MEMORY
    + """
async def main(home, message, photo):
    async with open_home(home, "a synthetic passphrase") as hotline:
        small = Path(home).parent / "small"
        small.write_bytes(b"x" * 100_000)
        await hotline.send(case.from_json(message), to=["pt"], attachments=[small])
        await hotline.idle()
        before = begin()
        id_ = await hotline.send(case.from_json(message), to=["pt"], attachments=[photo])
        sealed = peak()
        await hotline.idle()
        print(json.dumps([id_, sealed - before, peak() - before]))

asyncio.run(main(sys.argv[1], open(sys.argv[2]).read(), sys.argv[3]))
"""
)
RECEIVES = (
    MEMORY
    + """
async def main(home, out):
    async with open_home(home, "a synthetic passphrase") as hotline:
        before = begin()
        async for item in hotline.inbox():
            if item.attachments[0].size < 1_000_000:
                await item.acknowledge()
                continue
            came = peak()
            await item.save(0, out)
            await item.acknowledge()
            await hotline.idle()
            print(json.dumps([item.id, came - before, peak() - before]))
            return

asyncio.run(main(sys.argv[1], sys.argv[2]))
"""
)
GROWTH_MIB = 48


def test_a_large_attachment_takes_little_memory(federation: Federation, tmp_path: Path) -> None:
    """80 MiB each way; what grows is measured in each process, apart from what it had before."""
    photo, saved = tmp_path / "large.bin", tmp_path / "saved.bin"
    with photo.open("wb") as file:
        for _ in range(80):
            file.write(os.urandom(MIB))

    def run(script: str, *arguments: str) -> Any:
        done = subprocess.run(
            [sys.executable, "-c", script, *arguments], capture_output=True, text=True, timeout=300
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    sent = run(SENDS, str(federation.folder / "be"), str(federation.folder / "case.json"), str(photo))
    got = run(RECEIVES, str(federation.folder / "pt"), str(saved))
    assert got[0] == sent[0]
    assert saved.stat().st_size == 80 * MIB
    with photo.open("rb") as one, saved.open("rb") as other:
        assert all(one.read(MIB) == other.read(MIB) for _ in range(80))
    assert max(sent[1:] + got[1:]) <= GROWTH_MIB, (sent, got)


def test_a_disk_that_fills_up_is_a_store_error_and_nothing_is_half_done(
    federation: Federation, tmp_path: Path
) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(os.urandom(6 * MIB))
    message, secret = str(federation.folder / "case.json"), str(federation.passphrase)
    command = [str(BIN / "mce"), "send", "--to", "pt", "--message", message, "--attach", str(photo)]
    command += ["--home", str(federation.folder / "be"), "--passphrase-file", secret]
    full = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB)),
    )
    assert full.returncode == 6, full.stderr
    assert "whose fault: store" in full.stderr
    assert "Traceback" not in full.stderr
    assert not list((federation.folder / "be/attachments").glob("*.part"))
    with opened(federation, "be") as be:
        assert be.outbox.count("queued") == 0
