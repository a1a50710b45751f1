"""Debian packages unpacked into a folder of the bench: nothing is installed, no service is started."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from bench.frame import NotRun

_KEPT: Final = Path(sys.prefix)
_DEPENDS: Final = (
    *("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts"),
    *("--no-breaks", "--no-replaces", "--no-enhances"),
)


def folder(name: str) -> Path:
    """Where a package was unpacked; `NotRun` if it was not."""
    found = _KEPT / name
    if not (found / "usr").is_dir():
        raise NotRun(f"Debian's {name} was not fetched")
    return found


def fetch(name: str, *, beside: str) -> str:
    """Unpack a package, and those it depends on whose names begin with `beside`; a sentence if it failed."""
    kept = _KEPT / name
    if (kept / "usr").is_dir():
        return ""
    try:
        with tempfile.TemporaryDirectory(dir=_KEPT) as work:
            listed = _run([*_DEPENDS, name], Path(work)).split("\n")
            wanted = [name, *sorted({line for line in listed if line.startswith(beside)})]
            _run(["apt-get", "download", *wanted], Path(work))
            for package in Path(work).glob("*.deb"):
                _run(["dpkg", "-x", str(package), f"{work}/root"], Path(work))
            shutil.move(f"{work}/root", kept)
    except (OSError, subprocess.SubprocessError) as error:
        return f"Debian's {name}: {type(error).__name__}"
    return ""


def _run(command: list[str], folder: Path) -> str:
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, timeout=300).stdout
