"""The Directory as read: values and look-ups, nothing that decides trust (SPEC section 8)."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from functools import cached_property
from typing import Final, Generic, TypeVar

from mce_exchange.errors import DirectoryError
from mce_exchange.keys import PublicKey
from mce_exchange.log.anchor import Quorum, WitnessKey
from mce_exchange.log.checkpoint import LogKey

T = TypeVar("T")


class Role(IntEnum):
    """What a member is for."""

    HOTLINE = 1
    FEDERATION = 2
    AUDITOR = 3
    LIAISON = 4


class Status(IntEnum):
    """Whether a member takes part."""

    ACTIVE = 1
    SUSPENDED = 2
    LEFT = 3


class Act(IntEnum):
    """What a member's policy may reserve to two persons."""

    URGENT = 1
    CHILD_ALERT = 2
    TRANSFER = 3
    ERASURE_REQUEST = 4


class Kind(IntEnum):
    """Whose key it is."""

    ROOT = 1
    MEMBER = 2
    RELAY = 3
    BOARD = 4


FEDERATION: Final = "federation"
"""The author's name of what root keys sign; no member and no relay may have it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """Directory versions that added and removed something; `removed` is 0 while it lives."""

    added: int
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A public key in the Directory, which keeps it for ever."""

    public: PublicKey
    life: Life
    label: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A hotline, the federation's office, an auditor or a liaison."""

    id: str
    name: str
    country: str
    role: Role
    status: Status
    keys: tuple[SigningKey, ...]
    certificates: tuple[bytes, ...] = ()
    phone: str = ""
    policy: Mapping[Act, int] = field(default_factory=dict)
    board_keys: tuple[SigningKey, ...] = ()
    board_threshold: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Relay:
    """A relay: address as host:port, its signing keys and pinned door certificates (DER)."""

    id: str
    address: str
    keys: tuple[SigningKey, ...]
    certificates: tuple[bytes, ...]
    life: Life
    tiles: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Living(Generic[T]):
    """A log or witness key and its life."""

    value: T
    life: Life


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who holds a signing key."""

    kind: Kind
    id: str
    key: SigningKey


@dataclass(frozen=True, kw_only=True)
class Directory:
    """One verified version. `indices`, `ids` and `quorums` are those of versions 1 to this one."""

    network_id: bytes
    version: int
    name: str
    exercise: bool
    root_keys: tuple[SigningKey, ...]
    root_threshold: int
    members: Mapping[str, Member]
    relays: Mapping[str, Relay]
    log_keys: tuple[Living[LogKey], ...]
    witness_keys: tuple[Living[WitnessKey], ...]
    quorums: tuple[Quorum, ...]
    indices: tuple[int, ...]
    ids: tuple[bytes, ...]
    issued_minutes: int
    expires_minutes: int
    lifted_suspensions: tuple[bytes, ...] = ()
    default_policy: Mapping[Act, int] = field(default_factory=dict)
    closed: bool = False
    successor: bytes = b""

    @property
    def id(self) -> bytes:
        """This version's Statement id."""
        return self.ids[-1]

    @property
    def index(self) -> int:
        """The log index of this version."""
        return self.indices[-1]

    @property
    def origin(self) -> str:
        """The log's name in checkpoints."""
        return f"mce1/{self.network_id.hex()}"

    @cached_property
    def holders(self) -> Mapping[bytes, Holder]:
        """Every signing key that ever was, by its id; an id has one holder for ever (threat E3)."""
        found: dict[bytes, Holder] = {}
        owners = [(Kind.ROOT, FEDERATION, self.root_keys)]
        owners += [(Kind.MEMBER, member.id, member.keys) for member in self.members.values()]
        owners += [(Kind.BOARD, member.id, member.board_keys) for member in self.members.values()]
        owners += [(Kind.RELAY, relay.id, relay.keys) for relay in self.relays.values()]
        for kind, owner, keys in owners:
            for key in keys:
                if key.public.id in found:
                    raise DirectoryError(f"key {key.public.id.hex()} stands twice")
                found[key.public.id] = Holder(kind=kind, id=owner, key=key)
        return found

    @property
    def quorum(self) -> Quorum:
        """This version's."""
        return self.quorums[-1]

    def quorum_at(self, size: int) -> Quorum:
        """The quorum of the version in force at a tree size: the last one below it."""
        return self.quorums[max(bisect_left(self.indices, size), 1) - 1]

    def lives(self, life: Life, index: int) -> bool:
        """Whether it lives at a log index: above the one that added it, up to the one that removed it."""
        return self.indices[life.added - 1] < index and (
            not life.removed or index <= self.indices[life.removed - 1]
        )

    def log_key(self, size: int) -> LogKey:
        """The log's key for a tree of this size; `DirectoryError` if there is none."""
        for one in self.log_keys:
            if self.lives(one.life, size):
                return one.value
        raise DirectoryError(f"no log key for tree size {size}")

    def witnesses(self, size: int) -> tuple[WitnessKey, ...]:
        """The witnesses for a tree of this size."""
        return tuple(one.value for one in self.witness_keys if self.lives(one.life, size))

    def member(self, member_id: str) -> Member:
        """The member with this id; `DirectoryError` if there is none."""
        try:
            return self.members[member_id]
        except KeyError:
            raise DirectoryError(f"{member_id} is not a member in Directory version {self.version}") from None

    def persons(self, member_id: str, act: Act) -> int:
        """How many persons of a member must sign an act: 1 or 2."""
        return max(1, self.default_policy.get(act, 1), self.member(member_id).policy.get(act, 1))
