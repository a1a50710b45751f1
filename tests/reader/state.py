"""What public Statements build (SPEC section 8); what each type changes stands in `effects`."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from . import anchor, chain
from .directory import Directory, Key
from .framing import parse
from .refusal import RefusalError, must


@dataclass(frozen=True)
class Prekey:
    """A prekey Statement that counts."""

    id: bytes
    public_key: bytes
    signers: tuple[bytes, ...]
    index: int


@dataclass(frozen=True)
class Suspension:
    """A member held back above `index`."""

    id: bytes
    member: str
    index: int
    root_key: bytes


@dataclass(frozen=True)
class Revocation:
    """Signatures below `cut` are valid, up to `index` disputed, above it invalid."""

    cut: int
    index: int


@dataclass(frozen=True)
class Recovered:
    """A key that a board named at `index`."""

    key: Key
    index: int


@dataclass(frozen=True)
class State:
    """After every public entry so far; `size` is one above the last."""

    directory: Directory
    size: int = 1
    prekeys: dict[str, tuple[Prekey, ...]] = field(default_factory=dict)
    # Epoch and id of each member's last prekey, killed or not.
    last_prekeys: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    doors: dict[str, tuple[int, tuple[bytes, ...]]] = field(default_factory=dict)
    revoked: dict[bytes, Revocation] = field(default_factory=dict)
    recovered: dict[bytes, Recovered] = field(default_factory=dict)
    suspensions: tuple[Suspension, ...] = ()
    # Time and size of each `clock` anchor.
    clocks: tuple[tuple[int, int], ...] = ()
    # 4.1: an id counts once.
    seen: frozenset[bytes] = frozenset()

    def key(self, key_id: bytes) -> Key | None:
        found = self.directory.keys.get(key_id)
        if found is None and key_id in self.recovered:
            return self.recovered[key_id].key
        return found

    def keys(self) -> dict[bytes, Key]:
        return {key_id: one.key for key_id, one in self.recovered.items()} | self.directory.keys

    def began(self, key: Key, index: int) -> bool:
        """8.3, 8.8: whether the key was there below `index`, by a Directory or a board."""
        by_board = self.recovered.get(key.id)
        listed = key.id in self.directory.keys and self.directory.began(key.record, index)
        return listed or (by_board is not None and by_board.index < index)

    def lives(self, key: Key, index: int) -> bool:
        ended = key.id in self.directory.keys and self.directory.ended(key.record, index)
        return self.began(key, index) and not ended

    def suspended(self, member: str) -> bool:
        return any(one.member == member for one in self.suspensions)

    def certificates(self, member: str) -> tuple[bytes, ...]:
        if member in self.doors:
            return self.doors[member][1]
        record = self.directory.member(member)
        return tuple(record.every("certificates")) if record else ()

    def open_anchor(self, note: bytes) -> anchor.Anchor:
        return anchor.verify(note, self.directory.origin, self.directory.log_key, self.directory.witnesses)

    def anchor_below(self, note: bytes, index: int) -> anchor.Anchor:
        """4.3 step 8: an anchor inside a Statement at `index`."""
        try:
            found = self.open_anchor(note)
        except RefusalError as refused:
            if refused.code in ("malformed", "limit"):
                raise
            raise RefusalError("context", refused.why) from refused
        must(found.checkpoint.size <= index, "context", "an anchor above the Statement that relies on it")
        return found

    def after(self, raw: bytes, members: Sequence[bytes], index: int) -> "State":
        """The state after this public Statement; refused, it changes nothing."""
        # Both judge by this state.
        from .authority import authenticate
        from .effects import EFFECTS

        must(index >= self.size, "context", f"entry {index} stands below {self.size}")
        statement = parse(raw)
        must(statement.log_class == 1, "context", f"{statement.type} is not public")
        if statement.type == "directory":
            return self._with_directory(raw, members, index)
        signed = authenticate(statement, self, index)
        id_ = statement.id(self.directory.network_id)
        must(id_ not in self.seen, "context", "a Statement that was logged before")
        made = EFFECTS[statement.type](self, signed, id_, index)
        return replace(made, size=index + 1, seen=self.seen | {id_})

    def _with_directory(self, raw: bytes, members: Sequence[bytes], index: int) -> "State":
        directory = chain.open_next(self.directory, raw, members, index)
        lifted = directory.body.every("lifted_suspensions")
        recovered = {
            key_id: one
            for key_id, one in self.recovered.items()
            if (listed := directory.keys.get(key_id)) is None
            or (listed.kind, listed.holder) == (one.key.kind, one.key.holder)
        }
        standing = tuple(one for one in self.suspensions if one.id not in lifted)
        return replace(self, directory=directory, size=index + 1, recovered=recovered, suspensions=standing)
