"""The `mce` command in this process, on the homes of a synthetic federation."""

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mce_exchange import cli
from mce_exchange.primitives import vault
from tests import federation
from tests.node import conftest
from tests.node.conftest import PASSPHRASE, World, quick_key


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


@pytest.fixture
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only for homes of this process: a federation of real processes has real key derivation."""
    monkeypatch.setattr(vault, "passphrase_key", quick_key)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None) -> World:
    """As in the node's tests, but today: the commands look at the clock themselves."""
    minutes = int(time.time() // 60)
    for module in (federation, conftest):
        monkeypatch.setattr(module, "NOW_MINUTES", minutes)
    made = World(tmp_path)
    made.clock.now = minutes * 60.0
    return made


@pytest.fixture
def mce(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    cheap: None,
) -> Run:
    """Run a command: `mce("be", "inbox")` in a member's home, `mce("", "--help")` without one."""
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)

    def run(member: str, *arguments: str) -> Ran:
        # The federation is made for those who need it.
        homes: World | None = request.getfixturevalue("world") if member else None
        home = ["--home", str(homes.folder / member), "--passphrase-file", str(secret)] if homes else []
        monkeypatch.setattr(sys, "argv", ["mce", *arguments, *home])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            cli.main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run
