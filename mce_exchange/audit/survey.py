"""What a monitor's ledger says of a period, in counts that name no single message (SPEC section 12.8).

A count from 1 to 4 is given as "fewer than 5": in a small network it could point at one family. Every other
is rounded down to fives: flows, answers and erasures count the same messages, and a difference of exact sums
would tell what one of them hides. Anomalies are told one by one.
"""

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from mce_exchange.audit.alarms import Alarm
from mce_exchange.audit.watch import Watch

_FEWEST: Final = 5
_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
STEPS: Final = (
    (10 * _MINUTE, "10 minutes"),
    (_HOUR, "1 hour"),
    (6 * _HOUR, "6 hours"),
    (_DAY, "24 hours"),
    (3 * _DAY, "72 hours"),
    (7 * _DAY, "7 days"),
)
FEW: Final = "fewer than 5"
_UNKNOWN: Final = "no country"
# When the log held an entry: the first dated tree that has it.
_DATE: Final = "(SELECT time FROM dated WHERE size > {0} ORDER BY size LIMIT 1)"


@dataclass(frozen=True, slots=True)
class Count:
    """A count of a category, in whole fives; None where it is suppressed."""

    name: str
    count: int | None

    @property
    def text(self) -> str:
        """For people."""
        return FEW if self.count is None else str(self.count)


@dataclass(frozen=True, slots=True)
class Flow:
    """Messages from one country to another, each recipient counted; None where suppressed."""

    sender: str
    recipient: str
    count: int | None

    @property
    def text(self) -> str:
        """For people."""
        return FEW if self.count is None else str(self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proven:
    """An anomaly, and an evidence file that shows it; empty where no Statement is its proof."""

    alarm: Alarm
    proof: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """A period, POSIX seconds by the log's clock, as of what was watched."""

    network: str
    exercise: bool
    network_id: str
    since: int
    until: int
    directory_version: int
    log_size: int
    about: int
    flows: tuple[Flow, ...]
    answered: tuple[Count, ...]
    overdue: tuple[Count, ...]
    late_by: tuple[Count, ...]
    erasures: tuple[Count, ...]
    changes: tuple[Alarm, ...]
    anomalies: tuple[Proven, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values; a suppressed count is null, a proof its length: the bytes stand in the page."""
        values = asdict(self)
        for one, shown in zip(self.anomalies, values["anomalies"], strict=True):
            shown["proof"] = len(one.proof)
        return values


def survey(watch: Watch, since: int, until: int, *, prove: Callable[[Alarm], bytes]) -> Survey:
    """Messages accepted, alarms raised and changes logged from `since` below `until`."""
    ledger, directory = watch.ledger, watch.state.directory
    ledger.run("DROP TABLE IF EXISTS temp.chosen")
    ledger.run(
        "CREATE TEMP TABLE chosen AS SELECT log_index, latest FROM term WHERE latest >= ? AND latest < ?",
        since,
        until,
    )
    flows: dict[tuple[str, str], int] = {}

    def country(member: str) -> str:
        record = directory.members.get(member)
        return (record.country if record else "") or _UNKNOWN

    for sender, recipient, number in ledger.each(
        "SELECT sender, member, count(*) FROM chosen JOIN message USING (log_index)"
        " JOIN place USING (log_index) GROUP BY 1, 2"
    ):
        key = country(sender), country(recipient)
        flows[key] = flows.get(key, 0) + number
    found = list(watch.alarms.all(since=since, until=until))
    return Survey(
        network=directory.name,
        exercise=directory.exercise,
        network_id=directory.network_id.hex(),
        since=since,
        until=until,
        directory_version=directory.version,
        log_size=watch.size,
        about=_fives(ledger.value("SELECT count(*) FROM chosen")),
        flows=tuple(Flow(*key, _shown(number)) for key, number in sorted(flows.items())),
        answered=_answered(watch),
        overdue=_overdue(watch),
        late_by=_late_by(watch),
        erasures=_erasures(watch),
        changes=tuple(one for one in found if one.news),
        anomalies=tuple(Proven(alarm=one, proof=prove(one)) for one in found if not one.news),
    )


def _shown(number: int) -> int | None:
    return None if 0 < number < _FEWEST else _fives(number)


def _fives(number: int) -> int:
    return number // _FEWEST * _FEWEST


def _spread(seconds: Iterable[tuple[int | None]], rest: str) -> tuple[Count, ...]:
    """How many took how long; `rest` names those that have no end."""
    counts = [0] * (len(STEPS) + 2)
    for (one,) in seconds:
        step = next((at for at, (most, _) in enumerate(STEPS) if one is not None and one <= most), len(STEPS))
        counts[step if one is not None else -1] += 1
    names = [*(f"up to {name}" for _, name in STEPS), f"more than {STEPS[-1][1]}", rest]
    return tuple(Count(name, _shown(count)) for name, count in zip(names, counts, strict=True))


def _answered(watch: Watch) -> tuple[Count, ...]:
    """From acceptance to each recipient's final answer."""
    date = _DATE.format("place.final")
    return _spread(
        watch.ledger.each(f"SELECT {date} - latest FROM chosen JOIN place USING (log_index)"),
        "not answered",
    )


def _overdue(watch: Watch) -> tuple[Count, ...]:
    """Answers that were overdue, by deadline class."""
    rows: dict[int, int] = dict(
        watch.ledger.each(
            "SELECT class, count(*) FROM chosen JOIN term USING (log_index)"
            " JOIN alarm ON alarm.header_id = term.id AND kind = 'overdue' GROUP BY class"
        )
    )
    return tuple(Count(f"deadline class {one}", _shown(rows[one])) for one in sorted(rows))


def _late_by(watch: Watch) -> tuple[Count, ...]:
    """From the `overdue` to the answer."""
    date, said = _DATE.format("place.final"), _DATE.format("alarm.log_index")
    return _spread(
        watch.ledger.each(
            f"SELECT {date} - {said} FROM chosen JOIN term USING (log_index)"
            " JOIN alarm ON alarm.header_id = term.id AND kind = 'overdue'"
            " JOIN place ON place.log_index = chosen.log_index AND alarm.about LIKE '% ' || place.member"
        ),
        "never, so far",
    )


def _erasures(watch: Watch) -> tuple[Count, ...]:
    """By the relay and by senders: said, not due, and late."""
    row = watch.ledger.row(
        "SELECT total(erased IS NOT NULL), total(erased IS NULL AND NOT late_seen),"
        " total(erased IS NULL AND late_seen), total(key_erased), total(NOT key_erased AND NOT late_seen),"
        " total(NOT key_erased AND late_seen) FROM chosen JOIN term USING (log_index)"
    )
    names = [
        f"{what}: {state}"
        for what in ("ciphertext, by the relay", "content key, by the sender")
        for state in ("erased, and said so", "not due", "late")
    ]
    return tuple(Count(name, _shown(int(number))) for name, number in zip(names, row or (), strict=True))
