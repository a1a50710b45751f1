"""Bytes of a small store that change at rest: found, or nothing else is served and signed (threat L5)."""

import asyncio
import random
from dataclasses import dataclass
from pathlib import Path

import pytest
from mce_relay.store.sqlite import FILE

from mce_exchange.errors import MceError
from tests.storage.story import Story

FLIPS = 80
"""In a test run, others each time; `python -m tests.storage` goes through all bytes."""
READERS = ("aud", "be", "pt")


@dataclass(frozen=True)
class Served:
    """What a relay says to a reader: entries, its checkpoint, Statements with member records beside them."""

    entries: bytes
    checkpoint: bytes
    statements: dict[int, tuple[bytes, tuple[bytes, ...]]]


async def served(story: Story, folder: Path) -> dict[str, Served] | None:
    """Everything, to every reader; None if the relay says that something is wrong."""
    core = story.core(folder, anchor_interval=1e9)
    try:
        await core.start()
    except MceError:
        return None
    found: dict[str, Served] = {}
    try:
        for reader in READERS:
            batch = await core.read(reader, 0, max_bytes=2**24)
            assert batch is not None
            statements = {one.index: (one.statement, one.members) for one in batch.statements}
            found[reader] = Served(batch.entries, batch.checkpoint, statements)
    except MceError:
        return None
    finally:
        await core.close()
    return found


def flipped(whole: bytes, at: int, seed: random.Random) -> bytes:
    """The file with another byte there."""
    return whole[:at] + bytes([whole[at] ^ seed.randrange(1, 256)]) + whole[at + 1 :]


def write(folder: Path, database: bytes) -> None:
    """Put it in place of what is there."""
    for rest in (f"{FILE}-wal", f"{FILE}-shm"):
        (folder / rest).unlink(missing_ok=True)
    (folder / FILE).write_bytes(database)


def judge(before: dict[str, Served], after: dict[str, Served] | None) -> bool:
    """Whether it was found out; if not, no other bytes are served, and nothing else is signed.

    A private Statement may be missing: what is not handed out shows as a gap, or by the next mark.
    """
    if after is None:
        return True
    found = False
    for reader, was in before.items():
        now = after[reader]
        assert (now.entries, now.checkpoint) == (was.entries, was.checkpoint)
        for index, said in now.statements.items():
            assert was.statements.get(index, before["aud"].statements[index]) == said
        public = {index for index in was.statements if was.entries[34 * index + 1]}
        assert public <= set(now.statements)
        found |= set(now.statements) != set(was.statements)
    return found


def test_l5_a_byte_that_changes_is_found_or_nothing_else_is_served(tmp_path: Path) -> None:
    story = Story(tmp_path, attachments=False)
    folder = story.copy(tmp_path / "data")
    asyncio.run(story.run(folder, None))
    before, seed, noticed = asyncio.run(served(story, folder)), random.Random(), 0
    assert before is not None
    whole = (folder / FILE).read_bytes()
    for _ in range(FLIPS):
        at = seed.randrange(len(whole))
        write(folder, flipped(whole, at, seed))
        try:
            noticed += judge(before, asyncio.run(served(story, folder)))
        except BaseException as error:
            error.add_note(f"byte {at} of {len(whole)}")
            raise
    # A store so small is half free pages.
    assert noticed > FLIPS // 20


def test_l5_other_bytes_and_other_signatures_would_be_seen() -> None:
    entries = bytes([1, 1]) + bytes(32) + bytes([1, 0]) + bytes(32)
    was = {"aud": Served(entries, b"note", {0: (b"public", ()), 1: (b"private", ())})}
    assert judge(was, None)
    assert not judge(was, dict(was))
    assert judge(was, {"aud": Served(entries, b"note", {0: (b"public", ())})})
    for other in (
        Served(entries[::-1], b"note", dict(was["aud"].statements)),
        Served(entries, b"another", dict(was["aud"].statements)),
        Served(entries, b"note", {0: (b"public", ()), 1: (b"other", ())}),
        Served(entries, b"note", {1: (b"private", ())}),
    ):
        with pytest.raises(AssertionError):
            judge(was, {"aud": other})
