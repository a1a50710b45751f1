"""What one member can take from the others: a share of memory, calls and turns (threats H2, H3, H4)."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from mce_relay import gate, receive
from mce_relay.turns import GROUP, Job, Turns

from mce_exchange import limits
from mce_exchange.v1 import relay_pb2 as pb
from tests.relay.federation import Federation, send
from tests.relay.served import SECONDS, Door, Served, accepted, credit, reason, rest, served
from tests.relay.serving import memory, process

SUBMIT = "/mce_exchange.v1.RelayService/Submit"


def raw(channel: grpc.aio.Channel) -> Any:
    """The channel for calls of bytes, which its types do not know."""
    return channel


async def told(call: Any) -> str:
    """The reason or the status of a call that must fail."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    error = caught.value
    return reason(error) if error.trailing_metadata() else error.code().name


@asynccontextmanager
async def held(relay: Served) -> AsyncIterator[None]:
    """The writer waits until the block ends."""
    going, begun = threading.Event(), threading.Event()

    def wait(_: object) -> None:
        begun.set()
        assert going.wait(SECONDS)

    holding = asyncio.create_task(relay.core._sequencer.run(wait))
    await asyncio.to_thread(begun.wait, SECONDS)
    yield
    going.set()
    await holding


def waiting(relay: Served, member: str) -> int:
    """How many pieces of a member's work wait for the writer."""
    sequencer = relay.core._sequencer
    ready = [job for jobs, _ in tuple(sequencer._ready.queue) for job in jobs if job.author == member]
    return len(ready) + len(sequencer._turns._waiting.get(member, ()))


