"""What has to wait before it is tried again, so that one thing that fails holds up nothing else."""

import asyncio
from collections.abc import Hashable
from typing import Final

FIRST_SECONDS: Final = 0.25
MOST_SECONDS: Final = 60.0


class Later:
    """Keys that failed, each with a pause that doubles from one failure to the next, up to a most."""

    def __init__(self, most_seconds: float = MOST_SECONDS) -> None:
        self._most = most_seconds
        self._until: dict[Hashable, tuple[float, float]] = {}

    def put(self, key: Hashable) -> None:
        """It failed: wait twice as long as the last time."""
        seconds = min(self._until.get(key, (0.0, FIRST_SECONDS / 2))[1] * 2, self._most)
        self._until[key] = (asyncio.get_running_loop().time() + seconds, seconds)

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
