"""Sides that take turns on one machine, and what may be said of them afterwards.

A shared machine is never quiet: absolute figures drift by the minute. So all sides of a comparison
run in each round, a new one first each time, and what counts is the median over the rounds of the
ratio of two sides within a round. What one process does alone is timed by its processor time.
"""

import resource
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

MIB: Final = 1024 * 1024


class NotRun(Exception):  # noqa: N818 - no error: a line of the table says why a side is missing
    """This side cannot be had here; its text is the reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scale:
    """How much is measured. `tiny` only shows that everything runs: its figures mean nothing."""

    rounds: int
    seconds: float
    tiny: bool = False
    full: bool = True


FULL: Final = Scale(rounds=21, seconds=0.05)
QUICK: Final = Scale(rounds=7, seconds=0.05, full=False)
TINY: Final = Scale(rounds=1, seconds=0.0, tiny=True, full=False)


class Side(Protocol):
    """One of those compared: `run` does a round's work and says how many units a second it did."""

    @property
    def name(self) -> str:
        """In the table."""

    def run(self) -> float:
        """Units a second in this round."""


@dataclass(frozen=True, slots=True)
class Plain:
    """A side that is a function."""

    name: str
    work: Callable[[], float]

    def run(self) -> float:
        """See `Side`."""
        return self.work()


@dataclass(slots=True)
class Series:
    """What one side did, round by round."""

    name: str
    rates: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Units a second."""
        return statistics.median(self.rates)

    def over(self, other: "Series") -> float:
        """The median ratio of this side's rate to another's in the same round."""
        return statistics.median(a / b for a, b in zip(self.rates, other.rates, strict=True))


def interleave(sides: Sequence[Side], rounds: int) -> dict[str, Series]:
    """Every side once a round, the order turned by one each round; by name."""
    found = {side.name: Series(side.name) for side in sides}
    for number in range(rounds):
        turn = number % len(sides)
        for side in (*sides[turn:], *sides[:turn]):
            found[side.name].rates.append(side.run())
    return found


def processor_time() -> float:
    """Seconds of processor that this process and its ended children have had: others' load is not in it."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime


def timed(name: str, work: Callable[[], object], seconds: float) -> Plain:
    """A side that repeats one operation for about as many seconds of processor each round, at least once."""

    def run() -> float:
        count, start = 0, processor_time()
        while True:
            work()
            count += 1
            spent = processor_time() - start
            # The clock may stand still in the shortest of runs.
            if spent >= seconds:
                return count / max(spent, 1e-6)

    return Plain(name, run)


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """What issue and table speak of: a measured figure against the wanted one."""

    what: str
    measured: float
    wanted: float
    at_least: bool = True
    unit: str = ""

    @property
    def met(self) -> bool:
        """Whether it is reached."""
        return self.measured >= self.wanted if self.at_least else self.measured <= self.wanted

    def row(self) -> list[str]:
        """A line of the table of goals."""
        bound = "at least" if self.at_least else "at most"
        return [
            self.what,
            f"{bound} {number(self.wanted)}{self.unit}",
            f"{number(self.measured)}{self.unit}",
            "met" if self.met else "missed",
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of the report; `missing` are sides not run, with the reason."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    method: str = ""
    missing: Sequence[str] = ()
    goals: Sequence[Goal] = ()

    def markdown(self) -> str:
        """As it stands in RESULTS.md."""
        lines = [f"### {self.title}", ""]
        lines += [self.method, ""] if self.method else []
        lines += _grid(self.head, self.rows)
        lines += ["", *(f"Not run: {one}." for one in self.missing)] if self.missing else []
        if self.goals:
            lines += ["", *_grid(("goal", "wanted", "measured", ""), [goal.row() for goal in self.goals])]
        return "\n".join(lines) + "\n"


def _grid(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return ["| " + " | ".join(line) + " |" for line in lines]


def number(value: float) -> str:
    """Three figures are what such a machine can tell."""
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
