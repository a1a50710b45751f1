"""Virtual time: a loop that never waits, and a node whose home is touched where it is asked for."""

import asyncio
import selectors
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from mce_exchange.client.node import Node

_T = TypeVar("_T")


@dataclass
class Clock:
    """Everybody's time, in POSIX seconds."""

    now: float

    def __call__(self) -> float:
        return self.now


class _Still(selectors.SelectSelector):
    """Waiting takes no time; the clock goes on."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> Any:
        assert timeout is not None, "somebody waits for what nobody will do"
        if timeout > 0:
            # A little more than asked for: a number of this size is told from the next in steps.
            self._clock.now += timeout + 0.001
        return super().select(0)


class Loop(asyncio.SelectorEventLoop):
    """An event loop on such a clock, which each history sets anew."""

    def __init__(self) -> None:
        self.clock = Clock(0.0)
        super().__init__(_Still(self.clock))

    def time(self) -> float:
        return self.clock.now


class Stepped(Node):
    """A node of one thread: whoever steps it is the only one there."""

    async def run_home(self, work: Callable[..., _T], *arguments: Any) -> _T:
        self.home.database.news()
        return work(*arguments)
