"""Real homes and their nodes at the doors of a relay that lies; and what truly happened."""

import functools
import itertools
import math
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mce_exchange import statement as statements
from mce_exchange.client import desk
from mce_exchange.client.dispatch import Manner
from mce_exchange.client.node import Node
from mce_exchange.directory.compose import Draft
from mce_exchange.directory.model import Act, Life, Living
from mce_exchange.errors import MceError, StoreError
from mce_exchange.header import read_header
from mce_exchange.keys import PrivateKey
from mce_exchange.log.anchor import Quorum
from mce_exchange.primitives.kem import KemKey
from mce_exchange.sealing import To, seal, seal_streams
from mce_exchange.store.home import Home
from mce_exchange.v1 import statement_pb2
from tests.delivery.world import STEPS, scratch
from tests.federation import NOW_MINUTES, Federation
from tests.node.audited import AUDITOR, auditor_home
from tests.node.conftest import PASSPHRASE
from tests.node.conftest import World as Homes
from tests.node.witnessed import cosigner
from tests.simulation.log import QUORUM, Held
from tests.simulation.misdeeds.base import DAY, HOUR, Due
from tests.simulation.relay import Door, Relay
from tests.simulation.virtual import Clock, Stepped

HOTLINES = ("be", "pt", "es")
MEMBERS = (*HOTLINES, AUDITOR)
LIFETIME = int(30 * HOUR)
START = NOW_MINUTES * 60.0
FORGED = b"a message that its sender did not write"


def _any(content: bytes) -> Act | None:
    """What stands in a message is no matter here."""
    return None


class Network(Federation):
    """Three hotlines that witness, two for a quorum, or none; and an auditor."""

    def __init__(self, *, witnessed: bool) -> None:
        self.witnessed = witnessed
        super().__init__(HOTLINES, auditor=True)

    def draft(self) -> Draft:
        if not self.witnessed:
            return super().draft()
        keys = [Living(value=cosigner(one).public, life=Life(added=0)) for one in HOTLINES]
        return replace(super().draft(), witness_keys=keys, quorum=Quorum(QUORUM, len(keys)))


class Template(Homes):
    """Folders to begin from, made once."""

    def __init__(self, witnessed: bool) -> None:
        self._kept = scratch()
        super().__init__(Path(self._kept.name), Network(witnessed=witnessed))
        for member in HOTLINES if witnessed else ():
            home = self.home(member)
            with home.database.write():
                home.witness.put(cosigner(member))
            home.close()

    def _home(self, member: str) -> None:
        if member == AUDITOR:
            auditor_home(self.folder, self.federation)
        else:
            super()._home(member)


@functools.cache
def template(witnessed: bool) -> Template:
    """The one of this process."""
    return Template(witnessed)


@dataclass(frozen=True)
class Promised:
    """A message whose sender was told that it is handed over."""

    sender: str
    to: tuple[str, ...]
    content: bytes
    at: float


