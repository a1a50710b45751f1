"""What a witness's desk does by commands, and how a fork becomes a file that anybody judges."""

import asyncio
import json
from pathlib import Path

import pytest

from mce_exchange.cli.running import _patiently
from mce_exchange.directory.records import decode_witness
from mce_exchange.errors import TransportError
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from tests.cli.conftest import Run
from tests.federation import LOG
from tests.node.conftest import World
from tests.node.test_exchange import followed
from tests.node.test_witness import until


async def test_a_fork_is_a_file_that_anybody_judges(world: World, mce: Run, tmp_path: Path) -> None:
    note, out = tmp_path / "be.anchor", tmp_path / "fork.evidence"
    assert "no anchor has come yet" in mce("be", "evidence", "anchor", "--out", str(note)).err
    async with world.open("be") as be:
        await followed(be, world)
        await until(lambda: be.node.home.logbook.anchored == 4)
    assert mce("be", "evidence", "anchor", "--out", str(note)).code == 0
    same = mce("be", "evidence", "fork", "--note", str(note), "--out", str(out))
    assert (same.code, out.exists()) == (0, False), same.err
    assert "of one log" in same.out

    origin = world.federation.state.directory.origin
    note.write_bytes(sign_checkpoint(Checkpoint(origin, 3, bytes(32)), LOG[0]))
    found = mce("be", "evidence", "fork", "--note", str(note), "--out", str(out), "--json")
    assert (found.code, json.loads(found.out)) == (1, {"forks": 1, "file": str(out)}), found.err
    fingerprint = world.federation.network_id.hex()
    judged = mce("", "evidence", "verify", str(out), "--fingerprint", fingerprint)
    assert "FORK: the log's key has signed notes of 3 and 4 entries" in judged.out
    # It is known from here on, with its alarm, and written again without the note.
    assert json.loads(mce("be", "evidence", "fork", "--out", str(out), "--json").out)["forks"] == 1
    assert "fork" in mce("be", "status").out


def test_keys_are_made_and_the_card_is_for_the_federation(world: World, mce: Run, tmp_path: Path) -> None:
    card = tmp_path / "be.witness"
    made = mce("be", "witness", "key", "--name", "be/1", "--out", str(card), "--json")
    assert made.code == 0, made.err
    key = decode_witness(card.read_bytes())
    assert (key.name, key.member) == ("be/1", "be")
    shown = mce("be", "witness", "show", "--json")
    # Nobody has entered it, so nothing is lost and nothing is cosigned.
    assert (shown.code, json.loads(shown.out)) == (
        0,
        {"quorum": "0 of 0", "witnesses": [], "cosigned": {"be/1": 0}, "anchor": None, "lost": []},
    )


async def test_once_bears_with_a_call_that_is_lost_and_not_for_ever() -> None:
    left = 2

    async def work() -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise TransportError("the channel has been replaced")

    await asyncio.wait_for(_patiently(work, 30.0), 20)
    left = 10**9
    with pytest.raises(TransportError):
        await _patiently(work, 0.0)
