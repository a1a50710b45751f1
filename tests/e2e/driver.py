"""A hotline under load, to be killed at any moment: sends without end, and acknowledges all it is given.

python -m tests.e2e.driver HOME PEER RECORD PACE      passphrase on standard input

RECORD gets a line for each thing that has happened, when it has: "sent ID" once `send` has returned,
"given ID" before anything is done with a message, "acknowledged ID" once that has returned. A line is
one write: SIGKILL leaves it whole or absent. At SIGUSR1 it sends no more, waits until every recipient
has answered what it has recorded as sent, and writes "settled".
"""

import asyncio
import os
import random
import signal
import sys
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

from examples.scenario_s1 import ScenarioS1
from mce_exchange.client.facade import Hotline, open_home
from mce_exchange.errors import UsageError

READING = 0.04
MESSAGE = ScenarioS1(canary="kanarie").update()


class Record:
    """What has happened to this hotline's application, in this life and earlier ones."""

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self.ids: dict[str, set[str]] = defaultdict(set)
        for what, id_ in read(path):
            self.ids[what].add(id_)

    def write(self, what: str, id_: str = "") -> None:
        os.write(self._file, f"{what} {id_}\n".encode())
        self.ids[what].add(id_)


def read(path: Path) -> list[tuple[str, str]]:
    """(what, id), oldest first."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [(what, id_) for what, _, id_ in (line.partition(" ") for line in lines)]


async def send(hotline: Hotline, peer: str, record: Record, pace: float, stop: asyncio.Event) -> None:
    while not stop.is_set():
        # The peer's first prekey may not have come yet.
        with suppress(UsageError):
            record.write("sent", await hotline.send(MESSAGE, to=[peer]))
        await asyncio.sleep(pace)
    for id_ in sorted(record.ids["sent"]):
        await hotline.settled(id_)
    record.write("settled")


async def consume(hotline: Hotline, record: Record) -> None:
    for id_ in record.ids["given"] - record.ids["acknowledged"]:
        # The last life may have died between the durable acknowledgement and its line.
        received = await hotline.node.run_home(hotline.node.home.inbox.find, bytes.fromhex(id_))
        if received and received.state == "acknowledged":
            record.write("acknowledged", id_)
    async for item in hotline.inbox():
        record.write("given", item.id)
        # Somebody reads it: time for a kill between given and acknowledged.
        await asyncio.sleep(random.uniform(0, READING))
        await item.acknowledge()
        record.write("acknowledged", item.id)


async def main(home: str, peer: str, path: str, pace: str) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, stop.set)
    record = Record(Path(path))
    async with open_home(home, sys.stdin.readline().strip(), catch_up_seconds=0.2) as hotline:
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            group.create_task(consume(hotline, record))
            group.create_task(send(hotline, peer, record, float(pace), stop))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
