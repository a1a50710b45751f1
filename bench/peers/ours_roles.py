"""What our sender and recipient processes do, over the facade as an integrator uses it."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Final

from bench.peers.network import PASSPHRASE
from bench.peers.worker import Config, Gate, paced
from examples.scenario_s1 import ScenarioS1
from mce_exchange import case
from mce_exchange import statement as statements
from mce_exchange.case import CaseMessage
from mce_exchange.client.facade import Hotline, open_home
from mce_exchange.client.relay import GrpcRelay, Outcome
from mce_exchange.client.repin import Way
from mce_exchange.hotline.follow import Batch
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from mce_exchange.store.outbox import Outgoing

CONTENT: Final = 2048


def message() -> CaseMessage:
    """A synthetic sighting whose bytes are 2 KiB."""
    short = len(case.encode(ScenarioS1(canary="").sighting()))
    made = ScenarioS1(canary="x" * (CONTENT - short)).sighting()
    extra = len(case.encode(made)) - CONTENT
    return ScenarioS1(canary="x" * (CONTENT - short - extra)).sighting()


class _Held(GrpcRelay):
    """The relay, to which nothing is submitted before `open` is set."""

    def __init__(self, home: Home) -> None:
        self.open = asyncio.Event()
        self.begun = 0.0
        self.channel = Way.of(home).channel()
        super().__init__(self.channel)

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """Note when the first is handed in."""
        await self.open.wait()
        self.begun = self.begun or time.perf_counter()
        return await super().submit(messages)


async def send(config: Config, gate: Gate) -> Config:
    """Fill the outbox while the relay is held back, then send until every message is known as delivered."""
    home = Home.open(Path(config["home"]), PASSPHRASE)
    relay = _Held(home)
    home.close()
    made = message()
    async with relay.channel, open_home(config["home"], PASSPHRASE, relay=relay) as hotline:
        await _prekeys(hotline, config["to"])
        for _ in range(config["count"]):
            last = await hotline.send(made, to=config["to"])
        await gate()
        relay.open.set()
        await hotline.settled(last)
        while await hotline.node.run_home(_unanswered, hotline.node.home):
            await asyncio.sleep(0.001)
        done = time.perf_counter()
    return {"begun": relay.begun, "done": done}


def _unanswered(home: Home) -> int:
    return int(home.database.value("SELECT count(*) FROM recipient WHERE status != 'delivered'"))


async def pace(config: Config, gate: Gate) -> Config:
    """Hand over message by message at a steady rate; the node runs all the while."""
    handed: dict[str, tuple[float, float]] = {}
    made = message()
    async with _home(config) as (hotline, stamps):
        await _prekeys(hotline, config["to"])
        await gate()
        start = time.perf_counter()
        for number in range(config["count"]):
            begun = await paced(number, start, config["rate"])
            id_ = await hotline.send(made, to=config["to"])
            handed[id_] = (begun, time.perf_counter())
        await hotline.settled(id_)
    return {"handed": handed, **stamps}


async def take(config: Config, gate: Gate) -> Config:
    """Take `count` messages and acknowledge together what has come together."""
    async with _home(config) as (hotline, stamps):
        await _prekeys(hotline, [config["member"]])
        await gate()
        given = await _take(hotline, config["count"])
    return {"given": given, **stamps}


class _Stamped(GrpcRelay):
    """Notes when each message is submitted, has its receipt, comes in, and has been taken."""

    def __init__(self, home: Home) -> None:
        super().__init__(Way.of(home).channel())
        self._network_id = home.settings.get(settings.NETWORK_ID)
        self.stamps: dict[str, dict[str, float]] = {
            name: {} for name in ("submitted", "receipt", "came", "taken")
        }

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        """See `Relay`."""
        self._stamp("submitted", [one.header_id.hex() for one in messages])
        outcomes = await super().submit(messages)
        self._stamp("receipt", [one.header_id.hex() for one in messages])
        return outcomes

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        """See `Relay`. Who asks for more has stored what came before."""
        async with aclosing(super().receive(from_index)) as batches:
            async for batch in batches:
                came = [statements.decode(one.statement) for one in batch.statements]
                ids = [one.id(self._network_id).hex() for one in came if one.type == statements.HEADER]
                self._stamp("came", ids)
                yield batch
                self._stamp("taken", ids)

    def _stamp(self, name: str, ids: Sequence[str]) -> None:
        at = time.perf_counter()
        for one in ids:
            self.stamps[name].setdefault(one, at)


@asynccontextmanager
async def _home(config: Config) -> AsyncIterator[tuple[Hotline, Config]]:
    """The member's home with its node; with `stamps`, what passes between node and relay is noted."""
    if not config.get("stamps"):
        async with open_home(config["home"], PASSPHRASE) as hotline:
            yield hotline, {}
        return
    home = Home.open(Path(config["home"]), PASSPHRASE)
    relay = _Stamped(home)
    home.close()
    try:
        async with open_home(config["home"], PASSPHRASE, relay=relay) as hotline:
            yield hotline, relay.stamps
    finally:
        await relay.close()


async def take_all(config: Config, gate: Gate) -> Config:
    """The same for many members in one process, each with its own home and connection."""
    given: dict[str, list[float]] = {}
    async with AsyncExitStack() as stack:
        hotlines = [
            await stack.enter_async_context(open_home(Path(config["folder"]) / name, PASSPHRASE))
            for name in config["members"]
        ]
        await asyncio.gather(*(_prekeys(one, [one.member]) for one in hotlines))
        await gate()
        for found in await asyncio.gather(*(_take(one, config["count"]) for one in hotlines)):
            for id_, at in found.items():
                given.setdefault(id_, []).append(at)
    return {"given": given}


async def _take(hotline: Hotline, count: int) -> dict[str, float]:
    given: dict[str, float] = {}
    waiting: list[str] = []
    come = asyncio.Event()

    async def acknowledge() -> None:
        answered = 0
        while answered < count:
            await come.wait()
            come.clear()
            ids = waiting[:]
            waiting.clear()
            await hotline.acknowledge(*ids)
            answered += len(ids)
        await hotline.idle()

    acknowledging = asyncio.create_task(acknowledge())
    async for item in hotline.inbox():
        given[item.id] = time.perf_counter()
        waiting.append(item.id)
        come.set()
        if len(given) == count:
            break
    await acknowledging
    return given


async def _prekeys(hotline: Hotline, members: Sequence[str]) -> None:
    while any(hotline.node.follower.state.prekey(member) is None for member in members):
        await asyncio.sleep(0.01)
