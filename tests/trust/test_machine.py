"""Roots, members, a thief and the relay, in any order: what fewer than the threshold can never do.

The thief holds one root key of three, of which two sign, one key of three of each member's own board, and
signing keys of members; the relay is with it and logs what it hands in, replays included. The federation's
board, the members and their boards are honest, and one member logs the clock. After every step:

- every key that counts was entered by the federation's board or given by its member's, and who was not
  robbed has its own prekeys only;
- what an honest member signed is never invalid, and valid below every cut that its time allows;
- an alert goes between members who were neither robbed nor held back by the stolen root.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mce_exchange import statement
from mce_exchange.directory import changes, compose
from mce_exchange.directory.authority import Verdict, authenticate, verdict_of
from mce_exchange.directory.compose import Draft, new_key
from mce_exchange.directory.model import Kind
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import MceError
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.kem import KemKey
from mce_exchange.statement import Statement
from mce_exchange.v1 import statement_pb2
from tests.federation import NOW_MINUTES, ROOTS, Federation, signed

MEMBERS = ("be", "es", "pt")
DAY = 24 * 3600
members = st.sampled_from(MEMBERS)


@dataclass(frozen=True)
class Said:
    """What an honest member signed, where it stands, and on which day."""

    author: str
    key_id: bytes
    index: int
    day: int


def own_board(member: str) -> list[PrivateKey]:
    """The keys of a member's own board."""
    return [PrivateKey.from_seed(f"{member}{number}".encode() * 16 + bytes(16)) for number in range(3)]


BOARDS = {member: own_board(member) for member in MEMBERS}


class Boards(Federation):
    """Each member has a board, of which two of three sign."""

    def draft(self) -> Draft:
        draft = super().draft()
        return replace(
            draft,
            members=[
                replace(
                    one,
                    board_keys=tuple(new_key(key.public) for key in BOARDS[one.id]),
                    board_threshold=2,
                )
                for one in draft.members
            ],
        )


