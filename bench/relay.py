"""Durable accepted messages a second, beside a bare grpc.aio echo of the same bytes in the same batching.

The relay is its own command in a process of its own: TLS with both certificates, both signatures
verified, one checkpoint a group, every answer after its commit on the disk. Messages are sealed before
(2 KiB, one recipient, 13 KiB on the wire), from one member to 30, and each is sent once. The client is
the same for all sides: one process, one connection, the serialised requests at hand. Processor time a
message is shown beside the rates: it says what a quiet machine would do.
"""

import asyncio
import secrets
import statistics
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any, Final

import grpc

from bench import servers
from bench.frame import MIB, Goal, Scale, Series, Table, interleave, number
from bench.sealing import CONTENT, SENDER, Ours
from bench.servers import Server
from mce_exchange import limits
from mce_exchange.sealing import Sealed
from mce_exchange.v1 import relay_pb2 as pb

_SUBMIT: Final = "/mce_exchange.v1.RelayService/Submit"


@dataclass(frozen=True, slots=True)
class Batching:
    """Envelopes in a call, calls in flight, calls in a round."""

    each: int
    flying: int
    calls: int


FULL: Final = (Batching(1, 64, 512), Batching(8, 16, 96), Batching(64, 4, 16))
QUICK: Final = (Batching(1, 64, 256), Batching(8, 16, 48), Batching(64, 4, 8))
TINY: Final = (Batching(1, 4, 4), Batching(2, 2, 2), Batching(64, 1, 1))


@dataclass
class Load:
    """One side: takes the next calls' bytes, keeps some in flight, and counts what came back."""

    name: str
    loop: asyncio.AbstractEventLoop
    call: Callable[[bytes], Awaitable[bytes]]
    server: Server
    batching: Batching
    requests: Iterator[Sequence[bytes]]
    check: Callable[[bytes, int], None]
    milliseconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    own: list[float] = field(default_factory=list)

    def run(self) -> float:
        """Messages a second in this round."""
        return self.loop.run_until_complete(self._round(next(self.requests)))

    async def _round(self, requests: Sequence[bytes]) -> float:
        waiting = iter(requests)
        before, own, start = self.server.cpu, process_time(), perf_counter()
        await asyncio.gather(*(self._one_after_another(waiting) for _ in range(self.batching.flying)))
        seconds, messages = perf_counter() - start, len(requests) * self.batching.each
        self.cpu.append((self.server.cpu - before) / messages)
        self.own.append((process_time() - own) / messages)
        return messages / seconds

    async def _one_after_another(self, waiting: Iterator[bytes]) -> None:
        for request in waiting:
            start = perf_counter()
            answer = await self.call(request)
            self.milliseconds.append(1000 * (perf_counter() - start))
            self.check(answer, self.batching.each)


