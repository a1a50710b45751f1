"""Following the log: nothing is believed before it fits a signed checkpoint (SPEC section 9).

Every entry comes to everybody, so the follower rebuilds the tree and compares roots: an entry left
out, added, exchanged or reordered does not fit (threats R2, L1). A public Statement that is invalid
raises an alarm and is passed over; one whose bytes are withheld stops the batch, because nobody may
act above public entries it has not processed (D1).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ContextError, ForkError, LimitError, LogError, MalformedError, MceError
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import (
    Checkpoint,
    check_follows,
    open_checkpoint,
    read_checkpoint,
    size_of,
)
from mce_exchange.log.entry import LogEntry, leaf_hashes
from mce_exchange.log.merkle import Tree
from mce_exchange.log.proof import verify_consistency
from mce_exchange.primitives.verify import equal, sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A Statement's bytes at its log index, and what travels beside it for us."""

    index: int
    statement: bytes
    members: tuple[bytes, ...] = ()
    wrap: bytes = b""
    payload: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What the relay sends: entries without a gap, Statements among them, a checkpoint beyond them."""

    first_index: int
    entries: bytes
    statements: tuple[Given, ...]
    checkpoint: bytes
    consistency: tuple[bytes, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One Statement and the state it is judged by; `error` if it is to be passed over: a public one that
    does not hold, or one in an entry of the wrong class.
    """

    given: Given
    public: bool
    before: PublicState
    after: PublicState
    error: MceError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A verified batch, ready to be committed; `older` if its checkpoint is behind one shown before."""

    batch: Batch
    entries: tuple[LogEntry, ...]
    steps: tuple[Step, ...]
    state: PublicState
    checkpoint: Checkpoint
    older: bool


class Follower:
    """The log as far as it has been followed. `take` changes nothing; `commit` does."""

    def __init__(
        self, genesis: PublicState, genesis_entry: LogEntry, entries: Iterable[bytes], note: bytes | None
    ) -> None:
        self.tree = Tree(chain.from_iterable(map(leaf_hashes, entries)))
        self.size = self.tree.size
        self.state = genesis
        self._genesis_entry = genesis_entry
        self._note = note

    def restore(self, steps: Iterable[tuple[int, bytes, Sequence[bytes]]]) -> None:
        """Rebuild the public state from public Statements that were taken before, in log order."""
        for index, raw, members in steps:
            self.state = self.state.after(raw, members=members, index=index)
        self.state = replace(self.state, size=max(self.tree.size, 1))

    def take(self, batch: Batch) -> Taken:
        """Verify a batch. Raises `LogError`, `ForkError`, `MalformedError` or `LimitError`."""
        entries = self._entries(batch)
        given = self._given(batch, entries)
        state, steps = self._steps(batch, entries, given)
        end = batch.first_index + len(entries)
        checkpoint = self._checkpoint(batch, entries, end, state)
        before = self.checkpoint
        return Taken(
            batch=batch,
            entries=tuple(entries),
            steps=tuple(steps),
            state=state.skipped(end),
            checkpoint=checkpoint,
            older=before is not None and before.size > checkpoint.size,
        )

    def commit(self, taken: Taken) -> None:
        """Go on from here; the caller has made it durable."""
        self.tree.extend(entry.leaf_hash for entry in taken.entries)
        self.size = self.tree.size
        self.state = taken.state
        # A larger one seen before stays: the log has yet to show that it fits.
        if not taken.older:
            self._note = taken.batch.checkpoint

    @contextmanager
    def ahead(self, entries: Iterable[LogEntry]) -> Iterator[Tree]:
        """The tree with entries in it that are not committed yet, as long as the block runs."""
        size = self.tree.size
        try:
            self.tree.extend(entry.leaf_hash for entry in entries)
            yield self.tree
        finally:
            self.tree.truncate(size)

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The largest that the relay has shown; it may be ahead of what has been followed."""
        # Verified when it was taken, by the key of then.
        return read_checkpoint(notes.parse(self._note).text) if self._note else None

    def _entries(self, batch: Batch) -> list[LogEntry]:
        if batch.first_index != self.tree.size:
            raise LogError(f"entries from {batch.first_index}, asked from {self.tree.size}")
        if not batch.entries or len(batch.entries) > limits.ENTRIES_PER_CALL * limits.LOG_ENTRY:
            raise LimitError(f"a batch of {len(batch.entries)} bytes")
        entries = _split(batch.entries)
        if not batch.first_index and entries[0] != self._genesis_entry:
            raise LogError("the log does not begin with the genesis of the pinned network")
        return entries

    def _given(self, batch: Batch, entries: list[LogEntry]) -> Mapping[int, Given]:
        given: dict[int, Given] = {}
        for one in batch.statements:
            place = one.index - batch.first_index
            if not 0 <= place < len(entries) or one.index in given:
                raise LogError(f"a Statement for entry {one.index}, which is not in this batch")
            if not equal(sha256(one.statement), entries[place].digest):
                raise LogError(f"other bytes than entry {one.index} commits to")
            given[one.index] = one
        return given

    def _steps(
        self, batch: Batch, entries: list[LogEntry], given: Mapping[int, Given]
    ) -> tuple[PublicState, list[Step]]:
        state, steps = self.state, []
        for index, entry in enumerate(entries, start=batch.first_index):
            one = given.get(index)
            if one is None:
                if entry.public and index:
                    raise LogError(f"the bytes of public entry {index} are withheld")
                continue
            before = state
            error: MceError | None = None
            if index:
                try:
                    if entry.public:
                        state = state.after(one.statement, members=one.members, index=index)
                    elif statements.decode(one.statement).public:
                        error = ContextError("a public Statement in an entry of the private class")
                except MceError as found:
                    error = found
            steps.append(Step(given=one, public=entry.public, before=before, after=state, error=error))
        return state, steps

    def _checkpoint(self, batch: Batch, entries: list[LogEntry], end: int, state: PublicState) -> Checkpoint:
        directory = state.directory
        key = directory.log_key(size_of(batch.checkpoint))
        checkpoint = open_checkpoint(batch.checkpoint, origin=directory.origin, key=key)
        before, note = self.checkpoint, self._note or b""
        if before is not None and before.size == checkpoint.size:
            check_follows(before, note, checkpoint, batch.checkpoint, ())
        # The tree grows for the comparison only; `commit` comes after the disk.
        with self.ahead(entries) as tree:
            verify_consistency(end, tree.root(), checkpoint.size, checkpoint.root, batch.consistency)
            # The new checkpoint covers this tree: with another root the two notes contradict each other.
            if before and before.size <= tree.size and not equal(tree.root(before.size), before.root):
                # The proof is made now: entries that are not taken are not there later.
                raise ForkError(
                    f"these entries do not fit the checkpoint of {before.size} seen before",
                    notes=(note, batch.checkpoint),
                    root=tree.root(before.size),
                    proof=tree.consistency_proof_beyond(before.size, checkpoint.size, batch.consistency),
                )
        return checkpoint


def _split(entries: bytes) -> list[LogEntry]:
    if len(entries) % limits.LOG_ENTRY:
        raise MalformedError(f"{len(entries)} bytes are no whole entries")
    return [
        LogEntry.decode(entries[i : i + limits.LOG_ENTRY]) for i in range(0, len(entries), limits.LOG_ENTRY)
    ]
