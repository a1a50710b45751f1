"""What everybody knows at a log index: the state that public Statements build (SPEC section 8).

Relay, node and auditor feed the same entries in log order to the same function and hold the same
state: `state.after(raw, members=…, index=…)` verifies one public Statement and returns the next
state, or raises and leaves this one as it was. An entry that raises is passed over, by everybody
alike, so that a bad one halts nobody (threats D1, L8). What each type changes stands in `effects`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mce_exchange import statement as statements
from mce_exchange.directory import authority, effects, trust
from mce_exchange.directory.known import Prekey, Recovered, Revoked, Suspended, Tick
from mce_exchange.directory.model import Directory, Holder, Kind, Status
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError
from mce_exchange.keys import PublicKey
from mce_exchange.log.anchor import Anchor, open_anchor


@dataclass(frozen=True, kw_only=True)
class PublicState:
    """Immutable; `size` entries of the log have been seen."""

    directory: Directory
    size: int
    prekeys: Mapping[str, tuple[Prekey, ...]] = field(default_factory=dict)
    # Epoch and id of each member's last prekey, revoked or not: the chain goes on from it.
    last_prekeys: Mapping[str, tuple[int, bytes]] = field(default_factory=dict)
    doors: Mapping[str, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    revoked: Mapping[bytes, Revoked] = field(default_factory=dict)
    recovered: Mapping[bytes, Recovered] = field(default_factory=dict)
    suspended: Mapping[str, Suspended] = field(default_factory=dict)
    # Ids of all suspensions that ever took effect: a lifted one cannot be logged again.
    suspensions: frozenset[bytes] = frozenset()
    contested: Mapping[bytes, tuple[str, ...]] = field(default_factory=dict)
    # The last 30 days by the log's own clock, oldest first.
    ticks: tuple[Tick, ...] = ()

    @classmethod
    def genesis(cls, bundle: Bundle, *, network_id: bytes) -> "PublicState":
        """The state after entry 0; `DirectoryError`."""
        return cls(directory=trust.open_genesis(bundle, network_id=network_id), size=1)

    # What callers ask.

    def prekey(self, member: str) -> Prekey | None:
        """The newest prekey of a member whose signers still count."""
        known = self.prekeys.get(member, ())
        return known[-1] if known else None

    def find_prekey(self, member: str, prekey_id: bytes) -> Prekey | None:
        """A prekey of this member by id, one of the last twelve epochs."""
        return next((one for one in self.prekeys.get(member, ()) if one.id == prekey_id), None)

    def certificates(self, member: str) -> tuple[bytes, ...]:
        """Door certificates (DER) that count now: the newest public set, else the Directory's."""
        if member in self.doors:
            return self.doors[member][1]
        return self.directory.member(member).certificates

    def takes_part(self, member_id: str) -> bool:
        """Whether a member may send and be served now."""
        member = self.directory.members.get(member_id)
        return member is not None and member.status is Status.ACTIVE and member_id not in self.suspended

    def holder(self, key_id: bytes) -> Holder | None:
        """Who holds a signing key, by the Directory or by a board's recovery, living or not."""
        found = self.directory.holders.get(key_id)
        if found is None and key_id in self.recovered:
            return self.recovered[key_id].holder
        return found

    def find_key(self, key_id: bytes) -> PublicKey | None:
        """The public key with this id, living or not."""
        holder = self.holder(key_id)
        return holder.key.public if holder else None

    def lives(self, holder: Holder, index: int, *, removed_too: bool = False) -> bool:
        """Whether a key lives at a log index: added below it, and not removed below it."""
        key_id, life, indices = holder.key.public.id, holder.key.life, self.directory.indices
        added = [indices[life.added - 1]] if life.added else []
        added += [self.recovered[key_id].index] if key_id in self.recovered else []
        alive = removed_too or not life.removed or index <= indices[life.removed - 1]
        return min(added) < index and alive

    def skipped(self, size: int) -> "PublicState":
        """The same after private entries, or a public one that was passed over."""
        return replace(self, size=size)

    def open_anchor(self, note: bytes) -> Anchor:
        """An anchor of this network's log, judged by this state; `LogError` or `MalformedError`."""
        directory = self.directory
        return open_anchor(
            note,
            origin=directory.origin,
            log_key=directory.log_key,
            witnesses=directory.witnesses,
            quorum=directory.quorum_at,
        )

    # How it changes.

    def after(self, raw: bytes, *, members: Sequence[bytes] = (), index: int) -> "PublicState":
        """The state after this public Statement at `index`.

        Raises `DirectoryError` for a Directory, another `ProtocolError` for anything else that does not hold.
        """
        if index < self.size:
            raise ContextError(f"entry {index} is below the {self.size} already seen")
        statement = statements.decode(raw)
        if not statement.public:
            raise ContextError(f"{statement.type} is not a public Statement")
        if statement.type == statements.DIRECTORY:
            return self._with_directory(Bundle(raw, tuple(members)), index)
        signed = authority.authenticate(statement, state=self, index=index)
        effect = effects.EFFECTS[statement.type]
        id_ = statement.id(self.directory.network_id)
        return replace(effect(self, signed, id_, index), size=index + 1)

    def _with_directory(self, bundle: Bundle, index: int) -> "PublicState":
        directory = trust.open_next(self.directory, bundle, index=index)
        lifted = set(directory.lifted_suspensions)
        return replace(
            self,
            directory=directory,
            size=index + 1,
            suspended={m: s for m, s in self.suspended.items() if s.id not in lifted},
            # A key that the threshold gives to somebody was never another's to claim.
            recovered={
                key_id: one
                for key_id, one in self.recovered.items()
                if (held := directory.holders.get(key_id)) is None
                or (held.kind, held.id) == (Kind.MEMBER, one.holder.id)
            },
        )
