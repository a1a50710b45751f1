"""The sweeper does what is due whatever the clock, the disk or an earlier fault did (threats H8, L4, L5)."""

import asyncio
import os
from dataclasses import replace
from pathlib import Path

import apsw
import pytest
from mce_relay.clock import SteadyClock
from mce_relay.core import Core
from mce_relay.store.protocol import Fate
from mce_relay.store.sqlite import FILE, SqliteStore
from mce_relay.values import DAY, Settings

from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.v1 import statement_pb2
from tests.relay.federation import NOW, Clock, Federation, ciphertext, fate, put, running, send, stream, tell
from tests.relay.test_anchors import files, logged


async def test_h8_a_clock_that_went_back_stops_no_anchor(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=10.0) as core:
        clock.now = NOW + 400 * DAY
        await core.sweep()
        assert core.state.open_anchor(await core.anchor(0)).time == clock.now
        clock.now = NOW + 20
        await send(core, "be", f.envelope("be", "pt"))
        await core.sweep()
        newest = core.state.open_anchor(await core.anchor(0))
        assert (newest.time, newest.checkpoint.size) == (clock.now, core.state.size)


async def test_h8_a_clock_far_from_the_log_starts_nothing_until_somebody_says_so(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock) as core:
        found = await send(core, "be", f.envelope("be", "pt", lifetime_seconds=30 * DAY))
    for now in (2_147_483_647, 1_000, NOW + 9 * DAY):
        clock.now = now
        with pytest.raises(UsageError, match="days apart"):
            async with running(f, tmp_path, clock=clock, longest_pause=7.0 * DAY):
                pass
    async with running(f, tmp_path, clock=clock) as core:
        assert await fate(core, "pt", found.receipt.index) is Fate.PENDING


def test_h8_a_clock_that_jumps_is_not_followed_while_the_relay_runs() -> None:
    wall, boot = [NOW * 1.0], [100.0]
    clock = SteadyClock(wall=lambda: wall[0], since_boot=lambda: boot[0])

    def after(seconds: float, *, shown: float) -> float:
        boot[0] += seconds
        wall[0] = shown
        return clock()

    assert after(10, shown=NOW + 10) == NOW + 10
    # A time service corrects by minutes, again and again: that is believed.
    assert after(10, shown=NOW + 1000) == NOW + 1000
    assert after(10, shown=NOW + 4000) == NOW + 4000
    # 2038, then 1970, then the truth.
    assert after(10, shown=2**31) == NOW + 4010
    assert after(10, shown=0) == NOW + 4020
    assert after(10, shown=NOW + 3000) == NOW + 3000


async def test_a_deadline_that_the_newest_anchor_does_not_prove_gets_one_of_its_own(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, deadlines=(0.0, 0.0, 100.0)) as core:
        await send(core, "be", f.envelope("be", "pt", deadline_class=2))
        clock.now += 100
        await core.sweep()
        # Due at the very second of that anchor, in whose tree it is not.
        await send(core, "be", f.envelope("be", "es", deadline_class=1))
        await core.sweep()
        assert len(await logged(core, "be", "overdue")) == 2


async def test_l5_a_damaged_anchor_is_replaced_by_the_next(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock):
        pass
    connection = apsw.Connection(str(tmp_path / FILE))
    connection.execute("UPDATE anchors SET note = CAST(note || x'00' AS BLOB)")
    connection.close()
    async with running(f, tmp_path, clock=clock) as core:
        assert core.state.open_anchor(await core.anchor(0))
        await core.sweep()


async def test_a_step_that_fails_keeps_no_other_from_its_turn_and_the_sweeping_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, sweep_interval=0.05) as core:
        await send(core, "be", f.envelope("be", "pt", lifetime_seconds=60))

        def broken(group: object) -> int:
            raise ZeroDivisionError

        clock.now += 61
        monkeypatch.setattr(core._sweeper, "_overdue", broken)
        with pytest.raises(ZeroDivisionError):
            await core.sweep()
        assert not await core._ask(lambda reader: reader.expired(clock.now, 9))
        await asyncio.sleep(0.2)
        assert not core._sweeping.done()


async def test_what_lies_in_the_folder_of_attachments_and_is_not_ours_is_left_alone(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path):
        pass
    (tmp_path / "attachments" / ".DS_Store").write_bytes(b"")
    (tmp_path / "attachments" / "lost+found").mkdir()
    async with running(f, tmp_path) as core:
        await core.sweep()
        assert (tmp_path / "attachments" / ".DS_Store").exists()


