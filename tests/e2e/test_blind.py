"""Promise 1: the relay's process never loads the code that opens (a real process, a real message)."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from examples.federation import Federation
from examples.scenario_s1 import ScenarioS1
from mce_exchange import case

WRAPPER = """
import json, signal, sys
from pathlib import Path
out = sys.argv.pop()
signal.signal(signal.SIGUSR1, lambda *_: Path(out).write_text(json.dumps(sorted(sys.modules))))
from mce_relay.cli import main
main()
"""
NEVER = (
    "mce_exchange.sealing",
    "mce_exchange.primitives.kem",
    "mce_exchange.primitives.stream",
    "mce_exchange.case",
    "mce_exchange.hotline",
    "mce_exchange.store",
    "mce_exchange.client",
    "mce_exchange.cli",
)


def until(done: object) -> None:
    end = time.monotonic() + 30
    while not done():  # type: ignore[operator]  # a test's function
        assert time.monotonic() < end
        time.sleep(0.1)


def test_the_relay_takes_a_message_and_loads_nothing_that_opens(tmp_path: Path) -> None:
    federation = Federation(tmp_path, ("be", "pt"))
    listing = tmp_path / "modules.json"
    (tmp_path / "relay.py").write_text(WRAPPER)
    config = str(tmp_path / "relay/relay.toml")
    command = [sys.executable, str(tmp_path / "relay.py"), "serve", "--config", config]
    relay = subprocess.Popen(
        [*command, "--passphrase-file", str(federation.passphrase), str(listing)],
        stdout=subprocess.PIPE,
        text=True,
    )
    federation.running["relay"] = relay
    try:
        assert relay.stdout
        assert "ready" in relay.stdout.readline()
        for member in ("be", "pt"):
            federation.start(member)
        until(lambda: federation.mce("be", "status")["log_size"] > 2)
        message = tmp_path / "message.json"
        message.write_text(case.to_json(ScenarioS1(canary="kanarie").update()))
        id_ = federation.mce("be", "send", "--to", "pt", "--message", str(message))["id"]
        until(lambda: [one["id"] for one in federation.mce("pt", "inbox")["messages"]] == [id_])
        os.kill(relay.pid, signal.SIGUSR1)
        until(listing.exists)
        loaded = json.loads(listing.read_text())
    finally:
        federation.stop()
    assert "mce_exchange.statement" in loaded
    assert [name for name in loaded if name.startswith(NEVER)] == []
