"""The node's promises with an obedient relay: durable, once, until acknowledged (promises 6 and 10)."""

import asyncio
import io
from pathlib import Path

import pytest

from mce_exchange import limits
from mce_exchange.client.attaching import File
from mce_exchange.client.facade import Hotline, Item
from mce_exchange.errors import CaseError, StoreError, UsageError
from mce_exchange.store.outbox import Sent
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Deaf

SOON = 20.0


async def first(hotline: Hotline) -> Item:
    async with asyncio.timeout(SOON):
        async for item in hotline.inbox():
            return item
    raise AssertionError("the inbox ended")


async def settled(hotline: Hotline, id_: str) -> Sent:
    async with asyncio.timeout(SOON):
        return await hotline.settled(id_)


async def followed(hotline: Hotline, world: World) -> None:
    async with asyncio.timeout(SOON):
        while hotline.node.follower.size < world.federation.tree.size:
            await asyncio.sleep(0.01)


async def accepted(hotline: Hotline, id_: str) -> None:
    async with asyncio.timeout(SOON):
        while (await hotline.sent(id_)).state != "accepted":
            await asyncio.sleep(0.02)


async def send(hotline: Hotline, world: World, *to: str, **more: object) -> str:
    await followed(hotline, world)
    return await hotline.send(SCENARIO.update(), to=to or ("pt",), **more)  # type: ignore[arg-type]  # real options


async def test_a_case_crosses_the_border(world: World, tmp_path: Path) -> None:
    photo = bytes(range(256)) * 3000
    (tmp_path / "photo.png").write_bytes(photo)
    async with world.open("be") as be, world.open("pt") as pt, world.open("es") as es:
        id_ = await send(be, world, "pt", "es", attachments=[tmp_path / "photo.png"])
        for hotline in (pt, es):
            item = await first(hotline)
            assert (item.id, item.sender, item.message) == (id_, "be", SCENARIO.update())
            assert [one.name for one in item.attachments] == ["photo.png"]
            await item.save(0, tmp_path / f"{hotline.member}.png")
            assert (tmp_path / f"{hotline.member}.png").read_bytes() == photo
            await item.acknowledge()
        sent = await settled(be, id_)
        assert [one.status for one in sent.deliveries] == ["delivered", "delivered"]
        assert [m for _, m in await pt.case(str(item.message.header.case_id))] == [SCENARIO.update()]
        assert await be.case("another case") == []


async def test_a_message_handed_over_is_sent_though_the_process_dies_at_once(world: World) -> None:
    silent = world.relay.door("be")

    async def never(messages: object) -> list[object]:
        await asyncio.Event().wait()
        return []

    silent.submit = never  # type: ignore[assignment, method-assign]  # the relay never answers
    async with world.open("be", silent) as be:
        id_ = await send(be, world)
    assert len(world.relay.held) == 4
    async with world.open("be") as be, world.open("pt") as pt:
        assert (await first(pt)).id == id_
        assert (await be.sent(id_)).state == "accepted"


async def test_given_again_until_acknowledged_and_never_after(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world)
        async with world.open("pt") as pt:
            assert (await first(pt)).id == id_
            assert (await first(pt)).id == id_
        async with world.open("pt") as pt:
            item = await first(pt)
            assert item.id == id_
            await item.acknowledge()
            with pytest.raises(UsageError, match="acknowledged"):
                await item.acknowledge()
            with pytest.raises(UsageError, match="acknowledged"):
                await item.refuse()
        later = await send(be, world)
        async with world.open("pt") as pt:
            assert (await first(pt)).id == later


async def test_refused_by_a_person(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await (await first(pt)).refuse()
        assert [one.status for one in (await settled(be, id_)).deliveries] == ["refused:by_person"]
        async with asyncio.timeout(SOON):
            async for alarm in be.alarms():
                assert (alarm.kind, id_ in alarm.about) == ("refused", True)
                break


async def test_an_expired_message_that_nobody_answered_is_an_alarm(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        await be.node.run_home(be.node.upkeep.run)
        world.clock.now += limits.DEFAULT_LIFETIME_SECONDS + 1
        alarms = await be.node.run_home(be.node.home.alarms.all)
        assert [one.kind for one in alarms if one.kind == "unanswered"] == []
        await be.node.run_home(be.node.upkeep.run)
        alarms = await be.node.run_home(be.node.home.alarms.all)
        assert [one.about for one in alarms if one.kind == "unanswered"] == [f"{id_} pt"]


async def test_r4_lost_answers_make_no_second_message(world: World) -> None:
    async with world.open("be", Deaf(world.relay, "be")) as be, world.open("pt") as pt:
        id_ = await send(be, world)
        item = await first(pt)
        await item.acknowledge()
        await settled(be, id_)
        await accepted(be, id_)
        headers = [held for held in world.relay.held if held.payload]
        assert len(headers) == 1
        assert len(await pt.case(str(item.message.header.case_id))) == 1


async def test_one_home_runs_one_node(world: World) -> None:
    async with world.open("be"):
        with pytest.raises(StoreError, match="a node runs"):
            async with world.open("be"):
                pass


async def test_what_cannot_be_sent_is_said_at_once(world: World, tmp_path: Path) -> None:
    async with world.open("be") as be:
        await followed(be, world)
        with pytest.raises(UsageError, match="takes no part"):
            await be.send(SCENARIO.update(), to=["fr"])
        with pytest.raises(UsageError, match="not its sender"):
            await be.send(SCENARIO.update(), to=["be"])
        with pytest.raises(UsageError, match="cannot read"):
            await be.send(SCENARIO.update(), to=["pt"], attachments=[tmp_path / "none.png"])
        with pytest.raises(CaseError):
            await be.send(
                SCENARIO.sighting().__class__(header=SCENARIO.update().header, body=None), to=["pt"]
            )
        world.clock.now += 40 * 24 * 3600
        with pytest.raises(UsageError, match="more than 30 days") as caught:
            await be.send(SCENARIO.update(), to=["pt"])
        assert "telephone" in caught.value.remedy


async def test_a_stream_of_unknown_length_is_an_attachment(world: World, tmp_path: Path) -> None:
    data = b"0123456789" * 70_000
    async with world.open("be") as be, world.open("pt") as pt:
        file = File(name="sound.mp3", media_type="audio/mpeg", source=io.BytesIO(data))
        await send(be, world, attachments=[file])
        await (await first(pt)).save(0, tmp_path / "out")
        assert (tmp_path / "out").read_bytes() == data
        with pytest.raises(UsageError, match="exists"):
            await (await first(pt)).save(0, tmp_path / "out")


async def test_h10_no_word_of_a_case_lies_in_a_home(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        await send(be, world)
        await first(pt)
    for path in world.folder.rglob("*"):
        if path.is_file():
            assert b"kanarie" not in path.read_bytes(), path
