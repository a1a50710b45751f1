#!/usr/bin/env python3
"""Check the model of delivery, tests/delivery/delivery.pml, with spin and a C compiler.

Every property must hold in every state; every planted fault must be found, by the property that is
there for it; every witness must be reachable. Within 90 s on one core and 1.5 GB; `--seconds` adds
two messages with all that can happen, as far as that time goes.
"""

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MODEL: Final = Path(__file__).resolve().parent.parent / "tests/delivery/delivery.pml"
_MEGABYTES: Final = 1500
_SECONDS: Final = 240
_NARROW: Final = ("NO_EXPIRY", "SAME_PREKEY")
_NO_END: Final = ("NO_EXPIRY", "NO_REFUSALS")


@dataclass(frozen=True)
class Run:
    """One question to spin. `finds` is the property that must fail, empty if all must hold."""

    title: str
    flags: tuple[str, ...] = ()
    finds: str = ""
    messages: int = 1
    live: bool = False
    every_line: bool = False
    partial: bool = False


@dataclass(frozen=True)
class Found:
    """What spin said: the property that failed or "", states, whether it looked at all of them."""

    failed: str
    states: int
    whole: bool
    unreached: tuple[str, ...]
    seconds: float


HOLDS: Final = (
    Run("one message, all that can happen", every_line=True),
    Run("one message, all that can happen: it ends", live=True),
    Run("two messages, void and refusals, one prekey", _NARROW, messages=2),
    Run("two messages, one prekey: both end", (*_NARROW, "NO_REFUSALS"), messages=2, live=True),
)
FAULTS: Final = (
    Run("the sender tells before it is durable", ("FAULT_TELLS_EARLY",), "handed_over_is_durable"),
    Run("the sender signs again at a retry", ("FAULT_SIGNS_AGAIN",), "ours_in_the_log_is_known"),
    Run("the sender believes a refusal more than the log", ("FAULT_DISOWNS",), "ours_in_the_log_is_known"),
    Run("the sender tries once", ("FAULT_ONE_TRY",), "every_message_ends", live=True),
    Run("the sender neither wraps again nor asks", ("FAULT_NO_REWRAP",), "every_message_ends", live=True),
    Run("the relay answers before it commits", ("FAULT_ANSWERS_EARLY",), "accepted_is_logged"),
    Run("the relay forgets used numbers", ("FAULT_FORGETS_NUMBERS",), "one_user_of_a_number"),
    Run("a second final answer is made and taken", ("FAULT_SECOND_FINAL",), "one_final_answer"),
    Run("the recipient counts on before it keeps", ("FAULT_INDEX_FIRST",), "followed_is_held"),
    Run("the recipient forgets at a crash", ("FAULT_TAKES_AGAIN",), "delivered_is_durable_first"),
    Run("the recipient answers before it keeps", ("FAULT_DELIVERED_EARLY",), "delivered_is_durable_first"),
    Run("acknowledged before it is durable", ("FAULT_ACKNOWLEDGES_EARLY",), "given_until_acknowledged"),
)
WITNESSES: Final = (
    Run("delivered by a re-wrap", ("WITNESS_DELIVERED_BY_REWRAP",), "witness"),
    Run("a late copy logged after a refusal", ("WITNESS_LATE_COPY_LOGGED_AFTER_REFUSAL",), "witness"),
    Run("a void logged before its header", ("WITNESS_VOID_BEFORE_HEADER",), "witness"),
    Run("a person asked, then expired", ("WITNESS_STUCK_THEN_EXPIRED",), "witness"),
    Run(
        "the second message delivered, the first not logged",
        ("WITNESS_SECOND_LOGGED_FIRST", *_NARROW, "NO_REFUSALS"),
        "witness",
        messages=2,
    ),
)
LARGER: Final = (
    Run("two messages, two prekeys", _NO_END, messages=2, partial=True),
    Run("two messages, two prekeys: both end", _NO_END, messages=2, live=True, partial=True),
    Run("two messages, all that can happen", messages=2, partial=True),
)


def ask(run: Run, seconds: float) -> Found:
    """Generate, compile and run the verifier for one question, in a folder that is gone afterwards."""
    flags = [f"-DN={run.messages}", *(f"-D{flag}" for flag in run.flags), *(["-DLIVE"] if run.live else [])]
    # A property of infinite runs is checked under weak fairness; NFAIR makes room for the processes.
    kind = ["-DNFAIR=3"] if run.live else ["-DSAFETY"]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="mce-model-") as folder:
        _call(["spin", "-a", *flags, str(MODEL)], folder)
        # A partial search keeps bits instead of states: 2^33 of them are a gigabyte.
        kind += ["-DBITSTATE"] if run.partial else []
        optimise = "-O0" if run.finds else "-O2"
        _call(["gcc", optimise, "-w", f"-DMEMLIM={_MEGABYTES}", *kind, "-o", "pan", "pan.c"], folder)
        fair = ["-a", "-f"] if run.live else []
        command = ["./pan", "-m1000000", *fair, *(["-w33"] if run.partial else [])]
        try:
            said = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=seconds).stdout
        except subprocess.TimeoutExpired as late:
            said = late.stdout.decode() if isinstance(late.stdout, bytes) else ""
    return _read(said, time.monotonic() - start)


def _call(command: list[str], folder: str) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


def _read(said: str, seconds: float) -> Found:
    failed = re.search(r"assertion violated (\w+)|(acceptance cycle)", said)
    states = re.findall(r"(\d+) states, stored|States=\s*(\S+)", said)
    cut = re.search(r"Search not completed|too small|out of memory|reached -DMEMLIM|pan: error", said)
    return Found(
        failed=(failed[1] or "every_message_ends") if failed else "",
        states=int(float(states[-1][0] or states[-1][1])) if states else 0,
        whole="elapsed time" in said and not cut,
        unreached=tuple(re.findall(r"(\S+:\d+), state \d+, (?!\"-end-\")", said)),
        seconds=seconds,
    )


def judge(run: Run, found: Found) -> str:
    """What is wrong, or nothing."""
    if found.failed != run.finds:
        return f"{found.failed or 'nothing'} failed, {run.finds or 'nothing'} should have"
    if not run.finds and not (found.whole or run.partial):
        return "the search was cut off: more memory or time is needed"
    if run.every_line and found.unreached:
        return f"never reached: {', '.join(found.unreached)}"
    return ""


def check(runs: tuple[Run, ...], how: str, seconds: float = _SECONDS) -> list[str]:
    """Run all, print a line for each; what is wrong."""
    problems = []
    for run in runs:
        found = ask(run, seconds)
        wrong = judge(run, found)
        result = f"WRONG: {wrong}" if wrong else how.format(run.finds)
        print(f"{run.title:<56} {found.states:>11,} states {found.seconds:5.1f} s  {result}", flush=True)
        problems += [f"{run.title}: {wrong}"] if wrong else []
    return problems


def main() -> int:
    """All lists."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=int, default=0, help="search larger bounds for so long, too")
    seconds: int = parser.parse_args().seconds
    missing = [tool for tool in ("spin", "gcc") if not shutil.which(tool)]
    if missing:
        print(f"model of delivery: not run: install {' and '.join(missing)}")
        return 0
    problems = check(HOLDS, "holds") + check(FAULTS, "found by {}") + check(WITNESSES, "reached")
    if seconds:
        problems += check(LARGER, "holds as far as searched", seconds / len(LARGER))
    print(f"model of delivery: {'WRONG' if problems else 'holds; every planted fault is found'}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