class Machine(RuleBasedStateMachine):
    @initialize(robbed=st.sampled_from([None, "es", "pt"]))
    def begin(self, robbed: str | None) -> None:
        self.world = Boards(MEMBERS)
        self.keys = {name: self.world.people[name].key for name in MEMBERS}
        self.genuine = set(self.world.state.directory.holders)
        self.prekeys = {known[-1].id for known in self.world.state.prekeys.values()}
        self.stolen: dict[str, list[PrivateKey]] = {}
        self.root_stolen = False
        self.held_back: set[str] = set()
        self.said: list[Said] = []
        # From where on what a robbed member signed may be disputed: a tree size by the board's word, a
        # day by the thief's, who reaches back 30 days of the log's clock and no further.
        self.size_bound: dict[str, int] = {}
        self.day_bound: dict[str, float] = {}
        self.clock = -math.inf
        self.day = NOW_MINUTES * 60 // DAY
        self.anchors: list[tuple[bytes, int]] = []
        self.count = 0
        self.freeze()
        if robbed:
            self.say(robbed)
            self.a_signing_key_is_stolen(robbed)

    def freeze(self) -> None:
        self.anchors.append((self.world.anchor(self.day * DAY), self.world.tree.size))

    def fresh(self) -> PrivateKey:
        self.count += 1
        # Both halves are new: a key of which one is known enters nowhere.
        return PrivateKey.from_seed(self.count.to_bytes(32, "big") * 2)

    def logged(self, raw: bytes, members: tuple[bytes, ...] = ()) -> bool:
        """The relay logs it; whether it counts. A public entry that does not hold is passed over."""
        try:
            self.world.publish(raw, members)
        except MceError:
            return False
        return True

    # Honest acts.

    @rule(member=members)
    def say(self, member: str) -> None:
        if not self.world.state.takes_part(member):
            return
        self.count += 1
        body = statement_pb2.Void(
            signers=[self.keys[member].public.id],
            sender=member,
            recipient="nobody",
            sequence=self.count,
        ).SerializeToString(deterministic=True)
        made = self.world.sign("void", body, self.keys[member])
        try:
            judged = authenticate(made, state=self.world.state, index=self.world.tree.size)
        except MceError:
            assert member in self.stolen, "an honest member with safe keys is not heard"
            return
        if judged.verdict is Verdict.VALID:
            self.said.append(Said(member, made.signers[0], self.world.log(made.raw), self.day))

    @rule(days=st.sampled_from([1, 12, 40]))
    def time_passes(self, days: int) -> None:
        self.day += days
        self.freeze()
        body = statement_pb2.Clock(signers=[self.keys["be"].public.id], anchor=self.anchors[-1][0])
        key = self.keys["be"]
        if self.logged(self.world.sign("clock", body.SerializeToString(deterministic=True), key).raw):
            self.clock = self.day

    @rule(member=members)
    def next_prekey(self, member: str) -> None:
        made = self.prekey(member, self.keys[member])
        if self.logged(made):
            self.prekeys.add(statement.decode(made).id(self.world.network_id))

    def prekey(self, member: str, key: PrivateKey) -> bytes:
        self.count += 1
        epoch, previous = self.world.state.last_prekeys[member]
        body = statement_pb2.Prekey(
            signers=[key.public.id],
            member=member,
            epoch=epoch + 1,
            previous=previous,
            public_key=KemKey(self.count.to_bytes(32, "big")).public,
            not_before_minutes=NOW_MINUTES,
            nominal_end_minutes=NOW_MINUTES + 7 * 24 * 60,
        )
        return self.world.sign("prekey", body.SerializeToString(deterministic=True), key).raw

    @rule(member=members)
    def the_board_rotates_a_key(self, member: str) -> None:
        key = self.fresh()
        record = self.world.state.directory.members[member]
        card = replace(record, keys=(new_key(key.public),))
        if self.logged(*self.version(lambda d, v: changes.renew(d, card, version=v), ROOTS[:2])):
            self.genuine.add(key.public.id)
            self.keys[member] = key

    @rule(member=members)
    def its_own_board_gives_a_key(self, member: str) -> None:
        key, (cut, size) = self.fresh(), self.anchors[-1]
        if self.logged(self.recovery(member, key, cut, BOARDS[member][:2])):
            self.genuine.add(key.public.id)
            self.keys[member] = key
            self.size_bound[member] = min(size, self.size_bound.get(member, size))
            # What the lost keys had published is killed with them: the new home makes the next at once.
            made = self.prekey(member, key)
            assert self.logged(made)
            self.prekeys.add(statement.decode(made).id(self.world.network_id))
        else:
            assert not self.world.state.takes_part(member), "an honest board is not heard"

    def recovery(self, member: str, key: PrivateKey, cut: bytes, by: list[PrivateKey]) -> bytes:
        body = statement_pb2.BoardRecovery(
            signers=[one.public.id for one in by],
            member=member,
            new_key=statement_pb2.SigningKey(ed25519=key.public.ed25519, ml_dsa_65=key.public.ml_dsa_65),
            cut=cut,
        )
        return self.world.sign("board-recovery", body.SerializeToString(deterministic=True), *by).raw

    def version(
        self, change: Callable[[Draft, int], Draft], roots: Sequence[PrivateKey]
    ) -> tuple[bytes, tuple[bytes, ...]]:
        directory = self.world.state.directory
        draft = change(Draft.of(directory), directory.version + 1)
        bundle = compose.successor(draft, current=directory, now_minutes=NOW_MINUTES)
        made: Bundle = signed(bundle, roots, network_id=self.world.network_id)
        return made.statement, made.members

    @precondition(lambda self: self.stolen)
    @rule(data=st.data())
    def the_board_revokes_what_was_stolen(self, data: st.DataObject) -> None:
        member = data.draw(st.sampled_from(sorted(self.stolen)))
        cut, size = self.anchors[-1]
        for key in self.stolen[member]:
            if self.logged(self.revocation(member, key, cut, ROOTS[:2])):
                self.size_bound[member] = min(size, self.size_bound.get(member, size))

    def revocation(self, member: str, key: PrivateKey, cut: bytes, by: list[PrivateKey]) -> bytes:
        body = statement_pb2.Revocation(
            signers=[one.public.id for one in by],
            member=member,
            key_id=key.public.id,
            cut=cut,
            reason=statement_pb2.REVOCATION_REASON_COMPROMISED,
        )
        return self.world.sign("revocation", body.SerializeToString(deterministic=True), *by).raw

    @precondition(lambda self: self.world.state.suspended)
    @rule()
    def the_board_lifts_suspensions(self) -> None:
        ids = tuple(one.id for one in self.world.state.suspended.values())
        self.logged(*self.version(lambda d, _: replace(d, lifted_suspensions=ids), ROOTS[:2]))
        self.held_back = set(self.world.state.suspended)

    # The thief's, with the relay.

    @rule(member=members)
    def a_signing_key_is_stolen(self, member: str) -> None:
        # One stays safe, so that somebody is left to be protected; it is also who logs the clock.
        if member != "be":
            self.stolen.setdefault(member, []).append(self.keys[member])

    @rule()
    def a_root_is_stolen(self) -> None:
        self.root_stolen = True

    @precondition(lambda self: self.root_stolen)
    @rule(member=members, twice=st.booleans())
    def forge_a_directory(self, member: str, twice: bool) -> None:
        key = self.fresh()
        record = self.world.state.directory.members[member]
        card = replace(record, keys=(*(k for k in record.keys if not k.life.removed), new_key(key.public)))
        raw, records = self.version(lambda d, v: changes.renew(d, card, version=v), [ROOTS[2]])
        if twice:
            made = statement.decode(raw)
            raw = Statement(made.type, made.body, (made.blocks[0], made.blocks[0])).raw
        assert not self.logged(raw, records)

    @precondition(lambda self: self.root_stolen)
    @rule(member=members)
    def hold_a_member_back(self, member: str) -> None:
        body = statement_pb2.Suspension(
            signers=[ROOTS[2].public.id],
            member=member,
            anchor=self.anchors[-1][0],
            reason=statement_pb2.SUSPENSION_REASON_MISUSE,
        )
        raw = self.world.sign("suspension", body.SerializeToString(deterministic=True), ROOTS[2]).raw
        if self.logged(raw):
            self.held_back.add(member)
        assert len(self.held_back) <= 2

    @precondition(lambda self: self.root_stolen)
    @rule(member=members)
    def a_lone_root_revokes(self, member: str) -> None:
        assert not self.logged(self.revocation(member, self.keys[member], self.anchors[0][0], [ROOTS[2]]))

    @rule(member=members, other=members)
    def one_of_a_board_recovers(self, member: str, other: str) -> None:
        mine, cut = BOARDS[member][2], self.anchors[-1][0]
        signers = [[mine], [mine, *self.stolen.get(member, [])[:1]], [mine, ROOTS[2]]]
        signers += [[mine, BOARDS[other][2]], BOARDS[other][:2]] if other != member else []
        for by in signers:
            assert not self.logged(self.recovery(member, self.fresh(), cut, by))

    def robbed(self, data: st.DataObject) -> tuple[str, PrivateKey]:
        member = data.draw(st.sampled_from(sorted(self.stolen)))
        return member, data.draw(st.sampled_from(self.stolen[member]))

    @precondition(lambda self: self.stolen)
    @rule(data=st.data())
    def a_thief_signs_a_prekey(self, data: st.DataObject) -> None:
        self.logged(self.prekey(*self.robbed(data)))

    @precondition(lambda self: self.stolen)
    @rule(data=st.data(), victim=members)
    def a_thief_signs_for_another(self, data: st.DataObject, victim: str) -> None:
        thief, key = self.robbed(data)
        if victim != thief:
            assert not self.logged(self.prekey(victim, key))
            assert not self.logged(self.revocation(victim, self.keys[victim], self.anchors[0][0], [key]))

    @precondition(lambda self: self.stolen)
    @rule(data=st.data())
    def a_thief_disowns_what_was_said(self, data: st.DataObject) -> None:
        """As far back as an anchor exists: the log's clock bounds what that takes away."""
        thief, key = self.robbed(data)
        if self.logged(self.revocation(thief, self.keys[thief], self.anchors[0][0], [key])):
            least = self.clock - 30
            self.day_bound[thief] = min(least, self.day_bound.get(thief, least))

    @rule(data=st.data())
    def the_relay_replays(self, data: st.DataObject) -> None:
        raw = data.draw(st.sampled_from(self.world.raw))
        decoded = statement.decode(raw)
        if not decoded.public:
            return
        before = self.world.state
        records = self.world.genesis.members if decoded.type == statement.DIRECTORY else ()
        if self.logged(raw, records):
            # A contest, or a revocation that names nothing new: it may stand twice, and changes nothing.
            after = replace(self.world.state, size=before.size)
            assert after == replace(before, size=before.size)

    # What holds, always.

    @invariant()
    def nothing_forged_counts(self) -> None:
        state = self.world.state
        held = {id_ for id_, one in state.directory.holders.items() if one.kind is Kind.MEMBER}
        assert held <= self.genuine
        assert set(state.recovered) <= self.genuine
        for member in set(MEMBERS) - self.stolen.keys():
            assert {one.id for one in state.prekeys.get(member, ())} <= self.prekeys

    @invariant()
    def evidence_stays_what_it_was(self) -> None:
        state = self.world.state
        for one in self.said:
            holder = state.holder(one.key_id)
            assert holder
            verdict = verdict_of(holder, state, one.index)
            assert verdict is not Verdict.INVALID
            if one.index < self.size_bound.get(one.author, one.index + 1) and (
                one.author not in self.stolen or one.day < self.day_bound.get(one.author, math.inf)
            ):
                assert verdict is Verdict.VALID

    @invariant()
    def an_alert_goes_between_honest_members(self) -> None:
        state = self.world.state
        for member in set(MEMBERS) - self.stolen.keys() - self.held_back:
            assert state.takes_part(member)
            assert state.prekey(member) is not None
            holder = state.holder(self.keys[member].public.id)
            assert holder
            assert verdict_of(holder, state, self.world.tree.size) is Verdict.VALID


TestRootsMembersThiefAndRelay = Machine.TestCase
TestRootsMembersThiefAndRelay.settings = settings(max_examples=80, stateful_step_count=30)
