"""`mce-relay` as an operator meets it."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from mce_relay import logs
from mce_relay.config import Config, template

from examples.federation import BIN, Federation
from mce_exchange.errors import UsageError

COMMANDS = ("init", "serve", "check")


def relay(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [str(BIN / "mce-relay"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60)


@pytest.fixture
def federation(tmp_path: Path) -> Federation:
    return Federation(tmp_path, ("be", "pt"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    assert f"Example: mce-relay {command}" in " ".join(relay(command, "--help").stdout.split())


def test_init_overwrites_nothing(federation: Federation) -> None:
    secret = ["--passphrase-file", str(federation.passphrase)]
    home = str(federation.folder / "relay")
    done = relay("init", "--home", home, "--id", "relay", "--address", "localhost:1", *secret)
    assert done.returncode == 2
    assert "nothing was overwritten" in done.stderr


def test_a_wrong_passphrase_is_our_own_stores_fault(federation: Federation) -> None:
    federation.passphrase.write_text("another")
    config = str(federation.folder / "relay/relay.toml")
    done = relay("serve", "--config", config, "--passphrase-file", str(federation.passphrase))
    assert done.returncode == 6
    assert "whose fault: store" in done.stderr


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("quotaz = 1", "quotaz"),
        ("[quotas]\nbytes_per_membre = 1", "bytes_per_membre"),
        ("anchor_seconds = 'soon'", "anchor_seconds"),
        ("anchor_seconds = 0", "anchor_seconds"),
        ("id = ", "not TOML"),
    ],
)
def test_a_mistake_in_the_configuration_is_named(tmp_path: Path, line: str, told: str) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(f'id = "relay"\n{line}\n')
    with pytest.raises(UsageError, match=told):
        Config.read(file)


def test_the_template_is_a_good_configuration(tmp_path: Path) -> None:
    file = tmp_path / "relay.toml"
    file.write_text(template(relay_id="relay", listen="127.0.0.1:0"))
    assert Config.read(file).settings == Config(id="relay").settings


def test_no_environment_changes_a_setting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LISTEN", "0.0.0.0:1")
    file = tmp_path / "relay.toml"
    file.write_text('id = "relay"\n')
    assert Config.read(file).listen == "127.0.0.1:7116"


def test_serve_drains_on_sigterm_and_check_finds_what_is_wrong(federation: Federation) -> None:
    federation.start("relay")
    federation.running["relay"].send_signal(signal.SIGTERM)
    assert federation.running.pop("relay").wait(timeout=30) == 0
    told = [json.loads(line) for line in (federation.logs / "relay.err").read_text().splitlines()]
    assert [one["event"] for one in told] == ["started", "draining", "stopped"]
    check = ["check", "--config", str(federation.folder / "relay/relay.toml")]
    check += ["--passphrase-file", str(federation.passphrase)]
    done = relay(*check)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 entries fit the last checkpoint" in done.stdout
    (federation.folder / "relay").chmod(0o755)
    done = relay(*check, "--json")
    assert done.returncode == 1
    assert any("chmod 700" in one["remedy"] for one in json.loads(done.stdout)["found"])


def test_two_relays_on_one_folder_are_refused(federation: Federation) -> None:
    federation.start("relay")
    try:
        config = str(federation.folder / "relay/relay.toml")
        done = relay("serve", "--config", config, "--passphrase-file", str(federation.passphrase))
        assert done.returncode == 6, done.stderr
    finally:
        federation.stop()


def test_h10_a_log_line_holds_ids_and_sizes_only() -> None:
    script = (
        "from mce_relay import logs; logs.configure(); "
        "logs.logger().info('call failed', canary='kanarie', member='be', body=b'kanarie', index=3)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    line = json.loads(done.stderr)
    assert {"event": "call failed", "member": "be", "index": 3}.items() <= line.items()
    assert "kanarie" not in done.stderr
    assert set(line) <= logs.ALLOWED
