"""A data folder that was restored: never served behind what was given out, and erased again (threat L3)."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import apsw
import pytest
from mce_relay.config import Config
from mce_relay.core import ATTACHMENTS, Core
from mce_relay.known import Known
from mce_relay.store.sqlite import FILE, SqliteStore
from mce_relay.succession import adopt
from mce_relay.values import NoMetrics, Settings

from mce_exchange.errors import RefusedError, StoreError, UsageError
from mce_exchange.log.anchor import sign_anchor
from mce_exchange.log.checkpoint import Checkpoint
from tests.relay.federation import NOW, Clock, Federation, accepted, ciphertext, put, running, send, tell
from tests.relay.operated import home, run, serving, told


@asynccontextmanager
async def kept(f: Federation, folder: Path, clock: Clock) -> AsyncIterator[Core]:
    """A core with an anchor file beside its folder, anchoring at each sweep that is due."""
    core = Core(
        data=folder / "data",
        genesis=f.bundle,
        keys=f.relay_keys,
        settings=Settings(sweep_interval=1e6, anchor_interval=60.0, erasure_grace=0.0),
        clock=clock,
        anchor_file=folder / "newest.anchor",
    )
    await core.start()
    try:
        if core.state.size == 1:
            for outcome in await core.publish(f.relay_id, f.all_prekeys()):
                accepted(outcome)
        yield core
    finally:
        await core.close()


async def grown(f: Federation, core: Core, clock: Clock, messages: int) -> bytes:
    """Messages, and the anchor over them."""
    for _ in range(messages):
        await send(core, "be", f.envelope("be", "pt"))
    clock.now += 61
    await core.sweep()
    return await core.anchor(0)


async def refused(f: Federation, folder: Path, clock: Clock, text: str) -> None:
    with pytest.raises(StoreError, match=text):
        async with kept(f, folder, clock):
            pass


def forged(f: Federation, size: int) -> bytes:
    """An anchor of another log, signed by the same keys."""
    made, keys = Checkpoint(f.state.directory.origin, size, bytes(32)), f.relay_keys
    return sign_anchor(made, time=NOW, ed25519=keys.log_ed25519, ml_dsa_44=keys.log_ml_dsa_44)


def taken(f: Federation, folder: Path) -> None:
    store = SqliteStore(folder / "data")
    store.open()
    try:
        adopt(store, f.bundle, f.relay_keys, NoMetrics(), (), Known(folder / "newest.anchor"))
    finally:
        store.close()


def put_back(source: Path, target: Path) -> None:
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(source, target)


async def test_l3_a_restored_folder_is_not_served_behind_the_operators_anchor(tmp_path: Path) -> None:
    f, clock, old, data = Federation(), Clock(), tmp_path / "old", tmp_path / "data"
    file = tmp_path / "newest.anchor"
    async with kept(f, tmp_path, clock) as core:
        await grown(f, core, clock, 1)
        # Taken between two commits, as a backup is.
        shutil.copytree(data, old)
        newest = await grown(f, core, clock, 2)
        size = core.state.size
        assert file.read_bytes() == newest
    shutil.move(data, tmp_path / "lost")
    put_back(old, data)
    before = dump(data)
    await refused(f, tmp_path, clock, f"an anchor of {size} was given out")
    # Nothing was appended, signed or swept; `adopt` does not make it newer either.
    assert dump(data) == before
    with pytest.raises(StoreError, match="was given out"):
        taken(f, tmp_path)
    file.unlink()
    await refused(f, tmp_path, clock, "was the data folder restored")
    file.write_bytes(b"no anchor")
    await refused(f, tmp_path, clock, "not of this log")
    file.write_bytes(forged(f, 5))
    await refused(f, tmp_path, clock, "not the one that was anchored at 5")
    # The newest copy goes on; and the old one, if it is the newest there is and the operator says so.
    file.write_bytes(newest)
    put_back(tmp_path / "lost", data)
    async with kept(f, tmp_path, clock) as core:
        assert core.state.size == size
    file.unlink()
    put_back(old, data)
    taken(f, tmp_path)
    async with kept(f, tmp_path, clock) as core:
        assert await grown(f, core, clock, 1) == file.read_bytes()


async def test_l3_an_anchor_that_a_member_holds_stops_a_relay_that_lacks_it(tmp_path: Path) -> None:
    f, clock, old = Federation(), Clock(), tmp_path / "old"
    async with kept(f, tmp_path, clock) as core:
        first = await grown(f, core, clock, 1)
        shutil.copytree(tmp_path / "data", old / "data")
        newest = await grown(f, core, clock, 2)
        # What members hold of this very log is as it should be, and what is none shows nothing.
        for note in (first, newest, b"no anchor", newest.replace(b"A", b"B", 1)):
            core.show(note)
        await send(core, "be", f.envelope("be", "pt"))
    taken(f, old)
    async with kept(f, old, clock) as core:
        size, note = core.state.size, core.checkpoint()
        core.show(newest)
        with pytest.raises(StoreError, match="was given out"):
            await core.submit("es", [f.envelope("es", "pt")])
        with pytest.raises(StoreError):
            await core.sweep()
        assert (core.state.size, core.checkpoint()) == (size, note)
        assert "was given out" in str(await asyncio.wait_for(core.failed(), 10))
    await refused(f, old, clock, "was given out")


async def test_l3_what_the_log_says_is_erased_is_erased_again(tmp_path: Path) -> None:
    f, clock, data, folder = Federation(), Clock(), ciphertext(1), tmp_path / "data"
    backup = tmp_path / "backup"
    async with running(f, folder, clock=clock, erasure_grace=0.0) as core:
        root = await put(core, "be", data)
        envelope = f.envelope("be", "pt", "es", attachments=[data])
        index = (await send(core, "be", envelope)).receipt.index
        other = (await send(core, "be", f.envelope("be", "pt"))).receipt.index
        shutil.copytree(folder, backup)
        for number, member in enumerate(("pt", "es")):
            await tell(core, member, f.delivered(member, (f.id(envelope.statement), index, number)))
        await core.sweep()
        usage = await core._ask(lambda reader: reader.usage("be"))
    assert not list((folder / ATTACHMENTS).iterdir())
    # Ciphertext of last night comes back, under a log that is the newest.
    put_back(backup / ATTACHMENTS, folder / ATTACHMENTS)
    brought_back(backup / FILE, folder / FILE, index)
    assert found(envelope.payload, folder)
    assert found(data, folder)
    async with running(f, folder, clock=clock, erasure_grace=1e9) as core:
        assert await core._ask(lambda reader: reader.payload(index)) is None
        assert [one.wrap for one in await core._ask(lambda reader: reader.places(index))] == [b"", b""]
        assert await core._ask(lambda reader: reader.payload(other)) is not None
        assert (await core._ask(lambda reader: reader.usage("be"))).held == usage.held
        with pytest.raises(RefusedError):
            await core.attachment("pt", root)
        assert not found(envelope.payload, folder)
        assert not found(data, folder)


def brought_back(source: Path, target: Path, index: int, *, ciphertext: bytes = b"") -> None:
    """The rows of one message's ciphertext, as the backup has them, or that; the log stays."""
    connection = apsw.Connection(str(target))
    connection.execute("ATTACH ? AS old", (str(source),))
    for table in ("payloads", "uploads", "places"):
        connection.execute(
            f"INSERT OR REPLACE INTO {table} SELECT * FROM old.{table} WHERE idx = ?", (index,)
        )
    if ciphertext:
        connection.execute("INSERT INTO payloads VALUES (?, ?)", (index, ciphertext))
    connection.execute("INSERT OR REPLACE INTO usage SELECT * FROM old.usage")
    connection.execute("UPDATE messages SET closed = NULL, erased = NULL WHERE idx = ?", (index,))
    connection.close()


