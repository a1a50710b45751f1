"""The log changes its operator under load: no node is touched, nothing lost, nothing twice (SPEC 9.10)."""

import json
import shutil
import subprocess
from contextlib import closing
from functools import partial
from pathlib import Path

from examples.federation import BIN, _free_port
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.e2e.killing import PEER, Killing


class Change(Killing):
    """One run: two hotlines write to each other all the time; relay, address and all of its keys change."""

    def succeed(self) -> str:
        """The new relay's address, once it serves; the one before is still there and takes nothing."""
        folder, secret = self.federation.folder, str(self.federation.passphrase)
        address, config = f"127.0.0.1:{_free_port()}", folder / "second/relay.toml"
        made = ("--id", "second", "--address", address, "--listen", address, "--quick")
        self.command("mce-relay", "init", "--home", str(folder / "second"), *made)
        shutil.copy(folder / "relay/genesis.directory", folder / "second")
        card, version = str(folder / "second/relay.card"), folder / "v2.directory"
        be = ("--home", str(folder / "be"))
        self.command("mce", "directory", "change", "--relay-card", card, "--out", str(version), *be)
        for root in sorted((folder / "roots").glob("*.key"))[:2]:
            sign = ("--key", str(root), "--fingerprint", self.federation.fingerprint)
            self.command("mce", "directory", "sign", str(version), *sign)
        self.command("mce", "directory", "publish", str(version), *be)
        self.until("the log is given away", lambda: "log given away" in self.log("relay").read_text())
        shutil.copytree(folder / "relay/data", folder / "second/data")
        self.command("mce-relay", "adopt", str(version), "--config", str(config))
        serve = [str(BIN / "mce-relay"), "serve", "--config", str(config), "--passphrase-file", secret]
        with self.log("second").open("w") as log:
            self.processes["second"] = subprocess.Popen(serve, stdout=log, stderr=log, text=True)
        self.until("the second is up", partial(self.up, "second"))
        return address

    def command(self, program: str, *arguments: str) -> None:
        secret = ["--passphrase-file", str(self.federation.passphrase)]
        done = subprocess.run([str(BIN / program), *arguments, *secret], capture_output=True, text=True)
        assert done.returncode == 0, (arguments, done.stderr)

    def sent(self) -> int:
        return sum(what == "acknowledged" for name in PEER for what, _ in self.record(name))


def test_an_operator_gives_the_log_to_another_under_load(tmp_path: Path) -> None:
    change = Change(tmp_path, seed=1)
    try:
        for name in ("relay", *PEER):
            change.start(name)
        change.until("messages come", lambda: change.sent() > 20)
        address = change.succeed()
        before = change.sent()
        change.until("messages come again", lambda: change.sent() > before + 20)
        change.drain()
    finally:
        for process in change.processes.values():
            process.kill()
            process.wait()
    # The data folder that counts is the second one's, and the first was not written to any more.
    shutil.rmtree(tmp_path / "relay")
    (tmp_path / "second").rename(tmp_path / "relay")
    assert change.count() == []
    for name in PEER:
        with closing(Home.open(tmp_path / name, change.federation.passphrase.read_text().strip())) as home:
            assert home.settings.text(settings.RELAY_ADDRESS) == address
            assert [alarm.kind for alarm in home.alarms.all()] == []
    refused = [json.loads(one) for one in change.log("relay").read_text().splitlines() if "failed" in one]
    assert refused == []
