"""Group commit: nothing promised is lost, nothing is promised that failed (threats L4, R4, R5)."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.sequencer import Group
from mce_relay.store.sqlite import SqliteStore
from mce_relay.store.writes import SqliteWriter
from mce_relay.values import Accepted, EnvelopeIn, Settings

from mce_exchange import limits
from mce_exchange.errors import RefusedError, StoreError
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Tree
from mce_exchange.log.proof import verify_consistency, verify_inclusion
from tests.relay.child import work
from tests.relay.federation import Clock, Federation, accepted, running, send, tell

pytestmark = pytest.mark.asyncio


class Failing(SqliteStore):
    """A store that fails at the next commit: before it, or after it with the outcome unknown."""

    before = after = False

    @contextmanager
    def write(self) -> Iterator[SqliteWriter]:
        with super().write() as writer:
            yield writer
            if self.before:
                self.before = False
                raise StoreError("the disk is full")
        if self.after:
            self.after = False
            raise StoreError("the outcome of the commit is unknown")


async def started(f: Federation, folder: Path, store: SqliteStore) -> Core:
    core = Core(
        data=folder,
        genesis=f.bundle,
        keys=f.relay_keys,
        settings=Settings(sweep_interval=1e6),
        clock=Clock(),
        store=store,
    )
    await core.start()
    if core.state.size == 1:
        for outcome in await core.publish(f.relay_id, f.all_prekeys()):
            accepted(outcome)
    return core


async def test_one_group_one_checkpoint(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        before = core.state.size
        found = [
            accepted(one) for one in await core.submit("be", [f.envelope("be", "pt") for _ in range(40)])
        ]
        assert [one.receipt.index for one in found] == list(range(before, before + 40))
        assert len({one.receipt.checkpoint for one in found}) == 1
        directory = core.state.directory
        new = open_checkpoint(core.checkpoint(), origin=directory.origin, key=directory.log_key(before + 40))
        entries = await core.entries(0, 1000)
        leaves = [LogEntry.decode(entries[at : at + 34]).leaf_hash for at in range(0, len(entries), 34)]
        assert Tree(leaves).root() == new.root
        for one in found:
            leaf = leaves[one.receipt.index]
            verify_inclusion(leaf, one.receipt.index, new.size, new.root, one.receipt.proof)
        proof = await core.consistency_proof(before, new.size)
        verify_consistency(before, Tree(leaves[:before]).root(), new.size, new.root, proof)


async def test_l4_a_failed_commit_promises_nothing_and_changes_nothing(tmp_path: Path) -> None:
    f, store = Federation(), Failing(tmp_path)
    core = await started(f, tmp_path, store)
    state, checkpoint = core.state, core.checkpoint()
    envelope, prekey = f.envelope("be", "pt"), f.prekey("be")
    store.before = True
    with pytest.raises(StoreError, match="full"):
        await core.submit("be", [envelope])
    store.before = True
    with pytest.raises(StoreError, match="full"):
        await core.publish("be", [prekey])
    assert (core.state, core.checkpoint()) == (state, checkpoint)
    assert len(await core.entries(0, 100)) == state.size * limits.LOG_ENTRY
    first = await send(core, "be", envelope)
    assert first.receipt.index == state.size
    await tell(core, "be", prekey)
    await core.close()
    async with running(f, tmp_path) as again:
        assert again.state.size == state.size + 2


async def test_l4_a_commit_in_doubt_stops_the_relay_until_it_has_looked(tmp_path: Path) -> None:
    f, store = Federation(), Failing(tmp_path)
    core = await started(f, tmp_path, store)
    size = core.state.size
    envelope = f.envelope("be", "pt")
    store.after = True
    with pytest.raises(StoreError, match="unknown"):
        await core.submit("be", [envelope])
    assert core.state.size == size
    # Going on would sign a second tree of this size.
    with pytest.raises(StoreError, match="in doubt"):
        await core.submit("nl", [f.envelope("nl", "pt")])
    await core.close()
    async with running(f, tmp_path) as again:
        assert again.state.size == size + 1
        assert (await send(again, "be", envelope)).receipt.index == size


async def test_a_defect_met_by_one_piece_of_work_is_its_own(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        size = core.state.size

        def defect(group: Group) -> None:
            group.tx.use_number("be", "pt", 99, bytes(32))
            raise ZeroDivisionError

        good = [f.envelope("be", "pt") for _ in range(2)]
        results = await asyncio.gather(
            core.submit("be", good[:1]),
            core._sequencer.run(defect),
            core.submit("be", good[1:]),
            return_exceptions=True,
        )
        assert isinstance(results[1], ZeroDivisionError)
        assert core.state.size == size + 2


async def test_what_looks_ahead_can_fail_and_decides_nothing(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:

        def defect(_: object) -> None:
            raise ZeroDivisionError

        future = core._sequencer.begin(lambda group: group.size, ahead=defect)
        assert await future == core.state.size


async def test_draining_takes_nothing_new_and_finishes_what_waits(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        async with asyncio.TaskGroup() as tasks:
            submitting = tasks.create_task(core.submit("be", [f.envelope("be", "pt") for _ in range(30)]))
            await asyncio.sleep(0)
            await core.drain()
        outcomes = submitting.result()
        assert all(isinstance(one, Accepted) for one in outcomes)
        [late] = await core.submit("be", [f.envelope("be", "pt")])
        assert isinstance(late, RefusedError)
        assert late.reason == "draining"


async def test_a_caller_that_gives_up_changes_nothing_about_the_message(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt")
        task = asyncio.create_task(core.submit("be", [envelope]))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        task.cancel()
        size = core.state.size
        found = await send(core, "be", envelope)
        assert found.receipt.index == size
        assert core.state.size == size + 1


async def test_r5_a_restart_between_commit_and_reply_gives_the_original(tmp_path: Path) -> None:
    f = Federation()
    folder, copy = tmp_path / "one", tmp_path / "two"
    async with running(f, folder) as core:
        envelope = f.envelope("be", "pt")
        first = await send(core, "be", envelope)
        # What a SIGKILL right after the commit leaves: the files as they are, the checkpoint not stored.
        copy.mkdir()
        for path in folder.iterdir():
            if path.is_file():
                (copy / path.name).write_bytes(path.read_bytes())
    async with running(f, copy) as again:
        assert await send(again, "be", envelope) == first
        batch = await again.read("pt", first.receipt.index)
        assert batch is not None
        assert batch.statements[0].payload == envelope.payload


@pytest.mark.parametrize("after", [0, 1, 17, 60])
async def test_r5_sigkill_under_load_loses_nothing_that_was_acknowledged(tmp_path: Path, after: int) -> None:
    f = Federation()
    prekeys = f.all_prekeys()
    envelopes: list[EnvelopeIn] = [f.envelope("be", "pt") for _ in range(80)]
    work(f, tmp_path, prekeys, envelopes)
    child = subprocess.Popen(
        [sys.executable, "-m", "tests.relay.child", str(tmp_path)],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert child.stdout is not None
    acknowledged: dict[int, int] = {}
    for line in child.stdout:
        number, index = map(int, line.split())
        acknowledged[number] = index
        if len(acknowledged) > after:
            break
    child.kill()
    child.wait()
    for line in child.stdout:
        number, index = map(int, line.split())
        acknowledged[number] = index
    assert acknowledged
    async with running(f, tmp_path / "data") as core:
        found = [accepted(one) for one in await core.submit("be", envelopes[:64])]
        found += [accepted(one) for one in await core.submit("be", envelopes[64:])]
        for number, index in acknowledged.items():
            assert found[number].receipt.index == index
        assert len({one.receipt.index for one in found}) == len(envelopes)
        assert core.state.size == 1 + len(prekeys) + len(envelopes)


async def test_l4_a_full_disk_refuses_the_group_and_is_recovered_from(tmp_path: Path) -> None:
    f, store = Federation(), SqliteStore(tmp_path)
    core = await started(f, tmp_path, store)
    assert store._writer is not None
    pages = store._writer.pragma("page_count")
    store._writer.pragma("max_page_count", pages)
    size, envelopes = core.state.size, [f.envelope("be", "pt") for _ in range(30)]
    for _ in range(2):
        with pytest.raises(StoreError, match="FullError"):
            await core.submit("be", envelopes)
    assert core.state.size == size
    batch = await core.read("pt", 0)
    assert batch is not None
    assert len(batch.entries) == size * limits.LOG_ENTRY
    store._writer.pragma("max_page_count", 2**30)
    found = [accepted(one).receipt.index for one in await core.submit("be", envelopes)]
    assert found == list(range(size, size + 30))
    await core.close()
    async with running(f, tmp_path) as again:
        assert again.state.size == size + 30
