"""A target in a process of its own, fed by atheris or by hypothesis; where there is no atheris, blindly.

The process is forked from one in which everything is imported, instrumented and made, so a target
begins at once and its memory is its own. It writes its defect to a file and ends; if it dies or is
killed for taking too long, the board still holds the input.
"""

import json
import os
import random
import re
import resource
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, NoReturn

from tests.fuzz.board import Board
from tests.fuzz.probe import Defect, FoundError, Probe
from tests.fuzz.target import Target

SECONDS: Final = 60
"""Of the clock, for one input: libFuzzer's -timeout."""
CORPUS: Final = Path(__file__).resolve().parent / "corpus"
_ADDRESSES: Final = 2 << 30
_LOG, _TOLD, _FOUND, _TIMED_OUT = "log", "defect", 3, 70
_EDGES: Final = re.compile(rb"cov: (\d+)")

Feed = Callable[[Probe, int, int, Path], None]
"""Gives a probe a number of inputs from a seed; the folder is its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """A run of one target. `edges` is 0 where the engine counts none."""

    target: str
    engine: str
    inputs: int
    accepted: int
    seconds: float
    edges: int
    growth: int
    slowest: float
    defect: Defect | None


def guided(probe: Probe, inputs: int, seed: int, work: Path) -> None:
    """libFuzzer by coverage, with the target's own mutations beside its; does not return."""
    import atheris  # there are wheels of it for some machines only

    def change(data: bytes, most: int, seed_: int) -> bytes:
        rng = random.Random(seed_)
        if rng.random() < 0.2:
            return bytes(atheris.Mutate(data, most))
        # libFuzzer offers what reached new code, which is mostly refused: half the time begin with good.
        chosen = rng.choice(probe.good) if rng.random() < 0.5 else data
        return probe.target.mutate(chosen, rng)[:most]

    def one(data: bytes) -> None:
        try:
            probe(data)
        except FoundError as found:
            _end(work, found.defect)

    probe.alarm = False
    corpus = work / "corpus"
    corpus.mkdir()
    for number, data in enumerate(probe.target.seeds()):
        (corpus / str(number)).write_bytes(data)
    arguments = [
        *("fuzz", str(corpus), f"-runs={inputs}", f"-seed={seed % 2**32 or 1}", f"-timeout={probe.seconds}"),
        *(f"-max_len={probe.target.longest}", "-len_control=0", "-rss_limit_mb=0"),
        f"-artifact_prefix={work}/",
    ]
    atheris.Setup(arguments, one, custom_mutator=change)
    atheris.Fuzz()


def blind(probe: Probe, inputs: int, seed: int, work: Path) -> None:
    """The target's own mutations of what is good, without coverage."""
    rng = random.Random(seed)
    for _ in range(inputs):
        data = rng.choice(probe.good)
        for _ in range(rng.choice((1, 1, 1, 2, 4))):
            data = probe.target.mutate(data, rng)[: probe.target.longest]
        probe(data)


def replay(probe: Probe, inputs: int, seed: int, work: Path) -> None:
    """The seeds, which are accepted, and the defects that were found, whatever `inputs` and `seed` say."""
    for data in probe.target.seeds():
        try:
            probe.target.run(data)
        except probe.target.errors as error:
            raise FoundError(Defect("Seed", f"a good input is refused: {error}", data)) from None
    for path in regressions(probe.target.name):
        probe(path.read_bytes())


def regressions(name: str) -> list[Path]:
    """A target's files, one a defect."""
    return sorted((CORPUS / name).glob("*"))


def smaller(defect: Defect) -> Feed:
    """An engine that cuts pieces out of an input as long as the same defect remains."""

    def shrink(probe: Probe, inputs: int, seed: int, work: Path) -> None:
        found, left = defect, inputs
        size = len(found.data) // 2
        while size and left:
            at = 0
            while at < len(found.data) and left:
                left -= 1
                again = _same(probe, found.data[:at] + found.data[at + size :], defect.kind)
                found, at = (again, at) if again else (found, at + size)
            size //= 2
        raise FoundError(found)

    return shrink


def _same(probe: Probe, data: bytes, kind: str) -> Defect | None:
    try:
        probe(data)
    except FoundError as found:
        return found.defect if found.defect.kind == kind else None
    return None


def run(target: Target, feed: Feed, *, inputs: int, seed: int, seconds: int = SECONDS) -> Result:
    """Feed a target in a process of its own."""
    target.seeds()
    began = time.monotonic()
    with Board() as board, tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        sys.stdout.flush()
        child = os.fork()
        if not child:
            _child(Probe(target, board, seconds=seconds), feed, inputs, seed, work)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        counts = board.counts
        edges = _EDGES.findall((work / _LOG).read_bytes())
        defect = _defect(work, status, board)
    return Result(
        target=target.name,
        engine=feed.__name__,
        inputs=counts.inputs,
        accepted=counts.accepted,
        seconds=time.monotonic() - began,
        edges=int(edges[-1]) if edges else 0,
        growth=counts.growth,
        slowest=counts.slowest,
        defect=defect,
    )


def _child(probe: Probe, feed: Feed, inputs: int, seed: int, work: Path) -> NoReturn:
    """Everything that a target leaves lying about is in the folder that the parent removes."""
    defect = None
    try:
        tempfile.tempdir = str(work)
        log = os.open(work / _LOG, os.O_WRONLY | os.O_CREAT)
        for stream in (1, 2):
            os.dup2(log, stream)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        # A length that is believed ends in MemoryError, which no target declares.
        limit = _size() + _ADDRESSES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        feed(probe, inputs, seed, work)
    except FoundError as found:
        defect = found.defect
    except BaseException as error:
        defect = Defect("Harness", "".join(traceback.format_exception(error)), b"")
    _end(work, defect)


def _end(work: Path, defect: Defect | None) -> NoReturn:
    if defect is None:
        os._exit(0)
    (work / _TOLD).write_text(json.dumps({**asdict(defect), "data": defect.data.hex()}))
    os._exit(_FOUND)


def _defect(work: Path, status: int, board: Board) -> Defect | None:
    """What the process told before it ended, or what its end tells."""
    if (work / _TOLD).exists():
        told = json.loads((work / _TOLD).read_text())
        return Defect(told["kind"], told["told"], bytes.fromhex(told["data"]))
    if not status:
        return None
    kind = "Time" if status in (_TIMED_OUT, -signal.SIGALRM) else "Death"
    tail = (work / _LOG).read_bytes()[-2000:].decode(errors="replace")
    return Defect(kind, f"the process ended with {status}\n{tail}", board.input)


def _size() -> int:
    """Bytes of address space in use."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return pages * resource.getpagesize()
