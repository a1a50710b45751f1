"""A relay that logs, or shows, what is not so."""

from dataclasses import replace

from mce_exchange.directory.compose import Draft, new_key, successor
from mce_exchange.hotline.follow import Batch
from mce_exchange.keys import PrivateKey
from mce_exchange.store.alarms import Alarm
from mce_exchange.v1 import statement_pb2
from tests.federation import NOW_MINUTES, RELAY_KEY, ROOTS, signed
from tests.simulation.log import Held
from tests.simulation.misdeeds.base import SOON, Misdeed
from tests.simulation.misdeeds.withholding import STUCK

STRANGER = PrivateKey.from_seed(b"T" * 64)


class Replays(Misdeed):
    """A message of the peer to the victim is logged a second time."""

    def begin(self) -> None:
        found = self.world.delivered(self.peer, self.victim)
        if found is not None:
            self.relay.log(replace(found), self.relay.shown.get(self.victim, ""))
            for one in (self.peer, *self.world.recipients(found)):
                self.due(SOON, one, Alarm.REPLAY, about=self.world.id(found).hex())


class FalseOverdue(Misdeed):
    """A message of the peer is said to be overdue at the victim, which has answered long since."""

    def begin(self) -> None:
        found = self.world.delivered(self.peer, self.victim)
        # Who is not shown the answer has nothing that refutes it.
        if any(one.name == "DropsPeer" for one in self.relay.misdeeds):
            return
        if found is not None:
            view = self.relay.view(self.victim)
            view.freeze(self.relay.now)
            self.relay.log(self.relay.overdue("", self.world.id(found), self.victim))
            for one in (self.peer, self.victim):
                self.due(SOON, one, Alarm.INVALID_MESSAGE, about=self.world.id(found).hex())


class FalseUndeliverable(Misdeed):
    """The peer's next message is taken, and the victim, whom it could serve, is said not to be served."""

    loses = True
    allows = frozenset({Alarm.GAP, Alarm.UNANSWERED, Alarm.INVALID_MESSAGE})
    denied: bytes = b""

    def gives(self, member: str, held: Held) -> bool:
        if not self.denied and held.payload and held.at >= self.at:
            if not self.world.from_to(held, self.peer, self.victim):
                return True
            self.denied = held.statement
            body = statement_pb2.Undeliverable(
                signers=[RELAY_KEY.public.id],
                header_id=self.world.id(held),
                recipient=self.victim,
                code=statement_pb2.UNDELIVERABLE_CODE_SUSPENDED,
            )
            raw = body.SerializeToString(deterministic=True)
            said = self.relay.federation.sign("undeliverable", raw, RELAY_KEY)
            self.relay.log(Held(said.raw, held.parties))
            for one in (self.peer, self.victim):
                self.due(SOON, one, Alarm.UNDELIVERABLE, about=self.world.id(held).hex())
        return member != self.victim or held.statement != self.denied


class InventsMember(Misdeed):
    """A Directory below the threshold names a member that nobody has admitted."""

    def begin(self) -> None:
        directory = self.relay.federation.state.directory
        record = directory.member(self.victim)
        invented = replace(record, id="xx", country="XX", keys=(new_key(STRANGER.public),), certificates=())
        members = [*directory.members.values(), invented]
        bundle = successor(
            replace(Draft.of(directory), members=members), current=directory, now_minutes=NOW_MINUTES
        )
        below = signed(bundle, ROOTS[:1], network_id=self.relay.federation.network_id)
        self.relay.log(Held(below.statement, None, members=below.members))
        for member in self.world.nodes:
            self.due(SOON, member, Alarm.INVALID_ENTRY, about="passed over")


class InventsAuthor(Misdeed):
    """A message of the peer is made up, by a key that nobody has admitted."""

    def begin(self) -> None:
        held = self.world.forge(STRANGER, self.peer, self.victim)
        self.relay.log(held)
        for member in (self.victim, self.peer):
            self.due(SOON, member, Alarm.INVALID_MESSAGE)


class ForgesAnswer(Misdeed):
    """A message of the peer is kept from the victim, and another member's key says that it came."""

    loses = True
    allows = frozenset({Alarm.UNANSWERED, Alarm.OVERDUE, Alarm.GAP})
    hidden: bytes = b""

    def gives(self, member: str, held: Held) -> bool:
        if not self.hidden and held.payload and held.at >= self.at:
            if not self.world.from_to(held, self.peer, self.victim):
                return True
            self.hidden = held.statement
            third = next(one for one in ("be", "pt", "es") if one not in (self.peer, self.victim))
            key = self.relay.federation.people[third].key
            self.relay.log(self.world.answer(held, third, self.victim, key))
            self.due(SOON, self.peer, Alarm.INVALID_MESSAGE)
        return member != self.victim or held.statement != self.hidden


class Tampers(Misdeed):
    """What the victim is sent is not what the checkpoint commits to."""

    follows = False
    allows = STUCK

    def batch(self, member: str, batch: Batch) -> Batch | None:
        if member != self.victim:
            return batch
        if not self.done:
            self.due(SOON, self.victim, Alarm.INVALID_ENTRY)
        return self.bent(batch)

    def bent(self, batch: Batch) -> Batch:
        return replace(batch, entries=batch.entries[:-1] + bytes([batch.entries[-1] ^ 1]), statements=())


class LeavesOut(Tampers):
    """The last entry is left out."""

    def bent(self, batch: Batch) -> Batch:
        last = batch.first_index + len(batch.entries) // 34 - 1
        given = tuple(one for one in batch.statements if one.index != last)
        return replace(batch, entries=batch.entries[:-34], statements=given)
