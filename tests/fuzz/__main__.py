"""`make fuzz`: the regression files, then every target by coverage, then by hypothesis.

Prints a line a run. The first defect of a target ends it; its input is made smaller, printed in hex
and kept under `corpus/<target>/`, to be renamed for what was wrong. Exit code 1 if there was any.
"""

import argparse
import contextlib
import hashlib
import importlib.util
import io
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tests.fuzz.target import MIB

HYPOTHESIS: Final = 100
"""One input in so many is hypothesis's: its inputs are better, and slow."""
_HEAD: Final = (
    f"{'target':<26} {'engine':<10} {'inputs':>8} {'accepted':>8} {'inputs/s':>8} {'edges':>6}"
    f" {'peak MiB':>8} {'slowest s':>9}"
)


def _load() -> None:
    """Import everything under test, counted by edges where atheris is to be had."""
    if importlib.util.find_spec("atheris") is None:
        return
    import atheris

    # It tells of each module on stderr.
    with (
        contextlib.redirect_stderr(io.StringIO()),
        atheris.instrument_imports(include=["mce_exchange", "mce_relay"], exclude=["mce_exchange.v1"]),
    ):
        importlib.import_module("tests.fuzz.targets")


_load()

from tests.fuzz import engine, strategies  # noqa: E402 # what they import has to be instrumented first
from tests.fuzz.planted import PLANTED  # noqa: E402
from tests.fuzz.probe import Defect  # noqa: E402
from tests.fuzz.target import Target  # noqa: E402
from tests.fuzz.targets import TARGETS  # noqa: E402


def main(arguments: Sequence[str]) -> int:
    """The number of defects, at most 1."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, help="in all; 0: the regression files only")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="*", choices=list(TARGETS), default=list(TARGETS), metavar="TARGET")
    parser.add_argument("--planted", action="store_true", help="find the planted defects instead")
    chosen = parser.parse_args(arguments)
    print(_HEAD, flush=True)
    if chosen.planted:
        return _planted(chosen.seed)
    began = time.monotonic()
    results = _all([TARGETS[name] for name in chosen.only], inputs=chosen.inputs, seed=chosen.seed)
    tried = sum(result.inputs for result in results)
    found = [result for result in results if result.defect]
    seconds = time.monotonic() - began
    print(
        f"total {tried} inputs, {len(found)} defects, {seconds:.0f} s, {tried / max(seconds, 1):.0f} inputs/s"
    )
    return int(bool(found))


def _guide() -> engine.Feed:
    return engine.guided if importlib.util.find_spec("atheris") else engine.blind


def _all(targets: Sequence[Target], *, inputs: int, seed: int) -> list[engine.Result]:
    results = [_one(target, engine.replay, inputs=0, seed=seed) for target in targets]
    by_hypothesis = inputs // HYPOTHESIS // len(targets)
    rest = inputs - by_hypothesis * len(targets)
    shares = sum(target.share for target in targets)
    for target in targets if inputs else ():
        # Rounded up, so that all are at least what was asked for.
        part = -(-rest * target.share // shares)
        results.append(_one(target, _guide(), inputs=part, seed=seed))
    for target in targets if by_hypothesis else ():
        results.append(_one(target, strategies.structured, inputs=by_hypothesis, seed=seed))
    return results


def _one(target: Target, feed: engine.Feed, *, inputs: int, seed: int) -> engine.Result:
    result = engine.run(target, feed, inputs=inputs, seed=seed)
    if feed is not engine.replay or result.defect:
        _print(result)
    if result.defect:
        result = replace(result, defect=_told(target, result.defect, new=feed is not engine.replay))
    return result


def _print(result: engine.Result) -> None:
    rate = result.inputs / max(result.seconds, 0.001)
    print(
        f"{result.target:<26} {result.engine:<10} {result.inputs:>8} {result.accepted:>8} {rate:>8.0f}"
        f" {result.edges or '':>6} {result.growth // MIB:>8} {result.slowest:>9.3f}"
        f" {result.defect.kind if result.defect else ''}",
        flush=True,
    )


def _told(target: Target, defect: Defect, *, new: bool) -> Defect:
    """The defect made small, printed, and kept if it is new."""
    if defect.kind not in ("Time", "Death", "Harness", "Seed"):
        again = engine.run(target, engine.smaller(defect), inputs=2000, seed=0).defect
        defect = again if again and again.kind == defect.kind else defect
    print(f"\n{target.name}: {defect.kind}\n{defect.told}\ninput: {defect.data.hex()}\n", flush=True)
    if new and defect.kind != "Harness":
        folder = engine.CORPUS / target.name
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{defect.kind.lower()}-{hashlib.sha256(defect.data).hexdigest()[:8]}"
        path.write_bytes(defect.data)
        print(f"kept as {path.relative_to(engine.CORPUS.parent)}: rename it for what was wrong\n", flush=True)
    return defect


def _planted(seed: int) -> int:
    """Every planted defect by every engine; 1 if all were found for what they are."""
    missed = 0
    for target, kind in PLANTED:
        # Only the endless loop waits for its end: on a busy machine the others may take their time.
        seconds = 5 if kind == "Time" else engine.SECONDS
        for feed in (engine.guided, engine.blind, strategies.structured):
            if feed is engine.guided and _guide() is not feed:
                continue
            result = engine.run(target, feed, inputs=100_000, seed=seed, seconds=seconds)
            _print(result)
            if (
                result.defect is None
                or result.defect.kind != kind
                or not _again(target, result.defect, seconds)
            ):
                print(f"missed: {target.name} by {feed.__name__}", flush=True)
                missed += 1
    print(f"planted defects missed: {missed}")
    return int(not missed)


def _again(target: Target, defect: Defect, seconds: int) -> bool:
    """Whether the input that was told shows the defect by itself."""
    again = engine.run(target, engine.smaller(defect), inputs=1, seed=0, seconds=seconds)
    return again.defect is not None and again.defect.kind == defect.kind


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
