"""The relay's core: what the service asks, in bytes, behind one object.

Submitting and publishing go through the sequencer's one writer thread; reading uses connections of
its own. Bad input gives `RefusedError` (reason of `relay.proto`, lower case), never anything else;
`StoreError` says that the relay's own disk failed and nothing was promised.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from mce_exchange import limits
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import LogError, MceError, ProtocolError, RefusedError, StoreError, UsageError
from mce_exchange.log.merkle import Tree
from mce_exchange.log.receipt import Receipt
from mce_relay import anchors, boot, engine, engine_publish, views
from mce_relay.admitted import Admitted
from mce_relay.blobs import Blobs
from mce_relay.engine import Placed, Rules
from mce_relay.known import Known, lacks
from mce_relay.logs import logger
from mce_relay.refusals import refusal
from mce_relay.sequencer import Head, Sequencer
from mce_relay.store.protocol import Store
from mce_relay.store.sqlite import SqliteStore
from mce_relay.sweeper import Sweeper
from mce_relay.values import (
    DAY,
    Accepted,
    AttachmentState,
    Batch,
    EnvelopeIn,
    Metrics,
    NoMetrics,
    Outcome,
    PublishIn,
    RelayKeys,
    Settings,
)

T = TypeVar("T")

ATTACHMENTS: Final = "attachments"
"""The folder of attachments in the data folder."""
_ANSWER: Final = 512 * limits.KIB
"""Bytes of an answer to a reader of the log, about; every connected member holds up to four times that."""


class Core:
    """One relay over one data folder (which becomes 0700). Call `start`, then anything, then `close`."""

    def __init__(
        self,
        *,
        data: Path,
        genesis: Bundle,
        keys: RelayKeys,
        settings: Settings | None = None,
        clock: Callable[[], float] = time.time,
        metrics: Metrics | None = None,
        store: Store | None = None,
        anchor_file: Path | None = None,
    ) -> None:
        self._data = data
        self._genesis = genesis
        self._keys = keys
        self._settings = settings or Settings()
        self._clock = clock
        self._metrics = metrics or NoMetrics()
        self._store = store or SqliteStore(data)
        self._known = Known(anchor_file)

    @property
    def state(self) -> PublicState:
        """The public state as of the last commit."""
        return self._sequencer.head.state

    @property
    def relay(self) -> str:
        """This relay's id in the Directory."""
        return self._relay

    @property
    def draining(self) -> bool:
        """Whether the relay has ended its work: streams end too."""
        return self._ended

    async def start(self) -> None:
        """Open the store, check it against its last checkpoint, sweep once, and begin.

        Raises `StoreError`, `DirectoryError` for the genesis, `UsageError` for keys that may not serve it.
        """
        head, tree, relay = await asyncio.to_thread(self._open)
        self._listeners: set[asyncio.Event] = set()
        self._ended = self._said = False
        self._failure: asyncio.Future[StoreError] = asyncio.get_running_loop().create_future()
        self._tree = tree
        self._relay = relay
        self._admitted = Admitted(relay)
        self._rules = Rules(relay=relay, keys=self._keys, settings=self._settings, metrics=self._metrics)
        self._sequencer = Sequencer(
            store=self._store,
            tree=tree,
            head=head,
            keys=self._keys,
            clock=self._clock,
            metrics=self._metrics,
            on_commit=self._wake,
            on_failure=self._fail,
        )
        self._blobs = Blobs(
            folder=self._data / ATTACHMENTS,
            store=self._store,
            sequencer=self._sequencer,
            rules=self._rules,
        )
        try:
            self._sweeper = Sweeper(
                rules=self._rules,
                sequencer=self._sequencer,
                store=self._store,
                blobs=self._blobs,
                known=self._known,
            )
            await self._sweeper.erase_again()
            await self.sweep()
        except BaseException:
            await self._sequencer.drain()
            self._blobs.close()
            self._store.close()
            raise
        self._sweeping = asyncio.create_task(self._sweep_on())

    def _open(self) -> tuple[Head, Tree, str]:
        self._store.open()
        try:
            head, tree, relay = boot.start(self._store, self._genesis, self._keys, self._metrics)
            anchored = self._read(lambda reader: reader.anchor(0)) is not None
            self._known.check(head.state, tree, anchored=anchored)
            self._check_clock(head.state)
            return head, tree, relay
        except MceError:
            self._store.close()
            raise

    def _check_clock(self, state: PublicState) -> None:
        """Before anything expires by it (threat H8)."""
        newest = self._read(anchors.newest, state)
        apart = abs(self._clock() - newest.time) if newest else 0.0
        if apart > self._settings.longest_pause:
            raise UsageError(
                f"this machine's clock and the newest anchor are {apart / DAY:.0f} days apart",
                remedy="set the clock; if it is right, serve with --after-pause: what has expired is erased",
            )

    @property
    def moved(self) -> bool:
        """Whether the log has been given to other keys: nothing is appended, what there is can be read."""
        return self._head.successor is not None

    async def failed(self) -> StoreError:
        """Wait until the writer has stopped for good: only a new start, which looks at the log, goes on."""
        return await asyncio.shield(self._failure)

    async def sweep(self) -> None:
        """Do all that time has made due; it also runs by itself every `sweep_interval`."""
        if self.moved:
            # The folder is what the successor copies.
            return
        await self._sweeper.sweep()

    async def drain(self) -> None:
        """Take no new work, commit all that waits, and wake everybody who waits for the log to grow."""
        self._sweeping.cancel()
        await asyncio.wait([self._sweeping])
        await self._sequencer.drain()
        self._ended = True
        self._wake()

    async def close(self) -> None:
        """Drain and let go of the files."""
        await self.drain()
        self._blobs.close()
        await asyncio.to_thread(self._store.close)

    async def submit(self, member: str, envelopes: Sequence[EnvelopeIn]) -> list[Outcome]:
        """One outcome an envelope, in their order."""
        if len(envelopes) > limits.ENVELOPES_PER_CALL:
            raise refusal("too_large", f"{len(envelopes)} envelopes, at most {limits.ENVELOPES_PER_CALL}")
        begin, rules = self._sequencer.begin, self._rules
        return await self._all(
            begin(
                partial(engine.submit, rules, member=member, envelope=one),
                ahead=partial(engine.look_ahead, member, one),
                author=member,
                size=len(one.statement) + len(one.payload),
            )
            for one in envelopes
        )

    async def publish(self, author: str, statements: Sequence[PublishIn]) -> list[Outcome]:
        """The same for other Statements. `author` is whose door they came through: a member or the relay."""
        if len(statements) > limits.STATEMENTS_PER_CALL:
            raise refusal("too_large", f"{len(statements)} Statements, at most {limits.STATEMENTS_PER_CALL}")
        begin, rules = self._sequencer.begin, self._rules
        return await self._all(
            begin(
                partial(engine_publish.publish, rules, author=author, item=one),
                ahead=partial(engine.look_ahead, author, one),
                author=author,
                size=len(one.statement) + sum(map(len, one.members)),
            )
            for one in statements
        )

    async def attachment_status(self, member: str, root: bytes) -> AttachmentState:
        """How much of its own upload a member may go on from; nothing held is 0."""
        return await self._blobs.status(member, root)

    async def put_attachment(
        self, member: str, *, root: bytes, size: int, offset: int, data: bytes
    ) -> AttachmentState:
        """Take one part; `RefusedError` "wrong_offset" unless it starts where the held bytes end."""
        if not self.state.takes_part(member):
            raise refusal("not_admitted", f"{member} does not take part now")
        if self.moved:
            raise refusal("moved", "this relay has given its log away")
        return await self._blobs.put(member, root=root, size=size, offset=offset, data=data)

    async def attachment(self, member: str, root: bytes) -> tuple[bytes, int]:
        """Leaf hashes and size in bytes; "not_found" unless `member` is a party and it is held."""
        upload = await self._ask(views.attachment, self.state, member, root)
        return await self._blobs.leaf_hashes(root), upload.size

    async def attachment_part(self, member: str, root: bytes, offset: int) -> bytes:
        """At most `limits.PART` bytes from `offset` on, empty at the end."""
        upload = await self._ask(views.attachment, self.state, member, root)
        if not 0 <= offset <= upload.size:
            raise refusal("wrong_offset", f"attachment {root.hex()} has {upload.size} bytes")
        return await self._blobs.part(root, offset)

    async def read(self, member: str, from_index: int, *, max_bytes: int = _ANSWER) -> Batch | None:
        """What `member` may see from an index on; None if there is nothing yet."""
        head = self._head
        if from_index >= head.size:
            return None
        return await self._ask(views.batch, self._tree, head, member, from_index, max_bytes)

    @contextmanager
    def listening(self, event: asyncio.Event) -> Iterator[None]:
        """Set `event` whenever the log has grown, and when the relay drains."""
        self._listeners.add(event)
        try:
            yield
        finally:
            self._listeners.discard(event)

    @property
    def versions(self) -> int:
        """How many Directory versions there are to ask for, one that gives the log away included."""
        return self.state.directory.version + self.moved

    async def directory(self, version: int) -> tuple[int, Bundle]:
        """Log index and bundle of one version; "not_found"."""
        head = self._head
        indices = head.state.directory.indices
        if head.successor is not None and version == len(indices) + 1:
            # Not in the log here; whoever believes it believes its signatures.
            return head.size, head.successor
        found = await self._ask(lambda r: r.logged(indices[version - 1])) if version <= len(indices) else None
        if found is None:
            raise refusal("not_found", f"no Directory version {version}")
        return found.index, Bundle(found.statement, found.members)

    async def prekeys(self, members: Sequence[str]) -> list[tuple[int, bytes]]:
        """Log index and Statement of each member's newest prekey; members without one are left out."""
        return await self._ask(views.prekeys, self.state, members)

    async def entries(self, from_index: int, count: int) -> bytes:
        """Up to `count` entries of 34 bytes."""
        head = self._head
        most = min(count, limits.ENTRIES_PER_CALL, head.size - from_index)
        if from_index < 0 or most <= 0:
            return b""
        return await self._ask(lambda reader: reader.entries(from_index, most))

    async def statements(self, member: str, indices: Sequence[int]) -> list[tuple[int, bytes]]:
        """Those of the Statements that exist and that `member` may see."""
        if len(indices) > limits.STATEMENTS_PER_CALL:
            raise refusal("too_large", f"{len(indices)} indices, at most {limits.STATEMENTS_PER_CALL}")
        return await self._ask(views.statements_at, self._head, member, indices)

    def checkpoint(self) -> bytes:
        """The newest checkpoint: a signed note."""
        return self._head.note

    def show(self, note: bytes) -> None:
        """An anchor that a member holds: if this log lacks it, nothing is appended any more (threat L3)."""
        try:
            lacking = lacks(note, self.state, self._tree)
        except (ProtocolError, LogError):
            self._metrics.count("anchors_of_no_log_here")
            return
        if lacking is not None:
            self._metrics.count("known_anchors_lacking")
            logger().error("log behind a known anchor", size=self._tree.size, error=str(lacking))
            self._sequencer.fail(lacking)
            self._known.keep(note)

    async def anchor(self, min_size: int, *, witnessed: bool = False) -> bytes:
        """The oldest anchor of at least this tree size, the newest for 0, of those that had their quorum
        or of all; "not_found"."""
        if not 0 <= min_size <= limits.TREE_SIZE:
            raise refusal("not_found", f"no tree has {min_size} entries")
        note: bytes | None = await self._ask(lambda reader: reader.anchor(min_size, witnessed=witnessed))
        if note is None:
            raise refusal("not_found", f"no anchor of size {min_size} or more yet")
        return note

    async def cosign(self, member: str, size: int, lines: bytes) -> None:
        """Take a witness's two lines on the anchor of a tree size; `RefusedError`."""
        await self._sequencer.run(
            partial(anchors.cosign, member=member, size=size, lines=lines), author=member, size=len(lines)
        )

    async def inclusion_proof(self, index: int, size: int) -> tuple[bytes, ...]:
        """RFC 6962 inclusion proof; "not_found" outside the log."""
        if not 0 <= index < size <= self._head.size:
            raise refusal("not_found", f"no entry {index} in a tree of {size}")
        return tuple(self._tree.inclusion_proof(index, size))

    async def consistency_proof(self, old: int, new: int) -> tuple[bytes, ...]:
        """RFC 6962 consistency proof; "not_found" outside the log."""
        if not 0 <= old <= new <= self._head.size:
            raise refusal("not_found", f"no tree of {old} in one of {new}")
        return tuple(self._tree.consistency_proof(old, new))

    def member_of(self, certificate: bytes) -> str | None:
        """Whose certificate (DER) this is: a member's or the relay's own id; None for a stranger's."""
        return self._admitted.owners(self.state).get(certificate)

    def doors(self) -> tuple[bytes, ...]:
        """All admitted certificates (DER); the same tuple until they change."""
        return self._admitted.doors(self.state)

    @property
    def _head(self) -> Head:
        return self._sequencer.head

    async def _all(self, running: Iterable["asyncio.Future[Any]"]) -> list[Outcome]:
        # All of them wait for the writer before the first is waited for.
        results: list[Placed | Exception] = [await one for one in tuple(running)]
        head = self._head
        return [self._outcome(result, head) for result in results]

    def _outcome(self, result: Placed | Exception, head: Head) -> Outcome:
        if isinstance(result, RefusedError):
            self._metrics.count(f"refused_{result.reason}")
            return result
        if isinstance(result, Exception):
            raise result
        proof = tuple(self._tree.inclusion_proof(result.index, head.size))
        receipt = Receipt(index=result.index, proof=proof, checkpoint=head.note)
        return Accepted(receipt, result.statement)

    async def _ask(self, question: Callable[..., T], *arguments: Any) -> T:
        return await asyncio.to_thread(self._read, question, *arguments)

    def _read(self, question: Callable[..., T], *arguments: Any) -> T:
        with self._store.read() as reader:
            return question(reader, *arguments)

    def _fail(self, error: StoreError) -> None:
        if not self._failure.done():
            self._failure.set_result(error)

    def _wake(self) -> None:
        if self.moved and not self._said:
            self._said = True
            logger().info("log given away", index=self.state.size)
        for event in self._listeners:
            event.set()

    async def _sweep_on(self) -> None:
        while True:
            await asyncio.sleep(self._settings.sweep_interval)
            try:
                await self.sweep()
            except Exception as error:
                # The next one finds the same things due; the operator sees it here and in the counter.
                self._metrics.count("sweeps_failed")
                logger().error("sweep failed", error=type(error).__name__)
