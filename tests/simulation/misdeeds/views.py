"""A relay that shows two logs, or less of one than it has shown."""

from mce_exchange.store.alarms import Alarm
from tests.simulation.log import Held, View
from tests.simulation.misdeeds.base import HOUR, MINUTE, SOON, Misdeed
from tests.simulation.misdeeds.withholding import NIGHT, STUCK


class Splits(Misdeed):
    """The victim is shown a log of its own from now on."""

    follows = False
    loses = True
    allows = frozenset({Alarm.UNANSWERED, Alarm.OVERDUE, Alarm.SILENT})

    def begin(self) -> None:
        self.relay.fork(self.victim)
        if self.world.witnessed:
            self.due(40 * MINUTE, self.victim, Alarm.NOT_WITNESSED)
        elif self.world.heard(self.victim, self.peer):
            self.due(NIGHT, self.victim, Alarm.SILENT, about=self.peer)
        self.done = True


class Joins(Splits):
    """After a while it is shown everybody's again: both begin alike, and neither is the other's."""

    loses = True
    allows = STUCK | {
        Alarm.FORK,
        Alarm.LOG_ROLLED_BACK,
        Alarm.INVALID_ENTRY,
        Alarm.INVALID_MESSAGE,
        Alarm.GAP,
        Alarm.SILENT,
    }
    joined = False

    def begin(self) -> None:
        self.relay.fork(self.victim)
        self.world.rotate(self.victim)

    def takes(self, member: str, held: Held) -> None:
        if member == self.victim and not self.done:
            # From here on they differ.
            self.due(HOUR + SOON, self.victim, Alarm.FORK, Alarm.LOG_ROLLED_BACK)

    def checkpoint(self, member: str, note: bytes) -> bytes | None:
        if self.done and not self.joined and self.world.clock.now >= self.at + HOUR / 2:
            self.joined = True
            del self.relay.shown[self.victim]
        return note


class Rewinds(Misdeed):
    """The victim is shown the log as it was some entries ago."""

    follows = False
    allows = STUCK

    def begin(self) -> None:
        self.due(SOON, self.victim, Alarm.LOG_ROLLED_BACK)

    def checkpoint(self, member: str, note: bytes) -> bytes | None:
        view = self.relay.view(member)
        return note if member != self.victim else view.checkpoint(view.size - 1)


class OtherAnchor(Misdeed):
    """The victim is shown an anchor of another tree."""

    follows = False
    allows = STUCK

    def begin(self) -> None:
        self.due(SOON, self.victim, Alarm.FORK)

    def anchor(self, member: str, note: bytes) -> bytes | None:
        if member != self.victim:
            return note
        view = self.relay.view(member)
        other = View(view.origin, view.network_id, [*view.held[:-1], view.held[1]])
        return other.anchor_of(other.size, self.relay.now)