class World:
    """A federation, its relay and two echoes, and messages that nobody has sent yet."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.ours = Ours()
        self.loop = asyncio.new_event_loop()
        stack.callback(self.loop.close)
        home = servers.relay_folder(folder / "relay", self.ours.federation)
        self.relay = stack.enter_context(servers.relay(home))
        self.plain = stack.enter_context(servers.echo())
        self.tls = stack.enter_context(servers.echo(home))
        self._channels = {
            "relay": self._open(stack, self._door(self.relay)),
            "plain": self._open(stack, self._bare(self.plain)),
            "tls": self._open(stack, self._door(self.tls)),
        }
        self._numbers = dict.fromkeys(self.ours.members, (0, b""))
        self.loop.run_until_complete(self._publish_prekeys())

    def _open(self, stack: ExitStack, opening: Any) -> grpc.aio.Channel:
        channel: grpc.aio.Channel = self.loop.run_until_complete(opening)
        stack.callback(lambda: self.loop.run_until_complete(channel.close()))
        return channel

    async def _door(self, server: Server) -> grpc.aio.Channel:
        return servers.door(server, self.ours.federation, SENDER)

    async def _bare(self, server: Server) -> grpc.aio.Channel:
        return grpc.aio.insecure_channel(server.address, options=servers.OPTIONS)

    async def _publish_prekeys(self) -> None:
        request = pb.PublishRequest()
        for raw in self.ours.federation.raw[1:]:
            request.statements.add(statement=raw)
        call = self._channels["relay"].unary_unary(
            "/mce_exchange.v1.RelayService/Publish",
            request_serializer=pb.PublishRequest.SerializeToString,
            response_deserializer=pb.PublishResponse.FromString,
        )
        answer: Any = await call(request, wait_for_ready=True)
        if not all(one.HasField("accepted") for one in answer.results):
            raise RuntimeError("the relay refuses the prekeys")

    def sealed(self, count: int) -> list[Sealed]:
        """New messages, numbered in each pair; sealed on both cores."""
        numbered = []
        for i in range(count):
            member = self.ours.members[i % len(self.ours.members)]
            sequence, _ = self._numbers[member]
            # What came before a message is for its recipient's eyes: any id will do here.
            previous = secrets.token_bytes(limits.HASH) if sequence else b""
            self._numbers[member] = (sequence + 1, previous)
            numbered.append((member, sequence + 1, previous))
        with ThreadPoolExecutor(2) as pool:
            return list(
                pool.map(lambda one: self.ours.seal_to(secrets.token_bytes(CONTENT), [one]), numbered)
            )

    def load(self, side: str, batching: Batching, rounds: Sequence[Sequence[bytes]]) -> Load:
        """One side of a comparison."""
        path = _SUBMIT if side == "relay" else servers.ECHO
        # Bytes in, bytes out: serialising is not what is compared.
        call: Any = self._channels[side].unary_unary(path)
        return Load(
            name={"relay": "the relay", "plain": "echo, plain text", "tls": "echo, TLS"}[side],
            loop=self.loop,
            call=call,
            server={"relay": self.relay, "plain": self.plain, "tls": self.tls}[side],
            batching=batching,
            requests=iter(rounds),
            check=_accepted if side == "relay" else _echoed,
        )


def _accepted(answer: bytes, count: int) -> None:
    results = pb.SubmitResponse.FromString(answer).results
    if len(results) != count or not all(one.HasField("accepted") for one in results):
        raise RuntimeError(f"the relay refuses: {results[0] if results else 'no answer'}")


def _echoed(answer: bytes, count: int) -> None:
    if not answer:
        raise RuntimeError("no echo")


def requests(messages: Sequence[Sealed], each: int) -> list[bytes]:
    """Serialised calls of so many envelopes."""
    calls = []
    for at in range(0, len(messages), each):
        request = pb.SubmitRequest()
        for one in messages[at : at + each]:
            request.envelopes.add(statement=one.statement.raw, wraps=one.wraps, payload=one.payload)
        calls.append(request.SerializeToString())
    return calls


def run(scale: Scale) -> list[Table]:
    """A table for each batching."""
    batchings = TINY if scale.tiny else FULL if scale.full else QUICK
    rounds = 1 if scale.tiny else 8 if scale.full else 4
    with tempfile.TemporaryDirectory(prefix="bench") as folder, ExitStack() as stack:
        world = World(Path(folder), stack)
        return [_compare(world, batching, rounds) for batching in batchings]


def _compare(world: World, batching: Batching, rounds: int) -> Table:
    # One round more, to warm up connections and caches.
    messages = world.sealed((rounds + 1) * batching.each * batching.calls)
    size = batching.each * batching.calls
    calls = [requests(messages[i * size : (i + 1) * size], batching.each) for i in range(rounds + 1)]
    loads = [world.load(side, batching, calls) for side in ("relay", "plain", "tls")]
    for load in loads:
        load.run()
        load.milliseconds.clear()
        load.cpu.clear()
        load.own.clear()
    entries, commits = world.relay.counted("entries"), world.relay.counted("commits")
    found = interleave(loads, rounds)
    commits, entries = world.relay.counted("commits") - commits, world.relay.counted("entries") - entries
    mine = found[loads[0].name]
    rows = [
        [
            load.name,
            number(found[load.name].median),
            number(mine.over(found[load.name])),
            number(statistics.median(load.milliseconds)),
            number(1e6 * statistics.median(load.cpu)),
            number(1e6 * statistics.median(load.own)),
            number(load.server.peak / MIB),
        ]
        for load in loads
    ]
    return Table(
        title=f"Relay: {batching.each} in a call, {batching.flying} calls in flight",
        head=(
            "",
            "messages/s",
            "relay over it",
            "p50 of a call, ms",
            "server µs each",
            "client µs each",
            "peak MiB",
        ),
        rows=rows,
        goals=_goals(batching, mine, found[loads[1].name], entries / max(commits, 1)),
        method=f"{number(entries / max(commits, 1))} rows a commit.",
    )


def _goals(batching: Batching, mine: Series, plain: Series, rows: float) -> list[Goal]:
    if batching.each != 1:
        return []
    return [
        Goal(what="one in a call: of echo's rate", measured=mine.over(plain), wanted=0.35),
        Goal(what="rows a commit at saturation", measured=rows, wanted=8.0),
    ]
