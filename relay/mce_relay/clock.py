"""The time by which mail expires: a clock that is set wrong must not erase it (threat H8)."""

import time
from collections.abc import Callable
from typing import Final

from mce_relay.logs import logger

JUMP: Final = 3600.0
"""Seconds that the clock may be set by while the relay runs; by more it is not believed until a restart."""


def _since_boot() -> float:
    # Goes on while the machine sleeps, and nobody can set it.
    return time.clock_gettime(time.CLOCK_BOOTTIME)


class SteadyClock:
    """POSIX seconds: the machine's clock as long as it goes as time does, else the time that has gone by."""

    def __init__(
        self, *, wall: Callable[[], float] = time.time, since_boot: Callable[[], float] = _since_boot
    ) -> None:
        self._wall = wall
        self._since_boot = since_boot
        self._last = wall(), since_boot()
        self._jumped = False

    def __call__(self) -> float:
        """Now."""
        wall, boot = self._wall(), self._since_boot()
        expected = self._last[0] + boot - self._last[1]
        jumped = abs(wall - expected) > JUMP
        if jumped and not self._jumped:
            logger().error("clock jumped", seconds=wall - expected)
        self._jumped = jumped
        # What the clock was moved by little by little, as time services do, is the clock's own business.
        self._last = (expected if jumped else wall), boot
        return self._last[0]
