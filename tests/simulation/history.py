"""A seed's history: events, each at its time, and what everybody does until all is said that is due."""

import heapq
import itertools
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.judge import judge
from tests.simulation.misdeeds import CATALOGUE
from tests.simulation.misdeeds.base import HOUR, MINUTE, Misdeed
from tests.simulation.virtual import Clock
from tests.simulation.world import HOTLINES, LIFETIME, START, World

MISDEEDS = ((), (), (1,), (1,), (1,), (1, 1), (1, 1, 1))


@dataclass(frozen=True)
class Event:
    """Seconds from the start; `send`, or the name of a misdeed; who, and whom it is about."""

    at: float
    what: str
    members: tuple[str, ...]
    urgent: bool = False
    deadline: int = 0

    def __str__(self) -> str:
        hours, minutes = divmod(int(self.at) // 60, 60)
        more = (", urgent" if self.urgent else "") + (", within the hour" if self.deadline else "")
        return f"{hours:3}:{minutes:02}  {self.what} {' '.join(self.members)}{more}"


@dataclass(frozen=True)
class History:
    """What a seed chose; `witnessed` says whether the hotlines witness, two of three."""

    seed: int
    witnessed: bool
    events: tuple[Event, ...]


def history(seed: int, only: Sequence[str] = ()) -> History:
    """The seed's; of the misdeeds, `only` those named, if any are."""
    chance = random.Random(seed)
    events = [_message(chance, chance.uniform(MINUTE, 2 * HOUR)) for _ in range(chance.randint(1, 3))]
    names = [name for name in CATALOGUE if not only or name in only]
    count = len(chance.choice(MISDEEDS))
    chosen = chance.sample(names, min(len(only) or count, len(names)))
    # Who is wronged so that it follows the log no more is wronged last: it sees nothing else meanwhile.
    chosen.sort(key=lambda name: not CATALOGUE[name].follows)
    stops = [name for name in chosen if not CATALOGUE[name].follows]
    at = MINUTE
    for name in [one for one in chosen if one not in stops[1:]]:
        at += chance.uniform(MINUTE, HOUR)
        if name in stops:
            at += 28 * HOUR if len(chosen) > 1 else 0.0
        first, second = chance.sample(HOTLINES, 2)
        events.append(Event(at, name, (first, second)))
        # Something has to be there to be bent, before and after.
        events.append(Event(at - 30, "send", (second, first)))
        events.append(Event(at + chance.uniform(30, 600), "send", (second, first)))
    return History(seed, chance.random() < 0.6, tuple(sorted(events, key=lambda one: one.at)))


def _message(chance: random.Random, at: float) -> Event:
    members = tuple(chance.sample(HOTLINES, chance.randint(2, 3)))
    urgent, deadline = chance.random() < 0.3, int(chance.random() < 0.4)
    return Event(at, "send", members, urgent=urgent, deadline=deadline)


@dataclass
class Play:
    """One run of a history; `events` are those of it that are played."""

    history: History
    events: tuple[Event, ...]
    world: World
    agenda: list[tuple[float, int, Event | None]] = field(default_factory=list)
    count: Iterator[int] = field(default_factory=itertools.count)
    misdeeds: list[Misdeed] = field(default_factory=list)

    def at(self, when: float, event: Event | None = None) -> None:
        heapq.heappush(self.agenda, (when, next(self.count), event))

    async def run(self) -> None:
        self.at(START)
        for event in self.events:
            self.at(START + event.at, event)
        last = max((event.at for event in self.events), default=0.0)
        # Some histories end when all is said, some a day later, when nobody may have raised a false alarm.
        self.at(START + last + (27 * HOUR if self.history.seed % 5 == 0 else 2 * MINUTE))
        await self._until_empty()
        self._end()
        self.world.clock.now += MINUTE
        await self.world.tick()
        if self.world.waits():
            # What is lost its sender is told when its lifetime ends.
            self.at(self.world.clock.now + LIFETIME + 3 * MINUTE)
            await self._until_empty()

    async def _until_empty(self) -> None:
        world, promised = self.world, len(self.world.promises)
        while self.agenda:
            # What nodes do by themselves once a day is not left out by a jump over the night.
            if (mark := world.next_mark()) < self.agenda[0][0]:
                self.at(mark)
            when, _, event = heapq.heappop(self.agenda)
            world.clock.now = max(world.clock.now, when)
            if event is not None:
                self._apply(event)
            await world.tick()
            for due in world.promises[promised:]:
                self.at(due.until)
                if due.until > world.clock.now + HOUR / 2:
                    self.at((due.until + world.clock.now) / 2)
            promised = len(world.promises)

    def _apply(self, event: Event) -> None:
        if event.what == "send":
            self.world.send(event.members[0], event.members[1:], urgent=event.urgent, deadline=event.deadline)
            return
        first, second = event.members
        misdeed = CATALOGUE[event.what](self.world, (first, second))
        self.misdeeds.append(misdeed)
        self.world.relay.misdeeds.append(misdeed)
        misdeed.begin()

    def _end(self) -> None:
        self.world.relay.misdeeds = [one for one in self.misdeeds if not one.end()]


async def play(chosen: History, events: Sequence[Event], folder: Path, clock: Clock) -> list[str]:
    """What is wrong in the end: nothing, if all is well."""
    world = World(folder, clock, witnessed=chosen.witnessed)
    try:
        run = Play(chosen, tuple(events), world)
        await run.run()
        return judge(world, run.misdeeds)
    finally:
        world.close()
