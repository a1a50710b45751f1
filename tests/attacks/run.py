"""Run one test in a process of its own with its defence taken out."""

import subprocess
import sys
from pathlib import Path

from tests.attacks.defences import DEFENCES

ROOT = Path(__file__).parent.parent.parent


def fails_without(number: int) -> bool:
    """Whether the test fails; anything else but a failed test (a test not found, say) raises."""
    options = ["-q", "-x", "-p", "tests.attacks.switch", "--without", str(number), "-p", "no:xdist"]
    command = [sys.executable, "-m", "pytest", *options, DEFENCES[number].test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return done.returncode == 1
