"""What everybody knows at a log index: the state that public Statements build (SPEC section 8).

Relay, node and auditor feed the same entries in log order to the same function and hold the same
state: `state.after(raw, members=…, index=…)` verifies one public Statement and returns the next
state, or raises and leaves this one as it was. An entry that raises is passed over, by everybody
alike, so that a bad one halts nobody (threats D1, L8).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.directory import authority, trust
from mce_exchange.directory.model import Directory, Status
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError
from mce_exchange.log.anchor import Anchor, open_anchor
from mce_exchange.primitives import tls
from mce_exchange.v1 import statement_pb2

_EPOCHS_KEPT: Final = 12
_SUSPENSIONS_EACH: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Prekey:
    """An X-Wing public key (1,216 bytes) to which others may wrap; `id` is its Statement's."""

    id: bytes
    member: str
    epoch: int
    public_key: bytes
    signers: tuple[bytes, ...]
    not_before_minutes: int
    nominal_end_minutes: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Revoked:
    """Signatures below `cut` (a tree size) hold, up to `index` they are disputed, above it they are none."""

    cut: int
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspended:
    """A member held back from this log index on, by one root key."""

    id: bytes
    index: int
    root_key: bytes


@dataclass(frozen=True, kw_only=True)
class PublicState:
    """Immutable; `size` entries of the log have been seen."""

    directory: Directory
    size: int
    prekeys: Mapping[str, tuple[Prekey, ...]] = field(default_factory=dict)
    doors: Mapping[str, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    revoked: Mapping[bytes, Revoked] = field(default_factory=dict)
    suspended: Mapping[str, Suspended] = field(default_factory=dict)
    contested: Mapping[bytes, str] = field(default_factory=dict)

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
            quorum=directory.quorum,
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
        id_ = statement.id(self.directory.network_id)
        body = signed.body
        if isinstance(body, statement_pb2.Prekey):
            return self._with_prekey(body, id_, index)
        if isinstance(body, statement_pb2.TlsKeys):
            return self._with_doors(body, index)
        if isinstance(body, statement_pb2.Revocation):
            return self._with_revocation(body, index)
        if isinstance(body, statement_pb2.Suspension):
            return self._with_suspension(body, id_, index)
        if isinstance(body, statement_pb2.Contest):
            return replace(self, size=index + 1, contested={**self.contested, body.statement_id: body.member})
        raise ContextError(f"{statement.type} is not handled in this version")

    def _with_directory(self, bundle: Bundle, index: int) -> "PublicState":
        directory = trust.open_next(self.directory, bundle, index=index)
        lifted = set(directory.lifted_suspensions)
        return replace(
            self,
            directory=directory,
            size=index + 1,
            suspended={m: s for m, s in self.suspended.items() if s.id not in lifted},
        )

    def _with_prekey(self, body: statement_pb2.Prekey, id_: bytes, index: int) -> "PublicState":
        known = self.prekeys.get(body.member, ())
        last = known[-1] if known else None
        if last is not None and (body.epoch, body.previous) != (last.epoch + 1, last.id):
            raise ContextError(f"prekey epoch {body.epoch} does not follow epoch {last.epoch}")
        if body.not_before_minutes >= body.nominal_end_minutes:
            raise ContextError("a prekey that ends before it begins")
        prekey = Prekey(
            id=id_,
            member=body.member,
            epoch=body.epoch,
            public_key=body.public_key,
            signers=tuple(body.signers),
            not_before_minutes=body.not_before_minutes,
            nominal_end_minutes=body.nominal_end_minutes,
            index=index,
        )
        kept = (*known, prekey)[-_EPOCHS_KEPT:]
        return replace(self, size=index + 1, prekeys={**self.prekeys, body.member: kept})

    def _with_doors(self, body: statement_pb2.TlsKeys, index: int) -> "PublicState":
        before = self.doors.get(body.member, (0, ()))[0]
        if body.number != before + 1:
            raise ContextError(f"certificate set {body.number} does not follow set {before}")
        for certificate in body.certificates:
            tls.check_certificate(certificate)
        doors = {**self.doors, body.member: (body.number, tuple(body.certificates))}
        taken = [
            der
            for member in self.directory.members
            for der in replace(self, doors=doors).certificates(member)
        ]
        if len(taken) != len(set(taken)):
            raise ContextError("a certificate that another member presents already")
        return replace(self, size=index + 1, doors=doors)

    def _with_revocation(self, body: statement_pb2.Revocation, index: int) -> "PublicState":
        holder = self.directory.holders.get(body.key_id)
        if holder is None or holder.id != body.member:
            raise ContextError(f"{body.key_id.hex()} is not a key of {body.member}")
        cut = self.open_anchor(body.cut).checkpoint.size
        if cut > index:
            raise ContextError("a cut above the revocation itself")
        before = self.revoked.get(body.key_id)
        # The earliest cut and the earliest index count: a thief gains nothing by revoking again.
        revoked = Revoked(
            cut=min(cut, before.cut) if before else cut, index=before.index if before else index
        )
        # Revoking, unlike rotating, kills every prekey the key signed: the thief may hold their halves.
        prekeys = {
            member: tuple(one for one in known if body.key_id not in one.signers)
            for member, known in self.prekeys.items()
        }
        return replace(self, size=index + 1, revoked={**self.revoked, body.key_id: revoked}, prekeys=prekeys)

    def _with_suspension(self, body: statement_pb2.Suspension, id_: bytes, index: int) -> "PublicState":
        self.directory.member(body.member)
        self.open_anchor(body.anchor)
        root_key = body.signers[0]
        standing = sum(one.root_key == root_key for one in self.suspended.values())
        if body.member in self.suspended or standing >= _SUSPENSIONS_EACH:
            raise ContextError("this root key, alone, suspends no further member")
        suspended = Suspended(id=id_, index=index, root_key=root_key)
        return replace(self, size=index + 1, suspended={**self.suspended, body.member: suspended})
