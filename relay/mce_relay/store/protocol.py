"""What the relay keeps, as a protocol that every engine implements; the rules stand elsewhere.

One `Writer` at a time appends to the log and changes everything else in the same transaction: what
it wrote is on disk when the context ends, or nothing is. A `Reader` sees one snapshot of what was
committed. Uniqueness (log index, Statement id, number of a pair, upload) is the store's own, so that
several processes over one store cannot break it either. Every method raises `StoreError` only
(`ConflictError` for what is there already).
Times are POSIX seconds, sizes bytes, ids and roots 32 bytes.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import IntEnum
from typing import Final, Protocol

from mce_exchange.errors import StoreError

RESTORE: Final = "keep this folder as it is, and restore the newest copy of the data folder"
"""What to do about a store that is damaged; never begin a new log under the old name."""


class ConflictError(StoreError):
    """Something that has to be unique is there already: nothing was changed, and nothing else failed."""


class Fate(IntEnum):
    """What became of a message at one recipient; all but PENDING and EXPIRED are final."""

    PENDING = 0
    DELIVERED = 1
    REFUSED = 2
    UNDELIVERABLE = 3
    EXPIRED = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Logged:
    """An entry (34 bytes) and its Statement; `members` are a Directory's member records.

    A private Statement is empty once its bytes have been deleted, after the retention time.
    """

    index: int
    entry: bytes
    id: bytes
    public: bool
    author: str
    statement: bytes
    members: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A logged header, as the relay serves it. `size` counts payload and attachments.

    `closed` is when the last recipient became final, or when it expired; `erased` when the ciphertext went.
    """

    index: int
    id: bytes
    sender: str
    accepted: int
    expires: int
    size: int
    closed: int | None = None
    erased: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One recipient of a message: `number` is its place in the header.

    `wrap` is the one that the header commits to, `rewrap` the one of the sender's re-wrap, if any; both
    are empty once erased. `prekey_refused`: the recipient does not hold the header's prekey.
    """

    index: int
    number: int
    sender: str
    recipient: str
    fate: Fate
    wrap: bytes
    deadline: int | None = None
    prekey_refused: bool = False
    rewrap: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """An attachment's ciphertext: `index` is the log index of the one message that names it."""

    root: bytes
    owner: str
    size: int
    started: int
    complete: bool = False
    index: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a member takes: ciphertext held; headers and other Statements of `day` (days since 1970)."""

    held: int = 0
    day: int = 0
    messages: int = 0
    statements: int = 0


class Reader(Protocol):
    """Questions about one snapshot."""

    # The log.

    def size(self) -> int:
        """The number of entries."""

    def entries(self, first: int, count: int) -> bytes:
        """Up to `count` entries, 34 bytes each."""

    def logged(self, index: int) -> Logged | None:
        """The entry at an index."""

    def find(self, id_: bytes) -> Logged | None:
        """The entry of the Statement with this id."""

    def walk(self, first: int, end: int, *, member: str | None, private: bool) -> Iterator[Logged]:
        """Public entries of a range in log order, with the private ones of a member, or all private ones."""

    def is_party(self, member: str, index: int) -> bool:
        """Whether a private Statement is a member's to see."""

    def checkpoint(self) -> bytes | None:
        """The last stored checkpoint."""

    def anchor(self, min_size: int, *, witnessed: bool = False) -> bytes | None:
        """The oldest anchor of at least this tree size, the newest for 0; of those that had their quorum."""

    def anchors(self, first: int, limit: int) -> list[tuple[int, bytes]]:
        """Tree sizes and notes of anchors from a size on, ascending, at most `limit` sizes.

        A size has two if the note that had its quorum is not the newest one.
        """

    def ended(self, min_size: int) -> bytes | None:
        """The last checkpoint of a log key that has ended, the oldest of at least this tree size."""

    def successor(self) -> bytes | None:
        """The Directory that gives this log to other keys (bundle), if it was handed in."""

    def kept_from(self) -> int:
        """The index below which the bytes of private Statements have been deleted; 0 if none were."""

    # Messages.

    def message(self, id_: bytes) -> Message | None:
        """The message with this header id."""

    def places(self, index: int) -> list[Place]:
        """Its recipients, in their order."""

    def payload(self, index: int) -> bytes | None:
        """Its ciphertext, unless erased."""

    def number_user(self, sender: str, recipient: str, number: int) -> bytes | None:
        """The id of the header or void that used this number of the pair."""

    def pending(self, sender: str, recipient: str) -> int:
        """How many messages of one sender are pending at one recipient."""

    def usage(self, member: str) -> Usage:
        """What a member takes now."""

    def upload(self, root: bytes) -> Upload | None:
        """An attachment, complete or not."""

    def roots(self) -> set[bytes]:
        """The roots of all uploads."""

    # What the sweeper looks for, at most `limit`.

    def overdue(self, now: int, limit: int) -> list[tuple[Message, Place]]:
        """Pending recipients whose deadline has passed without an `overdue` so far."""

    def expired(self, now: int, limit: int) -> list[Message]:
        """Messages that expire by now and are not closed."""

    def erasable(self, closed_by: int, limit: int) -> list[Message]:
        """Messages closed by then whose ciphertext is still held."""

    def unfinished(self) -> int | None:
        """The lowest index of a message whose `erasure` is not logged yet."""

    def held(self) -> list[Message]:
        """Messages of which ciphertext is held."""

    def spoken(self, relay: str) -> Iterator[Logged]:
        """The relay's own `erasure` Statements."""

    def unattested(self, limit: int) -> list[Message]:
        """Messages whose ciphertext is gone and whose `erasure` is not logged yet."""

    def orphans(self, started_by: int, limit: int) -> list[Upload]:
        """Uploads started by then that no message names."""


