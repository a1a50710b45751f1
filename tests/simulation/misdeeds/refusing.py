"""A relay that does not take, or does not log, what it is handed."""

from mce_exchange.client.relay import Accepted, Outcome
from mce_exchange.errors import RefusedError, TransportError
from mce_exchange.store.alarms import Alarm
from tests.simulation.log import Held
from tests.simulation.misdeeds.base import DAY, HOUR, SOON, Misdeed


class RefusesForGood(Misdeed):
    """The peer's next message is refused as one that nobody can be served with."""

    loses = True
    allows = frozenset({Alarm.NOT_ACCEPTED})

    def takes(self, member: str, held: Held) -> Outcome | None:
        if self.done or member != self.peer or not held.payload:
            return None
        self.due(SOON, self.peer, Alarm.NOT_ACCEPTED)
        return RefusedError("nobody there", reason="no_recipient")


class TakesNothing(Misdeed):
    """No message of the peer is taken; it is told to try later."""

    def takes(self, member: str, held: Held) -> Outcome | None:
        if member != self.peer or not held.payload:
            return None
        if not self.done:
            self.due(HOUR + SOON, self.peer, Alarm.NOT_SENT)
        return RefusedError("too busy", reason="quota")


class AnswersNothing(TakesNothing):
    """Nor is it answered."""

    def takes(self, member: str, held: Held) -> Outcome | None:
        if super().takes(member, held) is None:
            return None
        raise TransportError("no answer")


class FalseReceipt(Misdeed):
    """The peer's next message gets a receipt of a log that nobody else is shown, and is not logged."""

    allows = frozenset({Alarm.NOT_SENT, Alarm.GAP})

    def takes(self, member: str, held: Held) -> Outcome | None:
        if self.done or member != self.peer or not held.payload:
            return None
        self.due(DAY + HOUR, self.peer, Alarm.FORK, Alarm.NOT_ANCHORED)
        other = self.relay.view(member).fork()
        index = other.append(held)
        return Accepted(other.receipt(index), held.statement)
