"""What public Statements build: Directories, revocations, suspensions, prekeys, doors (SPEC 8.4 to 8.7)."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from . import anchor, chain
from .directory import Directory, check_certificate
from .framing import Statement, parse
from .refusal import RefusalError, must
from .wire import Record

PREKEYS_KEPT, SUSPENSIONS_EACH = 12, 2


@dataclass(frozen=True)
class Prekey:
    """A prekey Statement that counts."""

    id: bytes
    epoch: int
    public_key: bytes
    signers: tuple[bytes, ...]
    index: int


@dataclass(frozen=True)
class Suspension:
    """A member held back above `index`, and up to `lifted` once a Directory there lifts it."""

    id: bytes
    member: str
    index: int
    root_key: bytes
    lifted: int | None = None

    def covers(self, index: int) -> bool:
        return index > self.index and (self.lifted is None or index <= self.lifted)


@dataclass(frozen=True)
class Revocation:
    """Signatures below `cut` are valid, up to `index` disputed, above it invalid."""

    cut: int
    index: int


@dataclass(frozen=True)
class State:
    """After every public entry so far; `size` is one above the last."""

    directory: Directory
    size: int = 1
    prekeys: dict[str, tuple[Prekey, ...]] = field(default_factory=dict)
    doors: dict[str, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    revoked: dict[bytes, Revocation] = field(default_factory=dict)
    suspensions: tuple[Suspension, ...] = ()
    contested: dict[bytes, str] = field(default_factory=dict)

    def prekey(self, member: str, prekey_id: bytes) -> Prekey | None:
        return next((one for one in self.prekeys.get(member, ()) if one.id == prekey_id), None)

    def suspended(self, holder: str, index: int) -> bool:
        return any(one.member == holder and one.covers(index) for one in self.suspensions)

    def open_anchor(self, note: bytes) -> anchor.Anchor:
        return anchor.verify(note, self.directory.origin, self.directory.log_key, self.directory.witnesses)

    def after(self, raw: bytes, members: Sequence[bytes], index: int) -> "State":
        """The state after this public Statement; refused, it changes nothing."""
        from .authority import authenticate  # which judges by this state

        must(index >= self.size, "context", f"entry {index} stands below {self.size}")
        statement = parse(raw)
        must(statement.log_class == 1, "context", f"{statement.type} is not public")
        if statement.type == "directory":
            return self._with_directory(raw, members, index)
        body = authenticate(statement, self, index).body
        grown = replace(self, size=index + 1)
        match statement.type:
            case "prekey":
                return grown._with_prekey(statement, body, index)
            case "tls-keys":
                return grown._with_doors(body)
            case "revocation":
                return grown._with_revocation(body, index)
            case "suspension":
                return grown._with_suspension(statement, body, index)
            case "contest":
                return replace(
                    grown, contested={**self.contested, body.data("statement_id"): body.text("member")}
                )
        raise RefusalError("context", f"{statement.type} is never valid in this version")

    def _with_directory(self, raw: bytes, members: Sequence[bytes], index: int) -> "State":
        directory = chain.open_next(self.directory, raw, members, index)
        lifted = directory.body.every("lifted_suspensions")
        suspensions = tuple(
            replace(one, lifted=index) if one.id in lifted and one.lifted is None else one
            for one in self.suspensions
        )
        return replace(self, directory=directory, size=index + 1, suspensions=suspensions)

    def _with_prekey(self, statement: Statement, body: Record, index: int) -> "State":
        member = body.text("member")
        known = self.prekeys.get(member, ())
        if known:
            follows = (known[-1].epoch + 1, known[-1].id)
            must(
                (body.number("epoch"), body.data("previous")) == follows,
                "context",
                "it follows another prekey",
            )
        ends = body.number("nominal_end_minutes")
        must(body.number("not_before_minutes") < ends, "context", "a prekey that ends before it begins")
        made = Prekey(
            statement.id(self.directory.network_id),
            body.number("epoch"),
            body.data("public_key"),
            tuple(body.every("signers")),
            index,
        )
        return replace(self, prekeys={**self.prekeys, member: (*known, made)[-PREKEYS_KEPT:]})

    def certificates(self, member: str) -> tuple[bytes, ...]:
        if member in self.doors:
            return self.doors[member][1]
        record = self.directory.member(member)
        return tuple(record.every("certificates")) if record else ()

    def _with_doors(self, body: Record) -> "State":
        member, number = body.text("member"), body.number("number")
        before = self.doors.get(member, (0, ()))[0]
        must(number == before + 1, "context", f"set {number} does not follow set {before}")
        certificates = body.every("certificates")
        for der in certificates:
            check_certificate(der)
        made = replace(self, doors={**self.doors, member: (number, tuple(certificates))})
        every = [der for one in self.directory.members for der in made.certificates(one.text("id"))]
        must(len(every) == len(set(every)), "context", "a certificate stands twice")
        return made

    def _with_revocation(self, body: Record, index: int) -> "State":
        key_id, member = body.data("key_id"), body.text("member")
        key = self.directory.keys.get(key_id)
        must(key is not None and key.holder == member, "context", f"not a key of {member}")
        cut = self.open_anchor(body.data("cut")).checkpoint.size
        must(cut <= index, "context", "a cut above the revocation itself")
        before = self.revoked.get(key_id)
        made = Revocation(min(cut, before.cut), before.index) if before else Revocation(cut, index)
        prekeys = {
            holder: tuple(one for one in known if key_id not in one.signers)
            for holder, known in self.prekeys.items()
        }
        return replace(self, revoked={**self.revoked, key_id: made}, prekeys=prekeys)

    def _with_suspension(self, statement: Statement, body: Record, index: int) -> "State":
        member, root_key = body.text("member"), body.data("signers")
        must(self.directory.member(member) is not None, "directory", f"{member} is not a member")
        self.open_anchor(body.data("anchor"))
        standing = [one for one in self.suspensions if one.lifted is None]
        must(all(one.member != member for one in standing), "context", f"{member} is suspended already")
        own = sum(one.root_key == root_key for one in standing)
        must(own < SUSPENSIONS_EACH, "context", "this root key has suspended two members")
        made = Suspension(statement.id(self.directory.network_id), member, index, root_key)
        return replace(self, suspensions=(*self.suspensions, made))
