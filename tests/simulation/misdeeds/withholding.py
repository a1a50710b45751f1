"""A relay that takes, and keeps something from whom it is for."""

from dataclasses import replace

from mce_exchange import statement as statements
from mce_exchange.hotline.follow import Batch, Given
from mce_exchange.store.alarms import Alarm
from tests.simulation.log import Held
from tests.simulation.misdeeds.base import DAY, HOUR, MINUTE, SOON, Misdeed

NIGHT = 30 * HOUR
"""A day's mark, two hours late at most, and an anchor after it: here they come when something happens."""
STUCK = frozenset({Alarm.LOG_STANDS_STILL, Alarm.NOT_ANCHORED, Alarm.OVERDUE, Alarm.UNANSWERED})
"""Of whom no more of the log is taken: it has alarmed, and does so again where it lasts."""


class DropsMessage(Misdeed):
    """The next message of the peer to the victim is logged, and its bytes are withheld for ever."""

    allows = frozenset({Alarm.UNANSWERED, Alarm.OVERDUE})
    loses = True
    dropped: bytes = b""

    def gives(self, member: str, held: Held) -> bool:
        if member != self.victim or not held.payload:
            return True
        if not self.dropped and held.at >= self.at and self.world.from_to(held, self.peer, self.victim):
            self.dropped = held.statement
            number = self.world.number(held, self.victim)
            self.due(26 * HOUR, self.victim, Alarm.GAP, about=f"{self.peer} {number}")
        return held.statement != self.dropped


class DropsPeer(Misdeed):
    """Nothing of the peer reaches the victim any more, not even its marks."""

    allows = frozenset({Alarm.UNANSWERED, Alarm.OVERDUE})
    loses = True

    def begin(self) -> None:
        if self.world.heard(self.victim, self.peer):
            self.due(NIGHT, self.victim, Alarm.SILENT, about=self.peer)

    def gives(self, member: str, held: Held) -> bool:
        hidden = member == self.victim and held.by == self.peer and held.at >= self.at
        self.done |= hidden and bool(held.payload)
        return not hidden or held.parties is None


class OtherContent(Misdeed):
    """The next message of the peer comes to the victim with other bytes than were signed."""

    allows = frozenset({Alarm.UNANSWERED, Alarm.OVERDUE})
    loses = True
    bent: bytes = b""

    def content(self, member: str, given: Given) -> Given:
        if member != self.victim or not given.payload:
            return given
        held = Held(given.statement)
        if not self.bent and self.world.from_to(held, self.peer, self.victim):
            self.bent = given.statement
            about = statements.decode(given.statement).id(self.relay.federation.network_id).hex()
            self.due(SOON, self.victim, Alarm.UNDELIVERABLE, about=about)
        return replace(given, payload=self.bytes_of(given)) if given.statement == self.bent else given

    def bytes_of(self, given: Given) -> bytes:
        return bytes([given.payload[0] ^ 1]) + given.payload[1:]


class NoContent(OtherContent):
    """It comes without them."""

    def bytes_of(self, given: Given) -> bytes:
        return b""


class WithholdsPublic(Misdeed):
    """The peer's next prekey is logged, and its bytes are kept from the victim."""

    follows = False
    allows = STUCK

    def begin(self) -> None:
        self.world.rotate(self.peer)

    def gives(self, member: str, held: Held) -> bool:
        if member != self.victim or held.parties is not None or held.by != self.peer or held.at < self.at:
            return True
        if not self.done:
            self.due(SOON, self.victim, Alarm.INVALID_ENTRY)
        return False


class Starves(Misdeed):
    """The victim is sent nothing of the log, and shown all its new anchors."""

    follows = False
    allows = STUCK

    def batch(self, member: str, batch: Batch) -> Batch | None:
        if member != self.victim:
            return batch
        if not self.done:
            self.due(3 * HOUR + SOON, self.victim, Alarm.LOG_STANDS_STILL)
        return None


class Freezes(Starves):
    """It is shown the newest anchor and checkpoint of then for ever."""

    allows = STUCK | {Alarm.NOT_WITNESSED}
    anchored: bytes = b""
    signed: bytes = b""

    def anchor(self, member: str, note: bytes) -> bytes | None:
        if member != self.victim:
            return note
        self.anchored = self.anchored or note
        return self.anchored

    def checkpoint(self, member: str, note: bytes) -> bytes | None:
        if member != self.victim:
            return note
        self.signed = self.signed or note
        return self.signed


class StandsStill(Starves):
    """It is shown the log as it was then, under anchors that are always new."""

    allows = STUCK | {Alarm.NOT_WITNESSED, Alarm.SILENT}
    size = 0

    def begin(self) -> None:
        self.size = self.world.nodes[self.victim].follower.size
        if self.world.witnessed:
            self.due(HOUR, self.victim, Alarm.NOT_WITNESSED)
        elif self.world.heard(self.victim, self.peer):
            self.due(NIGHT, self.victim, Alarm.SILENT, about=self.peer)
        self.done = True

    def anchor(self, member: str, note: bytes) -> bytes | None:
        view = self.relay.view(member)
        return note if member != self.victim else view.anchor_of(self.size, self.relay.now)

    def checkpoint(self, member: str, note: bytes) -> bytes | None:
        return note if member != self.victim else self.relay.view(member).checkpoint(self.size)


class NoAnchors(Misdeed):
    """No anchor is shown to anybody any more."""

    follows = False
    allows = frozenset({Alarm.NOT_ANCHORED})

    def begin(self) -> None:
        for member in self.world.nodes:
            self.due(3 * HOUR + SOON, member, Alarm.LOG_STANDS_STILL)

    def anchor(self, member: str, note: bytes) -> bytes | None:
        return None


class OldAnchors(Misdeed):
    """Anchors are new, and always of the log as it was; a later receipt never comes under one."""

    follows = False
    allows = frozenset({Alarm.NOT_ANCHORED, Alarm.SILENT})

    def begin(self) -> None:
        for view in self.relay.views.values():
            view.frozen_at = view.size

    def takes(self, member: str, held: Held) -> None:
        if not self.done:
            self.due(DAY + HOUR, member, Alarm.NOT_ANCHORED)

    def end(self) -> bool:
        for view in self.relay.views.values():
            view.frozen_at = None
        return True


class StripsWitnesses(Misdeed):
    """No cosignature is attached any more."""

    def begin(self) -> None:
        if self.world.witnessed:
            for member in self.world.nodes:
                self.due(40 * MINUTE, member, Alarm.NOT_WITNESSED)

    def cosigned(self, member: str) -> bool:
        return False
