"""One relay process from start to end: what it refuses to serve, drains, survives (threats R4, R5, H10)."""

import asyncio
import ssl
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import grpc
import pytest
from mce_relay import server
from mce_relay.config import Config
from mce_relay.core import Core
from mce_relay.keyring import Rings
from mce_relay.values import EnvelopeIn, Settings

from mce_exchange.errors import MceError, StoreError
from mce_exchange.primitives import tls
from mce_exchange.v1 import relay_pb2 as pb
from tests.relay.federation import Federation
from tests.relay.operated import ended, home, keyring, run, serving, told
from tests.relay.served import SECONDS, Door, Served, accepted, credit, reason, rest, served
from tests.relay.test_doors import handshake
from tests.relay.test_sequencer import Failing


async def test_a_writer_in_doubt_ends_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    f, made = Federation(), list[Core]()
    config = Config.read(home(f, tmp_path)).model_copy(update={"drain_seconds": 1.0})
    store, ready = Failing(config.data), asyncio.Event()

    def make(*_: object) -> Core:
        settings = Settings(sweep_interval=1e6)
        made.append(
            Core(data=config.data, genesis=f.bundle, keys=f.relay_keys, settings=settings, store=store)
        )
        return made[0]

    monkeypatch.setattr(server, "make_core", make)
    monkeypatch.setattr(server, "print", lambda *_, **__: ready.set(), raising=False)
    serving = asyncio.create_task(server.serve(config, Rings(keyring(f), None)))
    await asyncio.wait_for(ready.wait(), SECONDS)
    store.after = True
    with pytest.raises(StoreError, match="unknown"):
        await made[0].publish(f.relay_id, f.all_prekeys())
    with pytest.raises(StoreError, match="in doubt"):
        await asyncio.wait_for(serving, SECONDS)


async def test_what_members_would_not_find_at_the_door_is_not_served(tmp_path: Path) -> None:
    f = Federation()
    config = Config.read(home(f, tmp_path))
    key, door = tls.make_certificate()
    for other, ring in (
        (config.model_copy(update={"id": "relay-2"}), keyring(f)),
        (config, replace(keyring(f), door_key=key, door=door)),
    ):
        with pytest.raises(MceError) as caught:
            await server.serve(other, Rings(ring, None))
        assert caught.value.fault == "usage"
        assert caught.value.remedy


async def test_draining_ends_every_stream_with_its_reason(tmp_path: Path) -> None:
    f = Federation()
    async with served(f, tmp_path) as relay:
        doors = [Door(relay.channel(f[one].tls_key, f[one].certificate)) for one in ("be", "pt")]
        calls = [door.receive() for door in doors]
        for call, granted in zip(calls, (0, 100), strict=True):
            await call.write(pb.ReceiveRequest(from_index=relay.core.state.size))
            await call.write(credit(granted))
        await doors[0].ask("GetCheckpoint", pb.GetCheckpointRequest())
        start = asyncio.get_running_loop().time()
        reading = [asyncio.create_task(rest(call)) for call in calls]
        submitting = [asyncio.create_task(doors[0].submit(f.envelope("be", "pt"))) for _ in range(20)]
        await asyncio.sleep(0.05)
    for task in reading:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await task
        assert reason(caught.value) == "draining"
    # Each call got an answer: a receipt, or a refusal that says to come again; or it had not begun.
    for one in await asyncio.gather(*submitting, return_exceptions=True):
        if isinstance(one, grpc.aio.AioRpcError):
            assert one.code() in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        else:
            [result] = cast(list[pb.SubmitResult], one)
            assert result.WhichOneof("result") == "accepted" or (
                result.refusal.reason == pb.REFUSAL_REASON_DRAINING
            )
    assert asyncio.get_running_loop().time() - start < SECONDS
    for door in doors:
        await door.channel.close()


@pytest.mark.parametrize("signal", ["SIGTERM", "SIGKILL"])
async def test_r5_what_a_member_was_told_is_there_after_the_process_ended(
    tmp_path: Path, signal: str
) -> None:
    f = Federation()
    config = home(f, tmp_path)
    key, certificate = f["be"].tls_key, f["be"].certificate
    receipts: dict[int, int] = {}
    with serving(config) as (address, process):
        relay = Served(f, cast(Any, None), address)
        async with relay.channel(key, certificate) as channel:
            door = Door(channel)
            accepted(await door.publish(*f.all_prekeys()))
            envelopes = [f.envelope("be", "pt") for _ in range(120)]

            async def submit(first: int, some: list[EnvelopeIn]) -> None:
                for number, one in enumerate(await door.submit(*some), first):
                    if one.WhichOneof("result") == "accepted":
                        receipts[number] = one.accepted.receipt.index
                    else:
                        assert one.refusal.reason == pb.REFUSAL_REASON_DRAINING

            calls = [
                asyncio.create_task(submit(at, envelopes[at : at + 4])) for at in range(0, len(envelopes), 4)
            ]
            while not receipts:
                await asyncio.sleep(0.005)
            if signal == "SIGTERM":
                assert await asyncio.to_thread(ended, process) == 0
            else:
                process.kill()
            done, left = await asyncio.wait(calls, timeout=1.0)
            assert all(
                one.exception() is None or isinstance(one.exception(), grpc.aio.AioRpcError) for one in done
            )
            # These wait for the relay to come back.
            for one in left:
                one.cancel()
    assert receipts
    events = [one["event"] for one in told(config)]
    assert events == (["started", "draining", "stopped"] if signal == "SIGTERM" else ["started"])
    checked = await asyncio.to_thread(run, config, "check")
    assert checked.returncode == 0, checked.stdout
    with serving(config) as (address, _):
        relay = Served(f, cast(Any, None), address)
        async with relay.channel(key, certificate) as channel:
            found = accepted(await Door(channel).submit(*envelopes[:60]))
            found += accepted(await Door(channel).submit(*envelopes[60:]))
    indices = [one.receipt.index for one in found]
    assert {number: indices[number] for number in receipts} == receipts
    assert len(set(indices)) == len(envelopes)


def test_h10_strangers_and_old_tls_leave_no_line_of_another_form(tmp_path: Path) -> None:
    f = Federation()
    config = home(f, tmp_path)
    key, stranger = tls.make_certificate()
    with serving(config) as (address, process):
        for pair in ((key, stranger), (f["be"].tls_key, f["be"].certificate)):
            chain = pair[0] + tls.to_pem(pair[1])
            assert handshake(address, chain, tmp_path, ssl.TLSVersion.TLSv1_2) != "TLSv1.2"
        assert handshake(address, key + tls.to_pem(stranger), tmp_path, ssl.TLSVersion.TLSv1_3) != "TLSv1.3"
        assert ended(process) == 0
    assert [one["event"] for one in told(config)] == ["started", "draining", "stopped"]