def found(ciphertext: bytes, folder: Path) -> bool:
    """Whether any file holds a piece of it, of whatever pages."""
    held = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    return any(ciphertext[at : at + 64] in held for at in range(0, len(ciphertext), 1024))


def dump(folder: Path) -> list[tuple[object, ...]]:
    """What the log and its notes are."""
    connection = apsw.Connection(str(folder / FILE))
    tables = ("entries", "anchors", "messages", "payloads", "ended")
    rows = [row for table in tables for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return rows


def test_an_anchor_file_inside_the_data_folder_is_refused(tmp_path: Path) -> None:
    config = home(Federation(), tmp_path)
    config.write_text(config.read_text().replace('"newest.anchor"', '"data/newest.anchor"'))
    with pytest.raises(UsageError, match="with which it would be restored"):
        Config.read(config)


def test_l3_the_command_ends_with_6_and_check_says_why(tmp_path: Path) -> None:
    f = Federation()
    config, file = home(f, tmp_path), tmp_path / "newest.anchor"
    with serving(config) as (_, process):
        process.terminate()
        process.wait(60)
    note = file.read_bytes()
    file.write_bytes(forged(f, 99))
    done = run(config, "serve")
    assert (done.returncode, "was given out" in done.stderr) == (6, True)
    done = run(config, "check")
    assert (done.returncode, "was given out" in done.stdout) == (1, True)
    file.write_bytes(note)
    assert run(config, "check").returncode == 0
    assert [one["event"] for one in told(config)] == ["started", "draining", "stopped"]