async def test_nobody_is_told_that_bytes_are_gone_while_a_file_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, erasure_grace=0.0) as core:
        data = ciphertext(1)
        await put(core, "be", data)
        await send(core, "be", f.envelope("be", "pt", attachments=[data], lifetime_seconds=60))
        clock.now += 61

        def refuse(self: object, **_: object) -> None:
            raise PermissionError(13, "refused")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", refuse)
            with pytest.raises(StoreError):
                await core.sweep()
            assert not await logged(core, "be", "erasure")
        await core.sweep()
        assert await logged(core, "be", "erasure")
        assert data[:64] not in files(tmp_path)


async def test_a_recipient_restored_from_a_backup_reads_again_until_the_erasure(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, erasure_grace=7.0 * DAY) as core:
        data = ciphertext(1)
        root = await put(core, "be", data)
        envelope = f.envelope("be", "pt", "es", attachments=[data])
        found = await send(core, "be", envelope)
        index = found.receipt.index
        code = statement_pb2.REFUSAL_CODE_BY_PERSON
        await tell(core, "pt", f.delivered("pt", (f.id(found.statement), index, 0)))
        await tell(core, "es", f.refused("es", f.id(found.statement), index, 1, code))
        clock.now += 6 * DAY
        await core.sweep()
        for number, member in enumerate(("pt", "es")):
            batch = await core.read(member, index)
            assert batch is not None
            delivery = batch.statements[0]
            assert (delivery.wrap, delivery.payload) == (envelope.wraps[number], envelope.payload)
            assert await core.attachment_part(member, root, 0) == data
        clock.now += 2 * DAY
        await core.sweep()
        batch = await core.read("pt", index)
        assert batch is not None
        assert (batch.statements[0].wrap, batch.statements[0].payload) == (b"", b"")


async def test_l5_a_private_statement_that_is_damaged_stops_nobody(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        found = await send(core, "be", f.envelope("be", "pt"))
        later = await send(core, "be", f.envelope("be", "pt"))
    connection = apsw.Connection(str(tmp_path / FILE))
    index = found.receipt.index
    connection.execute(f"UPDATE entries SET statement = CAST(statement || x'00' AS BLOB) WHERE idx = {index}")
    connection.close()
    async with running(f, tmp_path) as core:
        batch = await core.read("pt", index)
        assert batch is not None
        assert [one.index for one in batch.statements] == [later.receipt.index]
        assert await core.statements("pt", [index]) == []


async def test_l5_a_start_that_fails_lets_go_of_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    settings = Settings(sweep_interval=1e6)
    core = Core(data=tmp_path, genesis=f.bundle, keys=f.relay_keys, settings=settings, clock=Clock(0))
    with pytest.raises(MceError, match="a time above 0"):
        await core.start()
    async with running(f, tmp_path):
        pass


async def test_a_bound_upload_survives_everything_between_sync_and_reply(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    async with running(f, tmp_path) as core:
        data = ciphertext(600_000)
        monkeypatch.setattr(os, "fsync", fsync)
        await put(core, "be", data)
        folder = tmp_path / "attachments"
        ours = [path.stat().st_ino for path in sorted(folder.iterdir())]
        # Ciphertext, then its hashes, then the names; and the names once more before it is complete.
        assert synced == [*ours, folder.stat().st_ino, folder.stat().st_ino]
        assert (folder / stream(data).root.hex()).exists()


async def test_a_store_that_cannot_be_swept_is_tried_again(tmp_path: Path) -> None:
    class Busy(SqliteStore):
        busy = True

        def scrub(self) -> None:
            if self.busy:
                raise StoreError("a reader keeps erased bytes")
            super().scrub()

    f, clock, store = Federation(), Clock(), Busy(tmp_path)
    settings = replace(Settings(), sweep_interval=1e6, erasure_grace=0.0)
    core = Core(
        data=tmp_path, genesis=f.bundle, keys=f.relay_keys, settings=settings, clock=clock, store=store
    )
    await core.start()
    await core.publish(f.relay_id, f.all_prekeys())
    await send(core, "be", f.envelope("be", "pt", lifetime_seconds=60))
    clock.now += 61
    for busy in (True, False):
        store.busy = busy
        if busy:
            with pytest.raises(StoreError):
                await core.sweep()
        else:
            await core.sweep()
        assert bool(await logged(core, "be", "erasure")) is not busy
    await core.close()
