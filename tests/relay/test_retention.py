"""Bytes of private Statements after the retention time: gone, and the tree as it was (SPEC 9.6)."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from mce_relay import inspection
from mce_relay.config import Config
from mce_relay.core import Core
from mce_relay.store.sqlite import FILE
from mce_relay.values import DAY

from mce_exchange import limits
from mce_exchange.errors import RefusedError, UsageError
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.proof import verify_inclusion
from mce_exchange.statement import decode
from tests.relay.federation import Clock, Federation, running, send, tell
from tests.relay.operated import home
from tests.relay.test_restored import brought_back, found
from tests.relay.test_succession import followed

YEARS: dict[str, Any] = {"retention": 365.0 * DAY, "anchor_interval": 60.0, "erasure_grace": 0.0}


async def finished(f: Federation, core: Core, clock: Clock) -> tuple[int, bytes]:
    """A message that was delivered, erased and anchored: its index and Statement."""
    envelope = f.envelope("be", "pt")
    index = (await send(core, "be", envelope)).receipt.index
    await tell(core, "pt", f.delivered("pt", (f.id(envelope.statement), index, 0)))
    for _ in range(2):
        clock.now += 61
        await core.sweep()
    return index, envelope.statement


async def kept(core: Core) -> int:
    return int(await core._ask(lambda reader: reader.kept_from()))


async def test_after_the_retention_the_bytes_are_gone_and_everything_verifies(tmp_path: Path) -> None:
    f, clock, folder = Federation(), Clock(), tmp_path / "data"
    async with running(f, folder, clock=clock, **YEARS) as core:
        index, header = await finished(f, core, clock)
        shutil.copytree(folder, tmp_path / "backup")
        clock.now += 364 * DAY
        await core.sweep()
        assert await kept(core) == 0
        waiting = await send(core, "es", f.envelope("es", "pt", created_minutes=int(clock.now) // 60))
        clock.now += 2 * DAY
        await core.sweep()
        # All that the anchors of then hold; nothing of the message that still waits, and nothing above it.
        assert index < await kept(core) <= waiting.receipt.index
        assert not found(header, folder)
        assert dict(await core.statements("be", [index, waiting.receipt.index])) == {}
        assert [one for one, _ in await core.statements("es", [waiting.receipt.index])]
        # Everybody follows the log as before; public Statements are all there.
        follower = await followed(f, core, limits.MIB)
        assert follower.tree.size == core.state.size
        batch = await core.read("be", 0, max_bytes=limits.MIB)
        assert batch
        assert index not in {one.index for one in batch.statements}
        # Who has kept the header proves it under an anchor of today.
        anchor = core.state.open_anchor(await core.anchor(0)).checkpoint
        proof = await core.inclusion_proof(index, anchor.size)
        entry = LogEntry(public=False, digest=decode(header).digest)
        verify_inclusion(entry.leaf_hash, index, anchor.size, anchor.root, proof)
        # And what a restored copy brings back of it is erased, though nothing says so any more.
        size = core.state.size
        with core._store.read() as reader:
            assert inspection.damaged_statements(reader, core._tree) == []
            assert inspection.damaged_messages(reader, core._tree) == []
    brought_back(tmp_path / "backup" / FILE, folder / FILE, index, ciphertext=b"ciphertext" * 500)
    assert found(b"ciphertext" * 500, folder)
    async with running(f, folder, clock=clock, **YEARS) as core:
        assert core.state.size >= size
        assert not found(b"ciphertext" * 500, folder)


async def test_what_was_deleted_is_not_accepted_again(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, **YEARS) as core:
        envelope = f.envelope("be", "pt")
        index = (await send(core, "be", envelope)).receipt.index
        answer = f.delivered("pt", (f.id(envelope.statement), index, 0))
        await tell(core, "pt", answer)
        for seconds in (61, 61, 366 * DAY):
            clock.now += seconds
            await core.sweep()
        size = core.state.size
        for outcome in (await core.submit("be", [envelope]), await core.publish("pt", [answer])):
            [refused] = outcome
            assert isinstance(refused, RefusedError)
            assert "were deleted since" in str(refused)
        assert core.state.size == size
        # A restart vouches for what it has.
        assert await kept(core) > index
    async with running(f, tmp_path, clock=clock, **YEARS) as core:
        assert core.state.size == size


async def test_without_a_retention_nothing_is_deleted(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=60.0, erasure_grace=0.0) as core:
        index, header = await finished(f, core, clock)
        clock.now += 4000 * DAY
        await core.sweep()
        assert dict(await core.statements("be", [index])) == {index: header}


def test_a_retention_shorter_than_members_may_be_away_is_refused(tmp_path: Path) -> None:
    config = home(Federation(), tmp_path)
    assert read(config, 3650).settings.retention == 3650 * DAY
    with pytest.raises(UsageError, match="at least 90"):
        read(config, 30)


def read(config: Path, days: int) -> Config:
    text = config.read_text()
    config.write_text(text.replace("retention_days = 0", f"retention_days = {days}"))
    try:
        return Config.read(config)
    finally:
        config.write_text(text)
