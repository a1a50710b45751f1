"""The comparison: sides take turns, one server at a time, each turn in a new folder."""

import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final, Protocol, TypeVar

from bench.frame import Goal, NotRun, Scale, Table, number
from bench.peers import nats, ours, rabbitmq, synapse
from bench.peers.figures import Delays, Flow, percentile
from bench.peers.others import Other
from bench.peers.ours import Ours

T = TypeVar("T")
RATE: Final = 50.0
RECIPIENTS: Final = 30
# The other systems carry what our relay gets for a message of 2 KiB to one recipient:
# the header Statement, one wrap, 8 KiB of padded payload.
ENVELOPE: Final = 3_693 + 1_168 + 8_208
ALWAYS, DEFAULT = "NATS JetStream, sync_interval: always", "NATS JetStream, default: not synced"
RABBIT, SYNAPSE = "RabbitMQ, quorum queue", "Matrix Synapse, to-device"
_COUNTS: Final = {ALWAYS: 1500, DEFAULT: 6000, RABBIT: 3000, SYNAPSE: 300}
_OURS: Final = 1000
_PROCESSES: Final = ("sender", "server", "recipient")


class System(Protocol):
    """One side of the comparison."""

    @property
    def name(self) -> str:
        """As the table says it."""

    def flow(self, folder: Path, count: int) -> Flow:
        """Publish, deliver, acknowledge as fast as it goes."""

    def delays(self, folder: Path, rate: float, count: int) -> Delays:
        """From handed over to given to the application, at a steady rate."""


@dataclass(slots=True)
class _Found:
    """What one side gave, round by round."""

    flows: list[Flow] = field(default_factory=list)
    delays: list[Delays] = field(default_factory=list)

    @property
    def rate(self) -> float:
        return statistics.median(flow.rate for flow in self.flows)

    def cpu(self, process: str) -> float:
        """Milliseconds of processor a message."""
        return statistics.median(flow.cpu[process] / flow.messages * 1e3 for flow in self.flows)

    def percentile(self, percent: int) -> float:
        """Over all rounds, in milliseconds."""
        return percentile([one for delays in self.delays for one in delays.given], percent)


def run(scale: Scale) -> list[Table]:
    """Throughput, delays, and a broadcast of ours."""
    rounds = 1 if scale.tiny else 5
    # Beside the programs: a folder for temporary files is often memory, on which nothing is durable.
    with tempfile.TemporaryDirectory(dir=sys.prefix, prefix="peers-") as work:
        folder = Path(work)
        found, missing = _turns(folder, rounds, tiny=scale.tiny)
        recipients, count = (2, 2) if scale.tiny else (RECIPIENTS, 10)
        first, last = Ours().arrivals(folder, recipients, count)
    return [
        _throughput(found, missing),
        _delays(found, missing),
        Table(
            title=f"End to end: one message to {recipients} connected members",
            head=("arrival, ms", "median", "slowest"),
            rows=[
                [name, number(percentile(one.given, 50)), number(max(one.given))]
                for name, one in (("at the first member", first), ("at the last member", last))
            ],
            method=f"{count} messages, one every two seconds; the members' nodes share one process, each"
            " with its own home and connection. From handed over, sealing included.",
        ),
    ]


def _turns(folder: Path, rounds: int, *, tiny: bool) -> tuple[dict[str, _Found], list[str]]:
    """Every side once a round, a new one first each time; a side that cannot be had is left out."""
    sides: list[System] = [Ours(), *_others()]
    found: dict[str, _Found] = {}
    missing = []
    for round_ in range(rounds):
        turn = round_ % len(sides)
        for side in (*sides[turn:], *sides[:turn]):
            try:
                flow = side.flow(folder, 8 if tiny else _COUNTS.get(side.name, _OURS))
                delays = side.delays(folder, RATE, 8 if tiny else 250)
            except NotRun as reason:
                missing.append(f"{side.name}: {reason}")
                sides = [one for one in sides if one is not side]
                found.pop(side.name, None)
                continue
            kept = found.setdefault(side.name, _Found())
            kept.flows.append(flow)
            kept.delays.append(delays)
    return found, missing


def _others() -> Iterator[Other]:
    always, default = (partial(nats.serve, always=always) for always in (True, False))
    for name, module, serve in (
        (ALWAYS, "nats", always),
        (DEFAULT, "nats", default),
        (RABBIT, "rabbitmq", rabbitmq.serve),
        (SYNAPSE, "synapse", synapse.serve),
    ):
        yield Other(name=name, module=module, serve=serve, size=ENVELOPE)


def _ratio(found: Mapping[str, _Found], other: str, figure: Callable[[_Found], Sequence[float]]) -> float:
    """The median over the rounds of ours over another's."""
    mine, theirs = figure(found[Ours().name]), figure(found[other])
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))


def _rates(one: _Found) -> list[float]:
    return [flow.rate for flow in one.flows]


def _medians(one: _Found) -> list[float]:
    return [delays.percentile(50) for delays in one.delays]


def _throughput(found: Mapping[str, _Found], missing: Sequence[str]) -> Table:
    rows = [
        [
            name,
            number(one.rate),
            *(number(one.cpu(process)) for process in _PROCESSES),
            number(sum(map(one.cpu, _PROCESSES))),
            "" if name == Ours().name else number(_ratio(found, name, _rates)),
        ]
        for name, one in found.items()
    ]
    wanted = {ALWAYS: 1.5, RABBIT: 1.2, SYNAPSE: 8.0}
    return Table(
        title="End to end: publish, deliver, acknowledge",
        head=("", "messages/s", "sender ms", "server ms", "recipient ms", "all three", "ours over it"),
        rows=rows,
        missing=missing,
        method=f"{ENVELOPE:,} bytes a message, from the first handed over to the last acknowledged; the"
        " milliseconds are processor time a message. Ours is sealed beforehand, verified in full by relay"
        " and recipient, opened, checked, stored sealed, and ends when the sender's home holds every"
        f" acknowledgement. Settings: ours: {ours.SETTINGS}. NATS: {nats.SETTINGS}. RabbitMQ:"
        f" {rabbitmq.SETTINGS}. Synapse: {synapse.SETTINGS}.",
        goals=[
            Goal(what=f"throughput over {name}", measured=_ratio(found, name, _rates), wanted=least)
            for name, least in wanted.items()
            if name in found
        ],
    )


def _delays(found: Mapping[str, _Found], missing: Sequence[str]) -> Table:
    mine = found[Ours().name]
    handing = percentile([one for delays in mine.delays for one in delays.handing], 50)
    wanted = {ALWAYS: 2.0, SYNAPSE: 0.4}
    return Table(
        title=f"End to end: delay at {RATE:.0f} messages a second",
        head=("", "p50 ms", "p95 ms", "p99 ms", "p50, ours over it"),
        rows=[
            [
                name,
                *(number(one.percentile(percent)) for percent in (50, 95, 99)),
                "" if name == Ours().name else number(_ratio(found, name, _medians)),
            ]
            for name, one in found.items()
        ],
        missing=missing,
        method="From handed over to given to the application. Of ours, sealing, signing and the durable"
        f" outbox are {number(handing)} ms (p50).",
        goals=[
            Goal(
                what=f"p50 over that of {name}",
                measured=_ratio(found, name, _medians),
                wanted=most,
                at_least=False,
            )
            for name, most in wanted.items()
            if name in found
        ],
    )
