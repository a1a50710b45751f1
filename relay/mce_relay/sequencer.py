"""Group commit: one thread that judges and commits everything that waits the moment it is idle.

Another thread looks ahead: it verifies the next group's signatures while this one is written. Work is
a function of a `Group`; it reads and writes through the group's transaction, and what it returns is
given back only after the commit. Then the tree grows, ONE checkpoint is signed, and all
who waited are told: so "accepted" is on disk (promise 10), and a kill at any point loses nothing
that was promised (threat R5). A commit that fails leaves memory as it was.

The checkpoint is stored by the next group: Ed25519 is deterministic, so the same tree signed again
after a crash gives the same bytes, and no second sync is spent on it.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import RefusedError, StoreError
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Tree
from mce_exchange.statement import Statement
from mce_relay.hand import serving
from mce_relay.refusals import light, refusal
from mce_relay.store.protocol import ConflictError, Logged, Store, Writer
from mce_relay.turns import Job, Turns
from mce_relay.values import Metrics, RelayKeys

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Head:
    """What is committed and signed: the public state, and the checkpoint with its note.

    With a `successor`, the Directory that gives the log to other keys, nothing is appended any more.
    """

    state: PublicState
    checkpoint: Checkpoint
    note: bytes
    successor: Bundle | None = None

    @property
    def size(self) -> int:
        """The tree's size."""
        return self.checkpoint.size


class Group:
    """One transaction under way: `head` is committed, `state` and `size` count what this group adds.

    `state` is as of the last public entry: its own size is brought up at the commit.
    """

    def __init__(self, tx: Writer, head: Head, now: int) -> None:
        self.tx = tx
        self.head = head
        self.now = now
        self.state = head.state
        self.successor = head.successor
        self.entries: list[LogEntry] = []

    @property
    def size(self) -> int:
        """The index that the next entry gets."""
        return self.head.size + len(self.entries)

    def append(
        self,
        statement: Statement,
        *,
        author: str,
        parties: Sequence[str] = (),
        members: Sequence[bytes] = (),
        state: PublicState | None = None,
    ) -> int:
        """Log a Statement that was judged; a public one with the state after it. Its index."""
        index = self.size
        entry = LogEntry(statement.public, statement.digest)
        self.tx.append(
            Logged(
                index=index,
                entry=entry.encode(),
                id=statement.id(self.state.directory.network_id),
                public=statement.public,
                author=author,
                statement=statement.raw,
                members=tuple(members),
            ),
            parties,
        )
        self.entries.append(entry)
        if state is not None:
            self.state = state
        return index

    def hand_over(self, successor: Bundle) -> None:
        """The log has been given to other keys: this group's entries are the last (SPEC 9.10)."""
        self.tx.put_successor(successor.encode())
        self.successor = successor

    def attempt(self, work: Callable[["Group"], Any]) -> Any:
        """What `work` returns, or the exception that undid just this piece of work."""
        state, successor, count = self.state, self.successor, len(self.entries)
        try:
            with self.tx.savepoint():
                return work(self)
        except Exception as error:
            # A defect met by one caller's bytes is that caller's answer, not everybody's.
            if isinstance(error, StoreError) and not isinstance(error, ConflictError):
                raise
            self.state, self.successor = state, successor
            del self.entries[count:]
            return light(error) if isinstance(error, RefusedError) else error


