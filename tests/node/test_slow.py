"""Attachments on their way out and in: beside everything else, given up cleanly, their progress told."""

import asyncio
import io
import threading
from pathlib import Path

import pytest

from mce_exchange.client.attaching import File
from tests.node.conftest import SCENARIO, World
from tests.node.test_exchange import SOON, first, followed, send

UPDATE = SCENARIO.update()


class Slow(io.RawIOBase):
    """A stream that waits in the middle, in small pieces, as a pipe does."""

    def __init__(self, data: bytes) -> None:
        self.data = io.BytesIO(data)
        self.begun = threading.Event()
        self.go_on = threading.Event()

    def read(self, size: int = -1, /) -> bytes:
        if self.data.tell() > 50_000:
            self.begun.set()
            self.go_on.wait(SOON)
        return self.data.read(min(size, 10_000))


async def test_a_slow_attachment_holds_up_neither_receiving_nor_acknowledging(
    world: World, tmp_path: Path
) -> None:
    data = b"0123456789" * 70_000
    source = Slow(data)
    async with world.open("be") as be, world.open("pt") as pt:
        await followed(be, world)
        file = File(name="slow.bin", media_type="application/octet-stream", source=source)  # type: ignore[arg-type]  # reads
        sending = asyncio.ensure_future(be.send(UPDATE, to=["pt"], attachments=[file]))
        await asyncio.to_thread(source.begun.wait, SOON)
        id_ = await send(pt, world, "be")
        item = await first(be)
        assert item.id == id_
        await item.acknowledge()
        async with asyncio.timeout(SOON):
            assert (await pt.settled(id_)).deliveries[0].status == "delivered"
        assert not sending.done()
        source.go_on.set()
        async with asyncio.timeout(SOON):
            sent = await sending
        item = await first(pt)
        assert item.id == sent
        await item.save(0, tmp_path / "saved")
        assert (tmp_path / "saved").read_bytes() == data


async def test_a_send_that_is_given_up_leaves_nothing(world: World) -> None:
    source = Slow(bytes(700_000))
    async with world.open("be") as be:
        await followed(be, world)
        file = File(name="slow.bin", media_type="application/octet-stream", source=source)  # type: ignore[arg-type]  # reads
        sending = asyncio.ensure_future(be.send(UPDATE, to=["pt"], attachments=[file]))
        await asyncio.to_thread(source.begun.wait, SOON)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        source.go_on.set()
        async with asyncio.timeout(SOON):
            while list((world.folder / "be/attachments").iterdir()):
                await asyncio.sleep(0.02)
        assert be.node.home.outbox.count("queued") == 0


async def test_progress_is_told_of_all_that_takes_long(world: World, tmp_path: Path) -> None:
    told: dict[str, list[tuple[int, int | None]]] = {}

    def progress(name: str, done: int, total: int | None) -> None:
        told.setdefault(name.split(" ")[0], []).append((done, total))

    (tmp_path / "photo.png").write_bytes(bytes(1_200_000))
    async with world.open("be") as be, world.open("pt") as pt:
        for hotline in (be, pt):
            hotline.node._sending._progress = progress
            hotline.node._fetcher._progress = progress
        await followed(be, world)
        await be.send(UPDATE, to=["pt"], attachments=[tmp_path / "photo.png"], progress=progress)
        sealing = told.pop("photo.png")
        await (await first(pt)).save(0, tmp_path / "saved", progress=progress)
    saving = told.pop("photo.png")
    for found in (sealing, saving):
        assert [done for done, _ in found] == sorted(done for done, _ in found)
        assert found[-1] == (1_200_000, 1_200_000)
        assert len(found) > 2
    assert told["download"][-1][0] == told["download"][-1][1]
