"""What a member sees through the core: batches, proofs, private Statements, doors."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.values import Delivery, PublishIn

from mce_exchange import limits, statement
from mce_exchange.directory.model import Status
from mce_exchange.errors import RefusedError
from mce_exchange.log.checkpoint import open_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Frontier
from mce_exchange.log.proof import verify_consistency
from mce_exchange.primitives import tls
from mce_exchange.v1 import statement_pb2
from tests.relay.federation import Federation, ciphertext, put, running, send, tell


async def follow(core: Core, member: str, *, max_bytes: int = limits.MIB) -> list[Delivery]:
    """Read the whole log as a node does: keep a frontier, check each batch against its checkpoint."""
    frontier, found = Frontier(), list[Delivery]()
    directory = core.state.directory
    while batch := await core.read(member, frontier.size, max_bytes=max_bytes):
        assert batch.first_index == frontier.size
        digests = {}
        for at in range(0, len(batch.entries), limits.LOG_ENTRY):
            entry = LogEntry.decode(batch.entries[at : at + limits.LOG_ENTRY])
            digests[frontier.size] = entry.digest
            frontier.append(entry.leaf_hash)
        newest = open_checkpoint(
            batch.checkpoint, origin=directory.origin, key=directory.log_key(core.state.size)
        )
        verify_consistency(frontier.size, frontier.root, newest.size, newest.root, batch.consistency)
        for one in batch.statements:
            assert statement.decode(one.statement).digest == digests[one.index]
        found += batch.statements
    return found


async def test_each_sees_its_own_and_the_auditor_all_but_ciphertext(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        envelope = f.envelope("be", "pt", "es")
        found = await send(core, "be", envelope)
        ack = await tell(core, "pt", f.delivered("pt", (f.id(found.statement), found.receipt.index, 0)))
        other = await send(core, "nl", f.envelope("nl", "es"))
        public = list(range(found.receipt.index))
        sees = {
            "be": [found.receipt.index, ack.receipt.index],
            "pt": [found.receipt.index, ack.receipt.index],
            "es": [found.receipt.index, other.receipt.index],
            "nl": [other.receipt.index],
            "aud": [found.receipt.index, ack.receipt.index, other.receipt.index],
            f.relay_id: [],
        }
        for member, private in sees.items():
            seen = await follow(core, member)
            assert [one.index for one in seen] == public + private, member
            every = list(range(core.state.size))
            assert [index for index, _ in await core.statements(member, every)] == public + private
            with_payload = [one.index for one in seen if one.payload or one.wrap]
            # Ciphertext goes to recipients, also to one that has acknowledged; to nobody else.
            assert with_payload == {"es": private, "pt": private[:1]}.get(member, [])
        es = {one.index: one for one in await follow(core, "es")}
        delivery = es[found.receipt.index]
        assert (delivery.wrap, delivery.payload) == (envelope.wraps[1], envelope.payload)
        assert es[0].members == f.bundle.members


async def test_batches_stay_small_and_miss_nothing(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        for sender in ("be", "nl", "be", "be"):
            await send(core, sender, f.envelope(sender, "pt"))
        whole = await follow(core, "pt")
        assert await follow(core, "pt", max_bytes=1) == whole
        assert await follow(core, "pt", max_bytes=20_000) == whole
        batch = await core.read("pt", 0, max_bytes=1)
        assert batch is not None
        assert len(batch.statements) == 1
        for index in (core.state.size, core.state.size + 1, -1):
            assert await core.read("pt", index) is None


async def test_listeners_hear_that_the_log_has_grown_or_drains(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        event = asyncio.Event()
        with core.listening(event):
            await core.sweep()
            await asyncio.sleep(0)
            assert not event.is_set(), "nothing has grown"
            await send(core, "be", f.envelope("be", "pt"))
            await asyncio.wait_for(event.wait(), 10)
            event.clear()
            await core.drain()
            assert event.is_set()
            assert core.draining


async def test_proofs_and_entries_outside_the_log_are_not_found(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        size = core.state.size
        assert await core.inclusion_proof(0, size)
        assert await core.consistency_proof(0, size) == ()
        for index, tree in ((size, size), (0, size + 1), (-1, size), (0, 0)):
            with pytest.raises(RefusedError, match="no entry"):
                await core.inclusion_proof(index, tree)
        for old, new in ((0, size + 1), (2, 1), (-1, 1)):
            with pytest.raises(RefusedError, match="no tree"):
                await core.consistency_proof(old, new)
        assert len(await core.entries(0, 2)) == 2 * limits.LOG_ENTRY
        assert len(await core.entries(1, 10**9)) == (size - 1) * limits.LOG_ENTRY
        assert await core.entries(size, 1) == b""
        assert await core.entries(-1, 5) == b""
        assert await core.statements("be", [-1, size, 2**64 - 1]) == []
        assert await core.read("be", 2**64 - 1) is None
        with pytest.raises(RefusedError, match="no Directory"):
            await core.directory(2**64 - 1)
        with pytest.raises(RefusedError, match="no tree"):
            await core.anchor(2**64 - 1)


async def test_who_is_held_back_sees_what_is_public_and_nothing_else(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        data = ciphertext(1)
        root = await put(core, "be", data)
        found = await send(core, "be", f.envelope("be", "pt", attachments=[data]))
        index = found.receipt.index
        body = statement_pb2.Suspension(
            signers=[f.root.public.id],
            member="pt",
            anchor=await core.anchor(0),
            reason=statement_pb2.SUSPENSION_REASON_COMPROMISED,
        )
        await tell(core, f.relay_id, PublishIn(f.sign("suspension", body, f.root)))
        assert index not in [one.index for one in await follow(core, "pt")]
        assert await core.statements("pt", [index]) == []
        with pytest.raises(RefusedError):
            await core.attachment("pt", root)
        [outcome] = await core.publish("pt", [f.delivered("pt", (f.id(found.statement), index, 0))])
        assert isinstance(outcome, RefusedError)
        assert outcome.reason == "not_admitted"
        with pytest.raises(RefusedError, match="does not take part"):
            await put(core, "pt", ciphertext(1))
        assert core.member_of(f["pt"].certificate) == "pt"


async def test_doors_follow_the_log(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        doors = core.doors()
        await send(core, "be", f.envelope("be", "pt"))
        assert core.doors() is doors
        assert set(doors) == {one.certificate for one in f.parties.values()} | {f.relay_certificate}
        assert core.member_of(f.relay_certificate) == f.relay_id
        _, new = tls.make_certificate()
        assert core.member_of(new) is None
        body = statement_pb2.TlsKeys(
            signers=[f["be"].key.public.id], member="be", number=1, certificates=[new]
        )
        await tell(core, "be", PublishIn(f.sign("tls-keys", body, f["be"].key)))
        assert core.doors() is not doors
        assert core.member_of(new) == "be"
        assert core.member_of(f["be"].certificate) is None
        changed = f.successor(core.state.directory, pt=Status.LEFT)
        await tell(core, "be", PublishIn(changed.statement, changed.members))
        assert core.member_of(f["pt"].certificate) is None


async def test_a_directory_that_takes_the_relays_keys_away_is_not_logged(tmp_path: Path) -> None:
    f, other = Federation(), Federation()
    async with running(f, tmp_path) as core:
        directory = core.state.directory
        [old], [new] = directory.log_keys, other.draft.log_keys
        gone = replace(old, life=replace(old.life, removed=2))
        changed = f.successor(replace(directory, log_keys=(gone, new)))
        [outcome] = await core.publish("be", [PublishIn(changed.statement, changed.members)])
        assert isinstance(outcome, RefusedError)
        assert (outcome.reason, core.moved) == ("moved", True)
        assert core.state.directory is directory


async def test_h2_statements_are_asked_for_by_as_many_bytes_as_a_call_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        assert len(await core.statements("be", [1, 2, 3])) == 3
        monkeypatch.setattr(limits, "CALL", 10_000)
        with pytest.raises(RefusedError) as caught:
            await core.statements("be", [1, 2, 3])
        assert caught.value.reason == "too_large"


async def test_prekeys_are_the_newest(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        found = await tell(core, "pt", f.prekey("pt"))
        [(index, raw), _] = await core.prekeys(["pt", "es"])
        assert (index, raw) == (found.receipt.index, found.statement)
        with pytest.raises(RefusedError, match="at most"):
            await core.prekeys(["pt"] * (limits.MEMBERS + 1))
