"""The demo holds, and every fault planted in it is noticed."""

import subprocess
import sys
from pathlib import Path

import pytest

from examples.demo import FAULTS

ROOT = Path(__file__).resolve().parent.parent.parent


def demo(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "examples/demo.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


def test_the_demo_holds_in_at_most_80_lines() -> None:
    done = demo()
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(done.stdout.splitlines()) <= 80
    assert done.stdout.count("proves") == 5
    assert "7 deliveries due, 7 acknowledged" in done.stdout


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_fails_the_demo(fault: str) -> None:
    done = demo("--fault", fault)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "NOT HELD" in done.stdout
