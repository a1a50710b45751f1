"""One side's sender or recipient in its own process: says that it is ready, is told to begin, reports.

python -m bench.peers.worker MODULE ROLE CONFIG
"""

import asyncio
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

Config = dict[str, Any]


class Gate:
    """Where a role waits for the others before it begins."""

    def __init__(self) -> None:
        self.cpu = 0.0

    async def __call__(self, **facts: Any) -> None:
        """Say that this role is ready and wait to be told."""
        _say(facts)
        if not await asyncio.to_thread(sys.stdin.readline):
            raise SystemExit("nobody waits for this worker any more")
        self.cpu = _cpu()


Role = Callable[[Config, Gate], Awaitable[Config]]


async def paced(number: int, start: float, rate: float) -> float:
    """When message `number` is handed over: at once, or when its turn of `rate` a second has come."""
    if rate:
        await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
    return time.perf_counter()


def body(number: int, filling: bytes) -> bytes:
    """A message of the others: as long as our envelope, and as little compressible."""
    return number.to_bytes(8, "big") + filling[8:]


def _say(facts: Config) -> None:
    """One line, whole: a pipe may take less at a time than a long run's times need."""
    sys.stdout.flush()
    os.set_blocking(sys.stdout.fileno(), True)
    line = (json.dumps(facts) + "\n").encode()
    while line:
        line = line[os.write(sys.stdout.fileno(), line) :]


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def _work(role: Role, config: Config) -> Config:
    gate = Gate()
    found = await role(config, gate)
    return {**found, "cpu": _cpu() - gate.cpu}


def main() -> None:
    """Run one role to its end."""
    module, role, config = sys.argv[1:]
    roles = importlib.import_module(f"bench.peers.{module}")
    run = importlib.import_module("uvloop").run if getattr(roles, "UVLOOP", False) else asyncio.run
    _say(run(_work(getattr(roles, role), json.loads(config))))


if __name__ == "__main__":
    main()
