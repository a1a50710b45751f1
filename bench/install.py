"""Peers, fetched when `make bench` asks: Python ones from their lock file, programs from Debian's packages.

Nothing that fails here ends the run: what could not be had is then named by the comparison that misses it.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from bench.frame import NotRun
from bench.peers import debian, synapse

ROOT: Final = Path(__file__).resolve().parent.parent
_LOCK: Final = ROOT / "requirements-bench.txt"
_PACKAGES: Final = {"age": "age", "gpg": "gnupg"}


def install() -> list[str]:
    """Fetch all of them; what did not work, a sentence each."""
    wanted = {package for program, package in _PACKAGES.items() if shutil.which(program) is None}
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    failed = [_run([*pip, "--require-hashes", "-r", str(_LOCK)])]
    if wanted and os.geteuid():
        failed.append(f"{', '.join(sorted(wanted))}: install by hand, this is not root")
    elif wanted:
        failed.append(_run(["apt-get", "install", "-y", "-q", "--no-install-recommends", *sorted(wanted)]))
    failed += [debian.fetch("rabbitmq-server", beside="erlang-"), synapse.fetch()]
    return [one for one in failed if one]


def program(name: str) -> str:
    """Where a peer's program is; `NotRun` if nowhere."""
    found = shutil.which(name)
    if found is None:
        raise NotRun(f"the program {name} is not installed")
    return found


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{command[0]}: {type(error).__name__}"
    return f"{' '.join(command[:4])}: {done.stderr.strip().splitlines()[-1:]}" if done.returncode else ""
