"""A few transactions of a relay, whatever its disk does, and what must hold of them in the end.

The same bytes in every run, so that a promise of one run is found in the log of another.
"""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from mce_relay.core import Core
from mce_relay.store.sqlite import SqliteStore
from mce_relay.values import Accepted, Outcome, Settings

from mce_exchange.errors import StoreError
from mce_exchange.log import merkle
from mce_exchange.log.checkpoint import Checkpoint, open_checkpoint
from mce_exchange.log.entry import LogEntry, leaf_hashes
from mce_exchange.log.proof import verify_inclusion
from mce_exchange.statement import decode
from tests.relay.federation import NOW, Clock, Federation, accepted, ciphertext, put

LIMIT = 8
Step = Callable[[Core], Awaitable[Sequence[Outcome]]]


@dataclass
class Promises:
    """What a relay has said, in this life and those before: receipts, and a root for each size it signed."""

    origin: str
    log_key: object
    receipts: list[Accepted] = field(default_factory=list)
    roots: dict[int, bytes] = field(default_factory=dict)

    def signed(self, note: bytes, f: Federation) -> None:
        """A checkpoint or anchor: one root for each size, for ever."""
        shown = open_checkpoint(note, origin=self.origin, key=f.relay_keys.log)
        assert self.roots.setdefault(shown.size, shown.root) == shown.root, f"two roots of {shown.size}"

    def take(self, outcomes: Iterable[Outcome], f: Federation) -> None:
        """Answers to a step that succeeded."""
        for outcome in outcomes:
            found = accepted(outcome)
            self.receipts.append(found)
            self.signed(found.receipt.checkpoint, f)


class Story:
    """A federation, a log that has begun, and the steps."""

    def __init__(self, folder: Path, *, attachments: bool = True) -> None:
        self.f = Federation(("be", "pt", "es"))
        self.begun = folder / "begun"
        asyncio.run(self._begin())
        self.origin = self.f.state.directory.origin
        attached = [ciphertext(1)] if attachments else []
        first = self.f.envelope("be", "pt", "es")
        second = self.f.envelope("es", "pt", attachments=attached)
        index, id_ = 1 + len(self.f.parties), self.f.id(first.statement)
        last = [self.f.delivered("es", (id_, index, 1)), self.f.prekey("pt")]
        answers = [self.f.delivered("pt", (id_, index, 0))]
        self.steps: list[Step] = [
            lambda core: core.submit("be", [first]),
            lambda core: _upload(core, attached),
            lambda core: core.submit("es", [second]),
            lambda core: core.publish("pt", answers),
            lambda core: core.publish("es", last[:1]),
            _swept,
            lambda core: core.publish("pt", last[1:]),
        ]

    async def _begin(self) -> None:
        core = self.core(self.begun)
        await core.start()
        for outcome in await core.publish(self.f.relay_id, self.f.all_prekeys()):
            accepted(outcome)
        await core.close()

    def core(self, folder: Path, store: SqliteStore | None = None, *, anchor_interval: float = 0.0) -> Core:
        """A relay over a folder, which erases, and anchors if nothing else is said, whenever it sweeps."""
        chosen = Settings(sweep_interval=1e6, anchor_interval=anchor_interval, erasure_grace=0.0)
        return Core(
            data=folder,
            genesis=self.f.bundle,
            keys=self.f.relay_keys,
            settings=chosen,
            clock=Clock(NOW + 1),
            store=store,
            anchor_file=_beside(folder),
        )

    def copy(self, folder: Path) -> Path:
        """The log that has begun, in a new folder."""
        shutil.copytree(self.begun, folder)
        shutil.copy(_beside(self.begun), _beside(folder))
        return folder

    async def run(
        self, folder: Path, store: SqliteStore | None, told: Callable[[Promises], None] = lambda _: None
    ) -> Promises:
        """All steps, each again with the same bytes until it is done; a relay that has stopped is restarted.

        `told` hears of everything that has been promised so far, whenever that is more.
        """
        promises = Promises(self.origin, self.f.relay_keys.log)
        core = await self._started(folder, store)
        for step in self.steps:
            for _ in range(LIMIT):
                try:
                    promises.take(await step(core), self.f)
                    promises.signed(core.checkpoint(), self.f)
                    promises.signed(await core.anchor(0), self.f)
                    told(promises)
                    break
                except StoreError:
                    if core._failure.done():
                        await _closed(core)
                        core = await self._started(folder, None)
            else:
                raise AssertionError("a disk that works again, and still nothing is accepted")
        await _closed(core)
        return promises

    async def _started(self, folder: Path, store: SqliteStore | None) -> Core:
        for attempt in range(LIMIT):
            core = self.core(folder, store if attempt == 0 else None)
            try:
                await core.start()
                return core
            except StoreError:
                continue
        raise AssertionError("a disk that works again, and still the relay does not start")

    async def check(self, folder: Path, promises: Promises) -> None:
        """A relay over the folder goes on, what was promised is there, once, and nothing is signed twice."""
        core = self.core(folder)
        await core.start()
        try:
            promises.signed(core.checkpoint(), self.f)
            await holds(core, promises)
            # It goes on: who repeats itself gets the first receipt's index again.
            for step in self.steps:
                promises.take(await step(core), self.f)
            await holds(core, promises)
        finally:
            await core.close()


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.anchor")


async def holds(core: Core, promises: Promises) -> None:
    """Receipts and roots against the log as it stands."""
    entries = await core.entries(0, 4096)
    leaves = list(leaf_hashes(entries))
    for size, root in promises.roots.items():
        assert size <= len(leaves), f"a log of {len(leaves)} entries, signed at {size}"
        assert merkle.root(leaves[:size]) == root
    digests = [LogEntry.decode(entries[at : at + 34]).digest for at in range(0, len(entries), 34)]
    assert len(set(digests)) == len(digests)
    for one in promises.receipts:
        shown: Checkpoint = open_checkpoint(
            one.receipt.checkpoint, origin=promises.origin, key=core.state.directory.log_key(1)
        )
        assert digests[one.receipt.index] == decode(one.statement).digest
        verify_inclusion(
            leaves[one.receipt.index], one.receipt.index, shown.size, shown.root, one.receipt.proof
        )


async def _closed(core: Core) -> None:
    # The last checkpoint may not be stored; the files are let go of all the same.
    with suppress(StoreError):
        await core.close()


async def _upload(core: Core, attached: Sequence[bytes]) -> Sequence[Outcome]:
    for data in attached:
        root = merkle.root([merkle.leaf_hash(data)])
        if not (await core.attachment_status("es", root)).complete:
            await put(core, "es", data)
    return ()


async def _swept(core: Core) -> Sequence[Outcome]:
    await core.sweep()
    return ()
