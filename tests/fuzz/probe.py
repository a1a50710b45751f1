"""One input at a time: what it raises, how long it takes, how much memory the process ever took."""

import resource
import signal
import time
import traceback
from dataclasses import dataclass
from typing import Final

from mce_exchange import limits
from tests.fuzz.board import Board, Counts
from tests.fuzz.target import Target

GROWTH: Final = 256 * limits.MIB
"""Bytes by which a target's peak may grow above what its process began with."""
CPU_SECONDS: Final = 5.0
"""Of the processor, for one input: a busy machine does not count."""
_GOOD: Final = 256
_GOOD_BYTES: Final = 64 * limits.KIB


@dataclass(frozen=True, slots=True)
class Defect:
    """What an input did that no input may do: `kind` names it in one word."""

    kind: str
    told: str
    data: bytes


class FoundError(Exception):
    """Ends a run with its defect."""

    def __init__(self, defect: Defect) -> None:
        super().__init__(defect.kind)
        self.defect = defect


def peak() -> int:
    """The most memory this process has held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Probe:
    """Runs a target and watches it; raises `FoundError` at the first defect.

    `good` are the seeds and some of what was accepted since: what mutation best goes on from. After
    `seconds` of the clock an input is given up and the process with it, by an alarm that `alarm`
    sets; libFuzzer has its own.
    """

    def __init__(self, target: Target, board: Board, *, seconds: int) -> None:
        self.target = target
        self.seconds = seconds
        self.alarm = True
        self.good = list(target.seeds())
        self._seeds = len(self.good)
        self._board = board
        self._inputs = self._accepted = 0
        self._slowest, self._slowest_length = 0.0, 0
        self._base = peak()

    def __call__(self, data: bytes) -> None:
        """Try one input."""
        self._board.begin(data)
        if self.alarm:
            signal.setitimer(signal.ITIMER_REAL, self.seconds)
        began = time.process_time()
        try:
            self.target.run(data)
            self._accept(data)
        except self.target.errors:
            pass
        # SystemExit too: no parser ends the process.
        except (Exception, SystemExit) as error:
            told = "".join(traceback.format_exception(error))
            raise FoundError(Defect(type(error).__name__, told, data)) from None
        spent, growth = time.process_time() - began, peak() - self._base
        self._inputs += 1
        if spent > self._slowest:
            self._slowest, self._slowest_length = spent, len(data)
        self._board.end(Counts(self._inputs, self._accepted, growth, self._slowest, self._slowest_length))
        if growth > GROWTH:
            raise FoundError(Defect("Memory", f"the peak grew by {growth >> 20} MiB", data))
        if spent > CPU_SECONDS:
            raise FoundError(Defect("Time", f"{spent:.1f} s of the processor", data))

    def _accept(self, data: bytes) -> None:
        self._accepted += 1
        if len(data) > _GOOD_BYTES:
            return
        if len(self.good) < self._seeds + _GOOD:
            self.good.append(data)
        else:
            self.good[self._seeds + self._accepted % _GOOD] = data