async def test_h2_a_request_is_bounded_before_it_is_parsed_and_read_when_there_is_room(
    tmp_path: Path,
) -> None:
    f = Federation()
    big = pb.SubmitRequest(envelopes=[pb.Envelope(payload=bytes(limits.CALL - 64))]).SerializeToString()
    with process(f, tmp_path) as (address, pid):
        relay = Served(f, cast(Any, None), address)
        async with relay.channel(f["be"].tls_key, f["be"].certificate) as channel:
            await Door(channel).ask("GetCheckpoint", pb.GetCheckpointRequest())
            before = memory(pid)
            call = raw(channel).unary_unary(SUBMIT)
            # Two bytes an envelope would be eight million objects.
            assert await told(call(b"\x0a\x00" * (limits.CALL // 2), timeout=SECONDS)) == "too_large"
            assert await told(call(big + bytes(100_000), timeout=SECONDS)) == "too_large"
            assert memory(pid) - before < 100 * limits.MIB
            answers = await asyncio.gather(*(call(big, timeout=60) for _ in range(16)))
            for answer in answers:
                [result] = pb.SubmitResponse.FromString(answer).results
                assert result.refusal.reason == pb.REFUSAL_REASON_TOO_LARGE
        async with relay.narrow("be") as channel:
            # A bomb: 256 MiB of zeros in 256 KiB.
            bomb = raw(channel).unary_unary(SUBMIT)(
                bytes(256 * limits.MIB), timeout=SECONDS, compression=grpc.Compression.Gzip
            )
            assert await told(bomb) == "RESOURCE_EXHAUSTED"
        # Not 16 calls of 16 MiB in three copies each: those that are read, and two of what is under way.
        reading = gate.READERS * limits.CALL
        assert memory(pid) - before < 3 * reading + 2 * (gate.UNDER_WAY + reading)


async def test_h3_a_thousand_streams_are_eight_and_the_others_notice_nothing(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be, relay.door("pt") as pt:
        size = relay.core.state.size
        calls = []
        for _ in range(100):
            call = be.receive()
            await call.write(pb.ReceiveRequest(from_index=size))
            await call.write(credit(10))
            calls.append(call)
        for call in calls[: -receive.STREAMS]:
            assert await told(rest(call)) == "quota"
        reading = pt.receive()
        await reading.write(pb.ReceiveRequest(from_index=size))
        await reading.write(credit(10))
        found = await send(relay.core, "be", f.envelope("be", "pt"))
        assert (await asyncio.wait_for(reading.read(), SECONDS)).first_index == found.receipt.index
        for call in calls[-receive.STREAMS :]:
            assert (await asyncio.wait_for(call.read(), SECONDS)).first_index == found.receipt.index
            call.cancel()
        reading.cancel()


async def test_h3_calls_that_are_opened_and_never_made_end_with_their_owner(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate, "CALLS", 20)
    monkeypatch.setattr(gate, "READ_SECONDS", 0.2)
    f = Federation()

    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with served(f, tmp_path) as relay, relay.door("be") as be, relay.door("pt") as pt:
        await be.ask("GetCheckpoint", pb.GetCheckpointRequest())
        idle = [raw(be.channel).stream_unary(SUBMIT)(never(), timeout=SECONDS) for _ in range(20)]
        over = raw(be.channel).stream_unary(SUBMIT)(never(), timeout=SECONDS)
        assert await told(over) == "quota", "one more than may be open"
        accepted(await pt.submit(f.envelope("pt", "es")))
        # What does not come in time is not waited for.
        for call in idle:
            assert await told(call) == "quota"
        accepted(await be.submit(f.envelope("be", "pt")))


async def test_work_whose_caller_hung_up_still_counts_as_under_way(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be, relay.door("pt") as pt:
        envelopes = [f.envelope("be", "pt") for _ in range(4)]
        monkeypatch.setattr(gate, "UNDER_WAY", sum(len(one.payload) for one in envelopes[:2]))
        async with held(relay):
            calls = [asyncio.create_task(be.submit(one)) for one in envelopes[:3]]
            while not waiting(relay, "be"):
                await asyncio.sleep(0.05)
            for call in calls:
                call.cancel()
            last = asyncio.create_task(be.submit(envelopes[3]))
            await asyncio.sleep(0.3)
            assert waiting(relay, "be") < 4, "read although there was no room"
            # Somebody else's room is somebody else's.
            other = asyncio.create_task(pt.submit(f.envelope("pt", "es")))
            while not waiting(relay, "pt"):
                await asyncio.sleep(0.05)
        accepted(await last)
        accepted(await other)


def test_h4_the_writer_takes_from_each_in_turn() -> None:
    turns = Turns()
    for number in range(10_000):
        turns.put(Job(number, None, "be"))
    turns.put(Job("first", None, "pt"))
    turns.put(Job("second", None, "pt"))
    jobs, last = turns.take()
    assert [job.work for job in jobs[:5]] == [0, "first", 1, "second", 2]
    assert (len(jobs), last) == (GROUP, False)
    turns.put(Job("large", None, "es", size=2**30))
    jobs, _ = turns.take()
    assert [job.author for job in jobs] == ["be", "es"], "a group is full of bytes too"
    turns.end()
    left = 0
    while True:
        jobs, last = turns.take()
        left += len(jobs)
        if last:
            break
    assert left == 10_000 - (GROUP - 2) - 1


async def test_h4_a_member_that_floods_delays_nobody_for_long(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay, relay.door("be") as be, relay.door("pt") as pt:
        garbage = f.envelope("be", "es")
        # Signatures of somebody else's: each costs the relay a verification before it is refused.
        wrong = type(garbage)(f.envelope("pt", "es").statement, garbage.wraps, garbage.payload)
        async with held(relay):
            flood = [asyncio.create_task(be.submit(*[wrong] * 64)) for _ in range(12)]
            while not waiting(relay, "be") > 2 * GROUP:
                await asyncio.sleep(0.05)
            honest = asyncio.create_task(pt.submit(f.envelope("pt", "nl")))
            while not waiting(relay, "pt"):
                await asyncio.sleep(0.05)
        accepted(await honest)
        assert not all(one.done() for one in flood), "it waited behind all of the others"
        for results in await asyncio.gather(*flood):
            assert {one.refusal.reason for one in results} == {pb.REFUSAL_REASON_WRONG_CONTEXT}