class Writer(Reader, Protocol):
    """Changes, all in one transaction; a Writer reads what it has written."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Undo what was written inside if it ends with an exception."""

    def append(self, entry: Logged, parties: Sequence[str]) -> None:
        """Add an entry at the next index; `parties` may see a private one."""

    def delete_statements(self, end: int) -> None:
        """Overwrite the bytes of private Statements from `kept_from` to `end`, which is the next one."""

    def put_checkpoint(self, note: bytes) -> None:
        """Keep the newest checkpoint."""

    def put_ended(self, size: int, note: bytes) -> None:
        """Keep the last checkpoint of a log key that ends."""

    def put_successor(self, bundle: bytes | None) -> None:
        """Keep the Directory that gives this log to other keys; None: it is logged."""

    def put_anchor(self, size: int, note: bytes, *, witnessed: bool) -> None:
        """Keep an anchor; a newer one of the same tree size takes its place.

        One that had its quorum, `witnessed`, is also kept as such, until another one has it.
        """

    def put_message(
        self, message: Message, places: Sequence[Place], payload: bytes, roots: Sequence[bytes]
    ) -> None:
        """Keep a message, its recipients and its ciphertext, and bind its attachments to it."""

    def use_number(self, sender: str, recipient: str, number: int, id_: bytes) -> None:
        """Use a number of a pair for a header or a void."""

    def put_place(self, place: Place) -> None:
        """Replace what is known of one recipient."""

    def close(self, index: int, when: int) -> None:
        """Delivery of this message has ended: pending recipients become EXPIRED."""

    def erase(self, message: Message, when: int) -> None:
        """Delete wraps, payload and attachments' rows; files without a row are removed next."""

    def attest(self, indices: Sequence[int]) -> None:
        """The `erasure` of these messages is logged."""

    def put_usage(self, member: str, usage: Usage) -> None:
        """Replace what a member takes."""

    def put_upload(self, upload: Upload) -> None:
        """Add or replace an upload."""

    def remove_upload(self, root: bytes) -> None:
        """Forget an upload."""


class Store(Protocol):
    """An engine over one place."""

    def open(self) -> None:
        """Lock, migrate and check; `StoreError`."""

    def close(self) -> None:
        """Let go of everything, from any thread, once nobody reads or writes."""

    def write(self) -> AbstractContextManager[Writer]:
        """The one write transaction: durable when the context ends without an exception."""

    def read(self) -> AbstractContextManager[Reader]:
        """A snapshot; any thread."""

    def scrub(self) -> None:
        """Leave no erased bytes in the engine's own files."""

    def faults(self) -> list[str]:
        """What the engine itself finds wrong with its files; it may take long."""