class Sequencer:
    """The writer thread over a store, its tree and the committed `head`."""

    def __init__(
        self,
        *,
        store: Store,
        tree: Tree,
        head: Head,
        keys: RelayKeys,
        clock: Callable[[], float],
        metrics: Metrics,
        on_commit: Callable[[], None],
        on_failure: Callable[[StoreError], None],
    ) -> None:
        self.head = head
        self.tree = tree
        self._store = store
        self._keys = keys
        self._clock = clock
        self._metrics = metrics
        self._on_commit = on_commit
        self._on_failure = on_failure
        self._unstored: bytes | None = head.note
        self._failed: StoreError | None = None
        self._draining = False
        self._turns = Turns()
        self._ready: queue.Queue[tuple[list[Job], bool]] = queue.Queue()
        self._may_take = threading.Semaphore()
        self._loop = asyncio.get_running_loop()
        self._threads = [
            threading.Thread(target=target, name=name, daemon=True)
            for target, name in ((self._look_ahead, "mce-relay-ahead"), (self._serve, "mce-relay-writer"))
        ]
        for thread in self._threads:
            thread.start()

    async def run(self, work: Callable[[Group], T], *, author: str = "", size: int = 0) -> T:
        """What `work` returned, once it is committed and under a signed checkpoint.

        `author` is whose turn it takes, `size` about how many bytes it writes. Raises what `work` raised,
        `RefusedError` "draining", or `StoreError` if the commit failed.
        """
        result = await self.begin(work, author=author, size=size)
        if not isinstance(result, Exception):
            return result
        try:
            raise result
        finally:
            # An error that its own frame holds keeps the whole request until the next collection.
            del result, work

    def begin(
        self,
        work: Callable[[Group], T],
        *,
        author: str = "",
        size: int = 0,
        ahead: Callable[[PublicState], None] | None = None,
    ) -> "asyncio.Future[T | Exception]":
        """The same under way, the error given back. It happens whether or not its caller still waits.

        `ahead` runs before, in another thread, by the state of that moment: it may only save the work time.
        """
        future: asyncio.Future[T | Exception] = self._loop.create_future()
        if self._draining:
            future.set_result(refusal("draining", "the relay takes no new work"))
        else:
            self._turns.put(Job(work, future, author, size, ahead))
        return future

    def fail(self, error: StoreError) -> None:
        """Nothing is committed or signed from here on, whoever asks; from the event loop."""
        self._failed = self._failed or error
        self._on_failure(error)

    async def drain(self) -> None:
        """Refuse new work, finish what waits, store the checkpoint and end the thread."""
        if not self._draining:
            self._draining = True
            self._turns.end()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    def _look_ahead(self) -> None:
        last = False
        while not last:
            # One group at most is ready: whoever comes next waits for that and no more.
            self._may_take.acquire()
            jobs, last = self._turns.take()
            for ahead in filter(None, (job.ahead for job in jobs)):
                # A defect met here is met again by the writer, as this piece of work's own.
                with suppress(Exception):
                    ahead(self.head.state)
            self._ready.put((jobs, last))
            del jobs

    def _serve(self) -> None:
        while True:
            jobs, last = self._ready.get()
            self._may_take.release()
            before = self.head
            results = self._commit_or_stop(jobs)
            if last:
                self._commit_or_stop(())
            self._loop.call_soon_threadsafe(self._tell, jobs, results, self.head is not before)
            if last:
                return
            # Not kept while waiting for the next: what was asked for may be large.
            del jobs, results

    def _commit_or_stop(self, jobs: Sequence[Job]) -> Sequence[Any]:
        """Whatever happens, everybody who waits is told, and nothing is signed after a defect."""
        if self._failed is None:
            try:
                return self._commit(jobs)
            except Exception as error:
                self._failed = StoreError(
                    f"the writer met a defect: {type(error).__name__}",
                    remedy="restart the relay and report this to the maintainers",
                )
                self._failed.__cause__ = error
        return [self._failed] * len(jobs)

    def _commit(self, jobs: Sequence[Job]) -> Sequence[Any]:
        try:
            with self._store.write() as tx:
                group = Group(tx, self.head, int(self._clock()))
                if self._unstored is not None:
                    tx.put_checkpoint(self._unstored)
                results = [group.attempt(job.work) for job in jobs]
        except StoreError as error:
            self._metrics.count("commits_failed")
            self._check_unchanged()
            return [error] * len(jobs)
        self._unstored = None
        if group.entries:
            self._advance(group)
        if group.successor is not self.head.successor:
            self.head = replace(self.head, successor=group.successor)
        return results

    def _advance(self, group: Group) -> None:
        self.tree.extend(entry.leaf_hash for entry in group.entries)
        checkpoint = Checkpoint(self.head.checkpoint.origin, self.tree.size, self.tree.root())
        keys = serving(self._keys, group.state.directory, self.tree.size)
        note = sign_checkpoint(checkpoint, keys.log_ed25519)
        self.head = replace(
            self.head, state=group.state.skipped(self.tree.size), checkpoint=checkpoint, note=note
        )
        self._unstored = note
        self._metrics.count("entries", len(group.entries))
        self._metrics.count("commits")

    def _check_unchanged(self) -> None:
        """After a failed commit go on only if the store is known to be where memory is."""
        try:
            with self._store.read() as reader:
                given = (reader.successor() is None) == (self.head.successor is None)
                if reader.size() == self.head.size and given:
                    return
            self._failed = StoreError(
                "a commit ended in doubt", remedy="restart the relay, which checks its log"
            )
        except StoreError as error:
            self._failed = error

    def _tell(self, jobs: Sequence[Job], results: Sequence[Any], grown: bool) -> None:
        if self._failed is not None:
            self._on_failure(self._failed)
        if grown:
            self._on_commit()
        for job, result in zip(jobs, results, strict=True):
            if not job.future.done():
                job.future.set_result(result)
