"""A relay that helps who has stolen the victim's key."""

from mce_exchange.store.alarms import Alarm
from tests.simulation.log import Held
from tests.simulation.misdeeds.base import SOON, Misdeed
from tests.simulation.misdeeds.withholding import NIGHT


class StolenPrekey(Misdeed):
    """The thief's prekey follows the victim's: what is sealed to it meanwhile only the thief can open."""

    allows = frozenset({Alarm.NO_PREKEY, Alarm.ASKS_A_PERSON, Alarm.UNANSWERED, Alarm.OVERDUE})

    def begin(self) -> None:
        self.relay.log(self.world.stolen_prekey(self.victim))
        self.due(SOON, self.victim, Alarm.KEY_CHANGE)


class StolenMessage(Misdeed):
    """A message in the victim's name to the peer, by its key."""

    def begin(self) -> None:
        held = self.world.forge(self.relay.federation.people[self.victim].key, self.victim, self.peer)
        held.by = self.victim
        self.world.forged[self.world.id(held)] = self.victim
        self.relay.log(held)
        self.due(SOON, self.victim, Alarm.KEY_CHANGE)


class HiddenMessage(StolenMessage):
    """The victim is not shown it: its own next message to the peer has the same number."""

    follows = False
    allows = frozenset({Alarm.KEY_CHANGE, Alarm.GAP, Alarm.NOT_ACCEPTED, Alarm.SILENT})
    hidden: bytes = b""

    def begin(self) -> None:
        held = self.world.forge(self.relay.federation.people[self.victim].key, self.victim, self.peer)
        held.by, self.hidden = self.victim, held.statement
        self.world.forged[self.world.id(held)] = self.victim
        self.relay.log(held)
        self.done = True

    def takes(self, member: str, held: Held) -> None:
        if member == self.victim and held.payload and self.world.from_to(held, member, self.peer):
            # The relay that refuses a used number tells of the other message by that.
            self.due(SOON, self.victim, Alarm.NOT_ACCEPTED)

    def gives(self, member: str, held: Held) -> bool:
        return member != self.victim or held.statement != self.hidden


class StolenAnswer(Misdeed):
    """A message of the peer is kept from the victim, and its own key says that it came."""

    loses = True
    allows = frozenset({Alarm.GAP, Alarm.UNANSWERED})
    hidden: bytes = b""

    def gives(self, member: str, held: Held) -> bool:
        if not self.hidden and held.payload and held.at >= self.at:
            if not self.world.from_to(held, self.peer, self.victim):
                return True
            self.hidden = held.statement
            key = self.relay.federation.people[self.victim].key
            self.relay.log(self.world.answer(held, self.victim, self.victim, key))
            self.world.answered_by_thief.add((self.victim, self.world.id(held)))
            self.due(SOON, self.victim, Alarm.KEY_CHANGE)
            self.due(NIGHT, self.victim, Alarm.GAP)
        return member != self.victim or held.statement != self.hidden
