"""The other systems' runs: a server, a sender, a recipient, the same number of the same bytes."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.peers.figures import Delays, Flow
from bench.peers.processes import Server, Worker, working
from bench.peers.worker import Config

Serve = Callable[[Path], AbstractContextManager[tuple[Server, Config]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Other:
    """One system: its name, the module with its roles, its server; messages of `size` bytes."""

    name: str
    module: str
    serve: Serve
    size: int

    def flow(self, folder: Path, count: int) -> Flow:
        """`count` messages, from the first handed over to the last acknowledged."""
        with self._ready(folder, count, 0) as (server, workers):
            before = server.cpu()
            sent, taken = _run(workers)
            cpu = {"sender": sent["cpu"], "server": server.cpu() - before, "recipient": taken["cpu"]}
        seconds = max(sent["done"], taken["done"]) - sent["handed"][0]
        return Flow(messages=count, seconds=seconds, cpu=cpu)

    def delays(self, folder: Path, rate: float, count: int) -> Delays:
        """`count` messages at `rate` a second."""
        with self._ready(folder, count, rate) as (_, workers):
            sent, taken = _run(workers)
        pairs = zip(sent["handed"], taken["given"], strict=True)
        return Delays(given=[(given - handed) * 1e3 for handed, given in pairs])

    @contextmanager
    def _ready(self, folder: Path, count: int, rate: float) -> Iterator[tuple[Server, list[Worker]]]:
        with (
            tempfile.TemporaryDirectory(dir=folder, prefix=f"{self.module}-") as data,
            self.serve(Path(data)) as (server, where),
        ):
            config = {**where, "count": count, "rate": rate, "filling": os.urandom(self.size).hex()}
            roles = [(self.module, role, config) for role in ("send", "take")]
            with working(*roles, seconds=300) as workers:
                yield server, workers


def _run(workers: list[Worker]) -> list[Config]:
    for worker in reversed(workers):
        worker.tell()
    return [worker.answer() for worker in workers]
