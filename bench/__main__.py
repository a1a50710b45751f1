"""python -m bench [--quick] [--install] [--write] [PART…]: measure, print tables, keep them in RESULTS.md."""

import argparse
import importlib
import os
import platform
import signal
import sys
import time
from collections.abc import Callable, Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Final

from bench.frame import FULL, QUICK, TINY, Scale, Table
from bench.install import install

PARTS: Final = ("sealing", "attachments", "relay", "log", "audit", "growth", "delay", "peers")
QUICK_PARTS: Final = ("sealing", "relay")
RESULTS: Final = Path(__file__).with_name("RESULTS.md")


def measure(part: str, scale: Scale) -> Sequence[Table]:
    """One part's tables."""
    run: Callable[[Scale], Sequence[Table]] = importlib.import_module(f"bench.{part}").run
    return run(scale)


def load() -> str:
    """Processes that want a core, in the last 1, 5 and 15 minutes."""
    return ", ".join(f"{one:.1f}" for one in os.getloadavg())


def machine() -> str:
    """Where and under what load."""
    libraries = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("cryptography", "pynacl", "grpcio", "apsw")
    )
    return (
        f"{time.strftime('%Y-%m-%d %H:%M', time.gmtime())} UTC, {os.cpu_count()} cores,"
        f" Python {platform.python_version()}, {libraries}; load {load()}"
    )


def main(arguments: Sequence[str]) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="sealing and relay, in two minutes")
    parser.add_argument("--tiny", action="store_true", help="only show that everything runs")
    parser.add_argument("--install", action="store_true", help="fetch the peers first")
    parser.add_argument("--write", action="store_true", help=f"put each part's tables into {RESULTS.name}")
    options = parser.parse_args(arguments)
    for one in options.parts:
        if one not in PARTS:
            parser.error(f"no part {one}")
    for failure in install() if options.install else ():
        print(f"not installed: {failure}\n", flush=True)
    # Whoever ends the run ends its servers and removes its folders with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    scale = TINY if options.tiny else QUICK if options.quick else FULL
    for part in options.parts or (QUICK_PARTS if options.quick else PARTS):
        if util.find_spec(f"bench.{part}") is None:
            print(f"not run: {part} is not part of this tree\n", flush=True)
            continue
        before = machine()
        text = "\n".join(table.markdown() for table in measure(part, scale))
        text = f"{before} before, {load()} after.\n\n{text}"
        print(text, flush=True)
        if options.write:
            _write(part, text)


def _write(part: str, text: str) -> None:
    """Replace what stands between a part's two marks."""
    begin, end = f"<!-- begin {part} -->\n", f"<!-- end {part} -->"
    before, found, rest = RESULTS.read_text("utf-8").partition(begin)
    _, closed, after = rest.partition(end)
    if not found or not closed:
        raise SystemExit(f"{RESULTS.name} has no marks for {part}")
    RESULTS.write_text(f"{before}{begin}{text}{end}{after}", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
