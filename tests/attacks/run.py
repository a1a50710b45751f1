"""Run one test in a process of its own with its defence taken out."""

import re
import subprocess
import sys

from tests.attacks.cuts import ROOT
from tests.attacks.defences import DEFENCES

FAILS = "fails without it"


def outcome(number: int) -> str:
    """`FAILS` if the test shows that something was let through; else what happened instead."""
    defence = DEFENCES[number]
    options = ["-q", "-x", "--tb=short", "-p", "no:xdist", "-p", "tests.attacks.switch"]
    command = [sys.executable, "-m", "pytest", *options, "--without", str(number), defence.test]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    if done.returncode == 0:
        return "STILL PASSES"
    if done.returncode != 1 or not re.search(defence.shows, done.stdout, re.MULTILINE):
        return f"fails for another reason:\n{done.stdout[-1500:]}{done.stderr[-1500:]}"
    return FAILS
