"""What time brings about: anchors, overdue, expiry, erasure (SPEC section 9)."""

import asyncio
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.values import DAY

from mce_exchange import limits, statement
from mce_exchange.errors import RefusedError
from mce_exchange.v1 import statement_pb2
from tests.relay.federation import (
    NOW,
    Clock,
    Federation,
    accepted,
    ciphertext,
    put,
    running,
    send,
    stream,
    tell,
)

pytestmark = pytest.mark.asyncio


async def logged(core: Core, member: str, type_: str, first: int = 0) -> list[tuple[int, bytes]]:
    """Index and body of the Statements of a type that a member sees."""
    batch = await core.read(member, first, max_bytes=2**30)
    found = [(one.index, statement.decode(one.statement)) for one in batch.statements] if batch else []
    return [(index, one.body) for index, one in found if one.type == type_]


async def test_anchors_are_frozen_on_schedule_and_open(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=10.0) as core:
        first = core.state.open_anchor(await core.anchor(0))
        assert (first.checkpoint.size, first.time) == (1, NOW)
        clock.now += 9
        await core.sweep()
        assert await core.anchor(0) == first.note
        with pytest.raises(RefusedError, match="no anchor"):
            await core.anchor(core.state.size)
        clock.now += 1
        await core.sweep()
        second = core.state.open_anchor(await core.anchor(0))
        assert (second.checkpoint.size, second.time) == (core.state.size, NOW + 10)
        assert await core.anchor(1) == first.note
        assert await core.anchor(2) == second.note
        assert second.quorum.n == 0
        await core.consistency_proof(first.checkpoint.size, second.checkpoint.size)


async def test_an_anchor_is_of_what_is_committed(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=10.0) as core:
        clock.now += 10
        envelopes = [f.envelope("be", "pt") for _ in range(20)]
        sending = core.submit("be", envelopes)
        sweeping = core.sweep()
        outcomes, _ = await asyncio.gather(sending, sweeping)
        assert all(accepted(one) for one in outcomes)
        anchor = core.state.open_anchor(await core.anchor(0))
        proof = await core.consistency_proof(anchor.checkpoint.size, core.state.size)
        assert proof or anchor.checkpoint.size == core.state.size


async def test_overdue_is_logged_once_at_the_deadline_with_an_anchor_of_then(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock) as core:
        found = await send(core, "be", f.envelope("be", "pt", "es", deadline_class=1))
        await send(core, "be", f.envelope("be", "pt", deadline_class=0))
        id_ = f.id(found.statement)
        await tell(core, "es", f.delivered("es", (id_, found.receipt.index, 1)))
        clock.now += 3599
        await core.sweep()
        assert not await logged(core, "be", "overdue")
        clock.now += 1
        await core.sweep()
        await core.sweep()
        [(index, body)] = await logged(core, "be", "overdue")
        assert await logged(core, "pt", "overdue") == [(index, body)]
        assert not await logged(core, "es", "overdue")
        overdue = statement_pb2.Overdue.FromString(body)
        assert (overdue.header_id, overdue.recipient) == (id_, "pt")
        anchor = core.state.open_anchor(overdue.anchor)
        assert anchor.time >= NOW + 3600
        assert found.receipt.index < anchor.checkpoint.size <= index
        # Late is not never.
        await tell(core, "pt", f.delivered("pt", (id_, found.receipt.index, 0)))


async def test_expiry_ends_delivery_but_a_late_acknowledgement_still_counts(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, erasure_grace=100.0) as core:
        found = await send(core, "be", f.envelope("be", "pt", lifetime_seconds=60))
        index = found.receipt.index
        clock.now += 60
        await core.sweep()
        batch = await core.read("pt", index)
        assert batch is not None
        assert (batch.statements[0].wrap, batch.statements[0].payload) == (b"", b"")
        await tell(core, "pt", f.delivered("pt", (f.id(found.statement), index, 0)))
        late = f.refused("pt", f.id(found.statement), index, 0, statement_pb2.REFUSAL_CODE_BY_PERSON)
        [again] = await core.publish("pt", [late])
        assert isinstance(again, RefusedError)
        assert again.reason == "already_final"


def files(folder: Path) -> bytes:
    """Everything that stands in a folder."""
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


async def test_ciphertext_is_erased_after_the_grace_and_the_relay_says_so(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, erasure_grace=7 * DAY) as core:
        data = ciphertext(300_000)
        await put(core, "be", data)
        envelope = f.envelope("be", "pt", "es", attachments=[data])
        found = await send(core, "be", envelope)
        id_, index = f.id(found.statement), found.receipt.index
        await tell(core, "pt", f.delivered("pt", (id_, index, 0)))
        clock.now += 30 * DAY
        await core.sweep()
        assert not await logged(core, "be", "erasure"), "one recipient is not final"
        await tell(core, "es", f.delivered("es", (id_, index, 1)))
        clock.now += 7 * DAY - 1
        await core.sweep()
        assert await core.attachment("pt", stream(data).root)
        assert envelope.payload[:64] in files(tmp_path)

        clock.now += 1
        await core.sweep()
        await core.sweep()
        [(_, body)] = await logged(core, "es", "erasure")
        erasure = statement_pb2.Erasure.FromString(body)
        assert (erasure.author, list(erasure.header_ids)) == (f.relay_id, [id_])
        assert core.state.open_anchor(erasure.anchor)
        with pytest.raises(RefusedError):
            await core.attachment("pt", stream(data).root)
        left = files(tmp_path)
        for secret in (envelope.payload[:64], envelope.payload[-64:], data[:64], *envelope.wraps):
            assert secret not in left
        assert envelope.statement in left, "the header is evidence and stays"
        # The room is the sender's again.
        assert await core.put_attachment(
            "be", root=stream(data).root, size=len(data), offset=0, data=data[: limits.CHUNK + limits.TAG]
        )


async def test_messages_of_other_parties_are_attested_apart(tmp_path: Path) -> None:
    f, clock = Federation(), Clock()
    async with running(f, tmp_path, clock=clock, erasure_grace=0.0) as core:
        for recipients in (("pt",), ("pt",), ("es",)):
            await send(core, "be", f.envelope("be", *recipients, lifetime_seconds=60))
        clock.now += 61
        await core.sweep()
        bodies = [statement_pb2.Erasure.FromString(body) for _, body in await logged(core, "be", "erasure")]
        assert sorted(len(one.header_ids) for one in bodies) == [1, 2]
        assert len(await logged(core, "es", "erasure")) == 1
