"""What goes into the relay's core and comes out of it: bytes and numbers, no gRPC, no SQL."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from mce_exchange.errors import RefusedError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.checkpoint import LogKey
from mce_exchange.log.receipt import Receipt
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.statement import Statement, decode

DAY = 24 * 3600


class _Decoded:
    statement: bytes

    @cached_property
    def decoded(self) -> Statement:
        """The Statement, framing only; what is found out about it stays with it."""
        return decode(self.statement)


@dataclass(frozen=True)
class EnvelopeIn(_Decoded):
    """A header Statement, one wrap (1,168 bytes) per recipient in its order, the ciphertext of stream 0."""

    statement: bytes
    wraps: tuple[bytes, ...]
    payload: bytes


@dataclass(frozen=True)
class PublishIn(_Decoded):
    """Any other Statement; a Directory with its member records, a re-wrap with its wrap (1,168 bytes)."""

    statement: bytes
    members: tuple[bytes, ...] = ()
    wrap: bytes = b""


@dataclass(frozen=True, slots=True)
class Accepted:
    """On disk and in the log. `statement` is the one logged: the first accepted with this id (threat R4)."""

    receipt: Receipt
    statement: bytes


Outcome = Accepted | RefusedError


@dataclass(frozen=True, slots=True)
class AttachmentState:
    """How many bytes of an attachment's ciphertext are on disk, and whether its root was verified."""

    held: int
    complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """A Statement the reader may see, with what travels beside it."""

    index: int
    statement: bytes
    members: tuple[bytes, ...] = ()
    wrap: bytes = b""
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Entries (34 bytes each) from `first_index` on without a gap, and a checkpoint at or above their end."""

    first_index: int
    entries: bytes
    statements: tuple[Delivery, ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """What one member may take of the relay; the last part of each stays free for urgent messages.

    `bytes_per_member`: ciphertext held for one sender, uploads included. `messages_per_day`: headers in
    a day (UTC); `statements_per_day`: the others, which have no urgent part. `pending_per_recipient`:
    messages of one sender not final at one recipient, so that no sender fills the mailbox for the
    others. `urgent_reserve`: percent of each kept for urgent ones.
    """

    bytes_per_member: int = 20 * 1024**3
    messages_per_day: int = 10_000
    statements_per_day: int = 100_000
    pending_per_recipient: int = 2_000
    urgent_reserve: int = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The core's own settings; seconds unless said otherwise."""

    quotas: Quotas = field(default_factory=Quotas)
    anchor_interval: float = 600.0
    sweep_interval: float = 5.0
    erasure_grace: float = 7.0 * DAY
    # After which the bytes of private Statements are deleted; 0: never.
    retention: float = 0.0
    orphan_age: float = 2.0 * DAY
    # Between clock and newest anchor at start; beyond it somebody has to say that the clock is right.
    longest_pause: float = math.inf
    # Where the log stands as static tiles; nowhere.
    tiles: Path | None = None
    # By deadline class; 0 and unknown classes have no deadline.
    deadlines: tuple[float, ...] = (0.0, 3600.0, 24 * 3600.0, 72 * 3600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayKeys:
    """The relay's private keys: for its Statements, and the log's two.

    `next`: those that a Directory to come names, at hand so that the log goes on without a pause.
    """

    signing: PrivateKey
    log_ed25519: Ed25519Key
    log_ml_dsa_44: MlDsa44Key
    next: "RelayKeys | None" = None

    @property
    def log(self) -> LogKey:
        """The log's public keys, as the Directory has them."""
        return LogKey(self.log_ed25519.public, self.log_ml_dsa_44.public)


class Metrics(Protocol):
    """Counters by name."""

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter."""


class NoMetrics:
    """Counts nothing."""

    def count(self, name: str, amount: int = 1) -> None:
        """Do nothing."""
