"""What single public Statements have established, as values (SPEC section 8)."""

from dataclasses import dataclass

from mce_exchange.directory.model import Holder


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Recovered:
    """A signing key that a member's board named at this log index."""

    holder: Holder
    index: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """An anchor that a `clock` Statement has logged: POSIX seconds, tree size."""

    time: int
    size: int
