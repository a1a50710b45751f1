"""What has to hold when a history is over."""

import io
from collections.abc import Iterator, Sequence

from mce_exchange.audit.verify import verify_evidence
from mce_exchange.client.proving import evidence_of
from mce_exchange.errors import UsageError
from mce_exchange.store.alarms import Alarm, Raised
from tests.simulation.misdeeds.base import Due, Misdeed
from tests.simulation.world import MEMBERS, START, World

PAUSES = 5.0
"""Seconds that loops wait before they try again."""
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
        *_evidence(world),
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
        elif min(found) > due.until + PAUSES:
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
        if (member, id_) in world.answered_by_thief:
            # Its sender has the member's word; the member has been told that a thief speaks for it.
            continue
        sender = world.sent[id_].sender
        about = [one for one in alarms[sender] if one.kind in TOLD and one.about.startswith(id_.hex())]
        if not about:
            yield f"lost: a message of {sender} to {member}, and {sender} was not told"


def _evidence(world: World) -> Iterator[str]:
    """What a sender can prove of its last message is what happened; nothing, while no anchor covers it."""
    for id_, one in list(world.sent.items())[-1:]:
        node = world.nodes[one.sender]
        try:
            file = b"".join(evidence_of(node.home, node.identity, node.follower, [id_.hex()]))
        except UsageError:
            continue
        report = verify_evidence(io.BytesIO(file), network_id=world.federation.network_id)
        # One that was refused is not in the log; what voids its number is.
        for message in report.messages:
            if (message.header_id, message.sender) != (id_.hex(), one.sender):
                yield f"evidence: of another message than {one.sender} sent"
            for member, status in message.recipients.items():
                happened = (member, id_) in world.given or (member, id_) in world.answered_by_thief
                if status.startswith("delivered") and not happened:
                    yield f"evidence: {member} has a message of {one.sender} that it was not given"


def _clock(at: float) -> str:
    hours, minutes = divmod(int(at - START) // 60, 60)
    return f"{hours}:{minutes:02}"
