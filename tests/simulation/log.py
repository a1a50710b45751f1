"""One view of the log, as a relay may keep several: entries, what it holds beside them, anchors."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from mce_exchange import statement as statements
from mce_exchange.log import merkle
from mce_exchange.log.anchor import sign_anchor
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.receipt import Receipt
from tests.federation import LOG

QUORUM = 2


@dataclass
class Held:
    """What stands beside an entry; `parties` may see the bytes, None is everybody. Who handed it in, when."""

    statement: bytes
    parties: frozenset[str] | None = None
    wraps: dict[str, bytes] = field(default_factory=dict)
    payload: bytes = b""
    members: tuple[bytes, ...] = ()
    by: str = ""
    at: float = 0.0

    @property
    def entry(self) -> LogEntry:
        decoded = statements.decode(self.statement)
        return LogEntry(decoded.public, sha256(self.statement).digest())


@dataclass
class Anchor:
    """A note of the log, and the lines that came for it by member."""

    size: int
    note: bytes
    lines: dict[str, bytes] = field(default_factory=dict)

    @property
    def full(self) -> bytes:
        return self.note + b"".join(self.lines.values())


class View:
    """Signed with the log's key, whatever it says."""

    def __init__(self, origin: str, network_id: bytes, held: Sequence[Held] = ()) -> None:
        self.origin = origin
        self.network_id = network_id
        self.held: list[Held] = []
        self.tree = merkle.Tree()
        self.known: dict[bytes, int] = {}
        self.anchors: list[Anchor] = []
        self.frozen_at: int | None = None
        self._notes: dict[int, bytes] = {}
        for one in held:
            self.append(one)

    def fork(self) -> "View":
        """Another log that begins like this one; anchors given out before belong to both."""
        other = View(self.origin, self.network_id, self.held)
        other.anchors = [replace(one, lines=dict(one.lines)) for one in self.anchors]
        return other

    @property
    def size(self) -> int:
        return len(self.held)

    def append(self, held: Held) -> int:
        index = self.size
        self.known.setdefault(statements.decode(held.statement).id(self.network_id), index)
        self.held.append(held)
        self.tree.append(held.entry.leaf_hash)
        return index

    def checkpoint(self, size: int | None = None) -> bytes:
        """A note of the first entries, of all by default."""
        size = self.size if size is None else size
        if size not in self._notes:
            self._notes[size] = sign_checkpoint(self._tree_of(size), LOG[0])
        return self._notes[size]

    def _tree_of(self, size: int) -> Checkpoint:
        return Checkpoint(self.origin, size, self.tree.root(size))

    def anchor_of(self, size: int, time: int) -> bytes:
        """An anchor of the first entries, which need not be kept."""
        return sign_anchor(self._tree_of(size), time=time, ed25519=LOG[0], ml_dsa_44=LOG[1])

    def freeze(self, time: int) -> None:
        """The next anchor."""
        size = self.size if self.frozen_at is None else self.frozen_at
        self.anchors.append(Anchor(size, self.anchor_of(size, time)))

    @property
    def witnessed(self) -> bytes:
        """The newest anchor that had its quorum, or nothing."""
        return next((one.full for one in reversed(self.anchors) if len(one.lines) >= QUORUM), b"")

    def cosign(self, member: str, size: int, lines: bytes) -> None:
        for one in reversed(self.anchors):
            if one.size == size:
                one.lines[member] = lines
                return

    def receipt(self, index: int) -> Receipt:
        proof = tuple(self.tree.inclusion_proof(index, self.size))
        return Receipt(index=index, proof=proof, checkpoint=self.checkpoint())