class World:
    """Everybody, and an observer who sees what applications hand over and are given."""

    def __init__(self, folder: Path, clock: Clock, *, witnessed: bool) -> None:
        made = template(witnessed)
        clock.now = START
        self.clock = clock
        self.federation = made.federation
        self.relay = Relay(made.federation, AUDITOR, clock)
        self.witnessed = witnessed
        self.nodes: dict[str, Node] = {}
        for member in MEMBERS:
            shutil.copytree(made.folder / member, folder / member)
            home = Home.open(folder / member, PASSPHRASE)
            self.nodes[member] = Stepped(home, Door(self.relay, member), check=_any, clock=clock)
        self.sent: dict[bytes, Promised] = {}
        self.forged: dict[bytes, str] = {}
        self.answered_by_thief: set[tuple[str, bytes]] = set()
        self.given: dict[tuple[str, bytes], bytes] = {}
        self.faults: list[str] = []
        self.promises: list[Due] = []

    def close(self) -> None:
        for node in self.nodes.values():
            node.close()
            node.home.close()

    def home(self, member: str) -> Home:
        return self.nodes[member].home

    def promise(self, due: Due) -> None:
        self.promises.append(due)

    # Acts.

    def send(self, sender: str, to: Sequence[str], *, urgent: bool = False, deadline: int = 0) -> bytes:
        """What an application hands over."""
        content = f"message {len(self.sent)} of {sender}".encode()
        dispatch = self.nodes[sender].dispatch
        manner = Manner(urgent=urgent, deadline_class=deadline, lifetime_seconds=LIFETIME)
        id_ = dispatch.send(dispatch.encrypt(content, to), manner)
        self.sent[id_] = Promised(sender, tuple(to), content, self.clock.now)
        return id_

    async def tick(self) -> None:
        """A minute of everybody's loops, as far as they get somewhere."""
        await self._all("submit", "receive")
        self._look()
        await self._all("publish", "receive")
        self.relay.sweep()
        await self._all("receive", "anchors")
        if self.witnessed:
            await self._all("lacking")
        await self._all("upkeep", "publish", "receive")

    async def _all(self, *steps: str) -> None:
        for step in steps:
            for member, node in self.nodes.items():
                if self._idle(member, step):
                    continue
                # Once in ten minutes is a pause for loops that never rest; here every turn counts.
                node.upkeep._next_marks = 0
                try:
                    await STEPS.get(step, STEPS["anchors"])(node)
                except StoreError:
                    raise
                except MceError as error:
                    node.trouble = error

    def _idle(self, member: str, step: str) -> bool:
        """Whether a turn would change nothing: most of them."""
        home, relay = self.home(member), self.relay
        if step == "submit":
            return not home.outbox.count("queued")
        if step == "publish":
            return home.publishing.empty()
        if step == "receive":
            return self.nodes[member].follower.size == relay.view(member).size
        if step == "lacking":
            return not self.nodes[member].anchoring._lacking
        return False

    def _look(self) -> None:
        """Every application takes all that waits for it, and acknowledges it."""
        for member in HOTLINES:
            home = self.home(member)
            for _, id_ in home.inbox.ids("ready"):
                received = home.inbox.find(id_)
                assert received
                self._give(member, id_, received.sender, home.inbox.body(id_).content)
                desk.acknowledge(home, [id_.hex()])

    def _give(self, member: str, id_: bytes, sender: str, content: bytes) -> None:
        if (member, id_) in self.given:
            self.faults.append(f"{member} is given a message of {sender} twice")
        self.given[member, id_] = content
        truth = self.sent.get(id_)
        if id_ in self.forged:
            return
        if truth is None or member not in truth.to or (truth.sender, truth.content) != (sender, content):
            self.faults.append(f"{member} is given what {sender} did not send")

    def next_mark(self) -> float:
        """When the next daily mark of somebody is due."""
        found = [math.inf]
        for member, peer in itertools.permutations(HOTLINES, 2):
            if last := self.home(member).settings.number(f"high_water/{peer}"):
                found.append(last + DAY + 60)
        return min(one for one in found if one > self.clock.now)

    def waits(self) -> list[tuple[bytes, str]]:
        """Messages handed over and not given, by recipient."""
        return [
            (id_, member)
            for id_, one in self.sent.items()
            for member in one.to
            if (member, id_) not in self.given
        ]

    # What misdeeds ask.

    def id(self, held: Held) -> bytes:
        return statements.decode(held.statement).id(self.federation.network_id)

    def recipients(self, held: Held) -> list[str]:
        return [one.member for one in read_header(statements.decode(held.statement)).core.recipients]

    def from_to(self, held: Held, sender: str, recipient: str) -> bool:
        """Whether a header is of the one to the other."""
        core = read_header(statements.decode(held.statement)).core
        return core.sender == sender and recipient in self.recipients(held)

    def number(self, held: Held, recipient: str) -> int:
        """A header's number at a recipient."""
        core = read_header(statements.decode(held.statement)).core
        return next(one.sequence for one in core.recipients if one.member == recipient)

    def delivered(self, sender: str, recipient: str) -> Held | None:
        """The newest message of the one that the other was given."""
        found = [
            one
            for one in self.relay.view(recipient).held
            if one.payload
            and self.from_to(one, sender, recipient)
            and (recipient, self.id(one)) in self.given
        ]
        return found[-1] if found else None

    def heard(self, member: str, peer: str) -> bool:
        """Whether the one has had a message of the other."""
        return self.delivered(peer, member) is not None

    def rotate(self, member: str) -> None:
        """A member's next prekey, early."""
        upkeep = self.nodes[member].upkeep
        with self.home(member).database.write():
            upkeep._make(int(self.clock.now))

    def stolen_prekey(self, member: str) -> Held:
        """The next prekey in a member's name, whose private half it does not have."""
        person = self.federation.people[member]
        epoch, previous = self.nodes[member].follower.state.last_prekeys[member]
        raw = self.federation.prekey(person, epoch=epoch + 1, previous=previous, kem=KemKey(b"t" * 32))
        return Held(raw)

    def forge(self, key: PrivateKey, sender: str, recipient: str) -> Held:
        """A message in a member's name, by any key, under its next number."""
        state = self.nodes[recipient].follower.state
        prekey = state.prekey(recipient)
        assert prekey
        sequence, previous = self.home(sender).numbers.next(recipient)
        draft = seal_streams(sender=sender, recipients=[recipient], content=FORGED)
        to = To(
            member=recipient,
            sequence=sequence,
            previous_id=previous,
            prekey_id=prekey.id,
            prekey=prekey.public_key,
        )
        sealed = seal(
            draft,
            to=[to],
            network_id=self.federation.network_id,
            directory_version=state.directory.version,
            directory_id=state.directory.id,
            keys=[key],
            created_minutes=int(self.clock.now // 60),
            lifetime_seconds=LIFETIME,
        )
        held = self.relay.header(sealed.statement.raw, sealed.wraps, draft.payload)
        held.at = self.clock.now
        return held

    def answer(self, held: Held, author: str, recipient: str, key: PrivateKey) -> Held:
        """`delivered` for a message, in a member's name, at another's place in it."""
        id_ = self.id(held)
        body = statement_pb2.Delivered(signers=[key.public.id], member=author)
        view = self.relay.view(recipient)
        place = self.recipients(held).index(recipient)
        body.items.add(header_id=id_, index=view.known[id_], recipient_index=place)
        signed = self.federation.sign("delivered", body.SerializeToString(deterministic=True), key)
        return Held(signed.raw, held.parties)
