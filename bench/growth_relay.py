"""The relay with 10^3 to 10^6 messages: cost of one more, of an answer, of a start; memory of a backlog."""

import asyncio
import secrets
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from mce_relay.core import Core
from mce_relay.values import Accepted, EnvelopeIn, Quotas, RelayKeys, Settings

from bench import servers
from bench.fill import fill
from bench.frame import MIB, Goal, Plain, Scale, Table, interleave, number
from bench.sealing import CONTENT, SENDER, Ours
from mce_exchange import limits
from mce_exchange.v1 import relay_pb2 as pb
from tests.federation import LOG, RELAY_KEY

SIZES: Final = (1_000, 10_000, 100_000, 1_000_000)
BACKLOG: Final = 100_000
# Above every number that the filled rows use.
_FIRST_NUMBER: Final = 10_000_000


@dataclass
class Stored:
    """A relay's core over a filled store."""

    count: int
    core: Core
    started: float
    envelopes: list[EnvelopeIn]
    each: int
    loop: asyncio.AbstractEventLoop

    def close(self) -> None:
        """End it."""
        self.loop.run_until_complete(self.core.close())

    def submit(self) -> float:
        """Messages a second of a round, 64 in a call."""
        mine, self.envelopes = self.envelopes[: self.each], self.envelopes[self.each :]
        start = perf_counter()
        self.loop.run_until_complete(self._submit(mine))
        return len(mine) / (perf_counter() - start)

    async def _submit(self, envelopes: Sequence[EnvelopeIn]) -> None:
        most = limits.ENVELOPES_PER_CALL
        calls = [envelopes[at : at + most] for at in range(0, len(envelopes), most)]
        for outcomes in await asyncio.gather(*(self.core.submit(SENDER, call) for call in calls)):
            if not all(isinstance(one, Accepted) for one in outcomes):
                raise RuntimeError(f"refused: {outcomes[0]}")

    def read(self) -> float:
        """Answers a second to a member that is 500 entries behind."""
        count, start = 8, perf_counter()
        for _ in range(count):
            batch = self.loop.run_until_complete(self.core.read("kv", max(0, self.core.state.size - 500)))
            if batch is None or not batch.statements:
                raise RuntimeError("nothing to read")
        return count / (perf_counter() - start)


def cost(folder: Path, scale: Scale) -> Table:
    """One more message and one more answer, by what is stored; all stores take turns."""
    sizes, rounds, each = ((10, 1_000), 1, 8) if scale.tiny else (SIZES, 12, 128)
    ours, loop = Ours(), asyncio.new_event_loop()
    envelopes = _envelopes(ours, (rounds + 1) * each)
    with ExitStack() as stack:
        stack.callback(loop.close)
        stores = [_started(folder / str(count), count, ours, envelopes, each, loop) for count in sizes]
        for one in stores:
            stack.callback(one.close)
            one.submit()
        submits = interleave([Plain(number(one.count), one.submit) for one in stores], rounds)
        reads = interleave([Plain(number(one.count), one.read) for one in stores], rounds)
    first, last = number(sizes[0]), number(sizes[-1])
    rows = [
        [
            name,
            number(submits[name].median),
            number(submits[first].over(submits[name])),
            number(reads[name].median),
            number(reads[first].over(reads[name])),
            number(one.started),
        ]
        for name, one in zip(submits, stores, strict=True)
    ]
    return Table(
        title="Growth: messages stored at the relay",
        head=("stored", "accepted/s", "cost, times", "answers/s", "cost, times", "start, s"),
        rows=rows,
        goals=[
            Goal(
                what=f"cost of one more at {last}, times that at {first}",
                measured=submits[first].over(submits[last]),
                wanted=1.1,
                at_least=False,
            )
        ],
    )


def _envelopes(ours: Ours, count: int) -> list[EnvelopeIn]:
    made = []
    for i in range(count):
        to = (ours.members[i % len(ours.members)], _FIRST_NUMBER + i, secrets.token_bytes(32))
        one = ours.seal_to(secrets.token_bytes(CONTENT), [to])
        made.append(EnvelopeIn(one.statement.raw, one.wraps, one.payload))
    return made


def _started(
    folder: Path,
    count: int,
    ours: Ours,
    envelopes: Sequence[EnvelopeIn],
    each: int,
    loop: asyncio.AbstractEventLoop,
) -> Stored:
    fill(folder, ours, count)
    core = Core(
        data=folder,
        genesis=ours.federation.genesis,
        keys=RelayKeys(signing=RELAY_KEY, log_ed25519=LOG[0], log_ml_dsa_44=LOG[1]),
        settings=Settings(quotas=Quotas(messages_per_day=10**9), sweep_interval=1e6, anchor_interval=1e9),
    )
    start = perf_counter()
    loop.run_until_complete(core.start())
    return Stored(count, core, perf_counter() - start, list(envelopes), each, loop)


def memory(folder: Path, scale: Scale) -> Table:
    """The relay's own process with a backlog, while every recipient reads all of its own at once."""
    count = 200 if scale.tiny else BACKLOG
    ours = Ours()
    home = servers.relay_folder(folder / "relay", ours.federation)
    fill(home / "data", ours, count, sender=SENDER)
    with servers.relay(home) as server:
        idle = server.resident
        start = perf_counter()
        read = asyncio.run(_everybody(server, ours))
        seconds = perf_counter() - start
        peak = server.peak
    if read != count:
        raise RuntimeError(f"{read} of {count} messages were read")
    return Table(
        title=f"Growth: a backlog of {number(count)} at the relay",
        head=("", "idle MiB", "peak MiB", "messages/s delivered"),
        rows=[
            [
                f"{len(ours.members)} members reading",
                number(idle / MIB),
                number(peak / MIB),
                number(count / seconds),
            ]
        ],
        goals=[
            Goal(
                what="memory with a backlog of 10^5",
                measured=peak / MIB,
                wanted=160.0,
                at_least=False,
                unit=" MiB",
            )
        ],
    )


async def _everybody(server: servers.Server, ours: Ours) -> int:
    read = await asyncio.gather(*(_reader(server, ours, member) for member in ours.members))
    return sum(read)


async def _reader(server: servers.Server, ours: Ours, member: str) -> int:
    """Read up to the size that the log has, as a node does: a few answers of credit, one more for each."""
    found = 0
    async with servers.door(server, ours.federation, member) as channel:
        call: Any = channel.stream_stream(
            "/mce_exchange.v1.RelayService/Receive",
            request_serializer=pb.ReceiveRequest.SerializeToString,
            response_deserializer=pb.ReceiveResponse.FromString,
        )(wait_for_ready=True)
        await call.write(pb.ReceiveRequest(from_index=0))
        await call.write(pb.ReceiveRequest(credit=8))
        async for answer in call:
            found += sum(bool(one.payload) for one in answer.statements)
            end = answer.first_index + len(answer.entries) // limits.LOG_ENTRY
            if end >= int(answer.checkpoint.split(b"\n")[1]):
                break
            await call.write(pb.ReceiveRequest(credit=1))
        call.cancel()
    return found
