"""What has to wait before it is tried again, so that one thing that fails holds up nothing else."""

import asyncio
import math
from collections.abc import Hashable
from typing import Final

FIRST_SECONDS: Final = 0.25
MOST_SECONDS: Final = 60.0


class Later:
    """Keys that failed, each with a pause that doubles from one failure to the next, up to a most."""

    def __init__(self, first_seconds: float = FIRST_SECONDS) -> None:
        self._first = first_seconds
        self._until: dict[Hashable, tuple[float, float]] = {}

    def put(self, key: Hashable) -> None:
        """It failed: wait twice as long as the last time."""
        before = self._until.get(key)
        seconds = min(before[1] * 2, MOST_SECONDS) if before else self._first
        # To the next full step of the pause, so that what failed together is tried together.
        until = (math.floor(asyncio.get_running_loop().time() / seconds) + 2) * seconds
        self._until[key] = (until, seconds)

    def done(self, key: Hashable) -> None:
        """It succeeded, or is gone."""
        self._until.pop(key, None)

    def waiting(self) -> frozenset[Hashable]:
        """Those that still have to wait."""
        now = asyncio.get_running_loop().time()
        return frozenset(key for key, (until, _) in self._until.items() if until > now)

    def pause(self) -> float | None:
        """Seconds until the next may be tried; None if none waits."""
        now = asyncio.get_running_loop().time()
        waiting = [until - now for until, _ in self._until.values() if until > now]
        return min(waiting, default=None)
