"""Seeds, one after the other, in one process."""

import asyncio
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.delivery.world import scratch
from tests.simulation.cheap import cheap
from tests.simulation.history import Event, History, history, play
from tests.simulation.virtual import Loop


class Runs:
    """Plays histories; each in a folder of its own that is gone afterwards."""

    def __init__(self, folder: Path, loop: Loop, runner: asyncio.Runner) -> None:
        self._folder = folder
        self._loop = loop
        self._runner = runner

    def seed(self, number: int, only: Sequence[str] = ()) -> tuple[History, list[str]]:
        """A seed's history and its faults."""
        chosen = history(number, only)
        return chosen, self.play(chosen, chosen.events)

    def play(self, chosen: History, events: Sequence[Event]) -> list[str]:
        """The faults of some of a history's events."""
        folder = self._folder / "run"
        folder.mkdir()
        try:
            return self._runner.run(play(chosen, events, folder, self._loop.clock))
        finally:
            shutil.rmtree(folder)

    def shortest(self, chosen: History, faults: Sequence[str]) -> tuple[list[int], list[str]]:
        """The fewest events, by their places, that still break it in the same way; and how they do."""
        kinds = {one.partition(":")[0] for one in faults}
        keep, found = list(range(len(chosen.events))), list(faults)
        for place in reversed(range(len(chosen.events))):
            fewer = [one for one in keep if one != place]
            left = self.play(chosen, [chosen.events[one] for one in fewer])
            if kinds & {one.partition(":")[0] for one in left}:
                keep, found = fewer, left
        return keep, found

    def told(self, number: int, only: Sequence[str] = ()) -> str:
        """What is wrong with a seed, as short as it gets, and how to see it again; nothing if all is well."""
        chosen, faults = self.seed(number, only)
        if not faults:
            return ""
        keep, found = self.shortest(chosen, faults)
        places = ",".join(map(str, keep))
        named = "".join(f" --misdeed {one}" for one in only)
        lines = [f"seed {number}, {'two of three' if chosen.witnessed else 'no'} witnesses"]
        lines += [str(chosen.events[one]) for one in keep]
        lines += found
        return "\n  ".join(
            [*lines, f"again: python -m tests.simulation --from {number} --events {places or 'none'}{named}"]
        )


@contextmanager
def runs() -> Iterator[Runs]:
    """In memory."""
    with ExitStack() as stack:
        stack.enter_context(cheap())
        folder = Path(stack.enter_context(scratch()))
        loop = Loop()
        runner = stack.enter_context(asyncio.Runner(loop_factory=lambda: loop))
        yield Runs(folder, loop, runner)
