"""What has to hold when a history is over."""

from collections.abc import Iterator, Sequence

from mce_exchange.store.alarms import Alarm, Raised
from tests.simulation.misdeeds.base import Due, Misdeed
from tests.simulation.world import MEMBERS, START, World

TOLD = frozenset(
    {
        *(Alarm.UNANSWERED, Alarm.UNDELIVERABLE, Alarm.OVERDUE),
        *(Alarm.REFUSED, Alarm.NOT_ACCEPTED, Alarm.NOT_SENT),
    }
)


def judge(world: World, misdeeds: Sequence[Misdeed]) -> list[str]:
    """Every fault, in words that begin with its kind."""
    alarms = {member: world.home(member).alarms.all() for member in MEMBERS}
    return [
        *(f"forged: {one}" for one in world.faults),
        *_due(world.promises, alarms),
        *_false(world.promises, misdeeds, alarms),
        *_lost(world, alarms),
    ]


def _due(promises: Sequence[Due], alarms: dict[str, list[Raised]]) -> Iterator[str]:
    """Every misdeed has become its alarm, at whom it concerns, in time."""
    for due in promises:
        found = [
            one.at
            for one in alarms[due.member]
            if one.kind in due.kinds and due.about in one.about + one.text
        ]
        kinds = " or ".join(sorted(due.kinds))
        if not found:
            yield f"silence: {due.misdeed} gave no {kinds} at {due.member}"
        elif min(found) > due.until:
            yield f"late: {due.misdeed} gave {kinds} at {due.member} {min(found) - due.until:.0f} s too late"


def _false(
    promises: Sequence[Due], misdeeds: Sequence[Misdeed], alarms: dict[str, list[Raised]]
) -> Iterator[str]:
    """No alarm is without its misdeed."""
    allowed = frozenset(kind for one in misdeeds if one.done for kind in one.allows)
    for member, raised in alarms.items():
        due = {kind for one in promises if one.member == member for kind in one.kinds}
        for alarm in raised:
            if alarm.kind not in due | allowed:
                yield f"false alarm: {alarm.kind} at {member}, {_clock(alarm.at)}: {alarm.text}"


def _lost(world: World, alarms: dict[str, list[Raised]]) -> Iterator[str]:
    """Every message came, or its sender was told."""
    for id_, member in world.waits():
        sender = world.sent[id_].sender
        about = [one for one in alarms[sender] if one.kind in TOLD and one.about.startswith(id_.hex())]
        if not about:
            yield f"lost: a message of {sender} to {member}, and {sender} was not told"


def _clock(at: float) -> str:
    hours, minutes = divmod(int(at - START) // 60, 60)
    return f"{hours}:{minutes:02}"
