"""One thing that fails holds up nothing else, and a node that ends says why (promises 6, 11 and 12)."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest

from mce_exchange import statement as statements
from mce_exchange.client.relay import Accepted, Outcome, Told
from mce_exchange.errors import MceError, RefusedError, StoreError, TransportError, UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline.follow import Batch
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Outgoing
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door
from tests.node.test_exchange import SOON, accepted, first, followed, send
from tests.node.test_hostile import alarm

UPDATE = SCENARIO.update()


class Selective(Door):
    """Submits as it should, but fails as a whole when a poisoned message is in the call."""

    poison: bytes = b""
    stuck: frozenset[str] = frozenset()
    sizes: list[int]

    def __init__(self, world: World, member: str = "be") -> None:
        super().__init__(world.relay, member)
        self.sizes = []

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        self.sizes.append(len(messages))
        if any(one.header_id == self.poison for one in messages):
            raise TransportError("no answer from the relay (INTERNAL)")
        return [self._one(one) for one in messages]

    def _one(self, message: Outgoing) -> Outcome:
        core = read_header(statements.decode(message.statement)).core
        if self.stuck.intersection(one.member for one in core.recipients):
            return RefusedError("each of 1 recipients has a full mailbox", reason="quota")
        return self.accept(message.header_id, self.relay.header(message))


async def test_a_stream_that_ends_at_once_is_not_asked_for_without_pause(world: World) -> None:
    class Ends(Door):
        asked = 0

        async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
            self.asked += 1
            for batch in list[Batch]():
                yield batch

    door = Ends(world.relay, "be")
    async with world.open("be", door) as be:
        await asyncio.sleep(0.7)
        assert 1 <= door.asked <= 4
        assert isinstance(be.node.trouble, TransportError)


async def test_a_defect_ends_the_node_and_tells_whoever_waits(world: World) -> None:
    class Broken(Door):
        async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
            raise ValueError("a word of the case")

    async def run() -> None:
        async with world.open("be", Broken(world.relay, "be")) as be:
            await send(be, world)
            await first(be)

    with pytest.raises(MceError, match="an unexpected ValueError") as caught:
        await run()
    assert type(caught.value) is MceError
    assert "word" not in str(caught.value)
    assert caught.value.fault == "this software"


async def test_a_home_that_fails_ends_the_node_with_a_store_error(world: World) -> None:
    async def run() -> None:
        async with world.open("be") as be:
            await followed(be, world)
            await be.node.run_home(be.node.home.database.run, "DROP TABLE message")
            await first(be)

    with pytest.raises(StoreError):
        await run()


async def test_a_closed_hotline_says_so(world: World) -> None:
    async with world.open("be") as be:
        waiting = asyncio.ensure_future(first(be))
        await followed(be, world)
    for work in (waiting, be.send(UPDATE, to=["pt"]), be.case("x"), be.sent("0" * 64), first(be)):
        with pytest.raises(UsageError, match="closed"):
            await work


async def test_a_message_that_breaks_every_call_holds_up_no_other(world: World) -> None:
    door = Selective(world)
    silent = Selective(world)
    silent.stuck = frozenset({"pt", "es"})
    async with world.open("be", silent) as be:
        await followed(be, world)
        ids = [await be.send(UPDATE, to=["pt"]) for _ in range(6)]
    door.poison = bytes.fromhex(ids[2])
    async with world.open("be", door) as be:
        for id_ in (*ids[:2], *ids[3:]):
            await accepted(be, id_)
        assert (await be.sent(ids[2])).state == "queued"
        assert 1 in door.sizes
        door.poison = b""
        await accepted(be, ids[2])


async def test_full_mailboxes_hold_up_nobody_elses_messages(world: World) -> None:
    door = Selective(world)
    door.stuck = frozenset({"es"})
    async with world.open("be", door) as be:
        await followed(be, world)
        stuck = [await be.send(UPDATE, to=["es"]) for _ in range(70)]
        id_ = await be.send(UPDATE, to=["pt"], urgent=True)
        await accepted(be, id_)
        assert (await be.sent(stuck[0])).state == "queued"
        # What has to wait is tried again together, and not over and over.
        calls = len(door.sizes)
        await asyncio.sleep(0.6)
        assert len(door.sizes) - calls < 10


async def test_urgent_messages_go_first(world: World) -> None:
    silent = Selective(world)
    silent.stuck = frozenset({"pt"})
    async with world.open("be", silent) as be:
        await followed(be, world)
        for _ in range(3):
            await be.send(UPDATE, to=["pt"])
        urgent = await be.send(UPDATE, to=["pt"], urgent=True)
        waiting = await be.node.run_home(be.node.home.outbox.waiting, 10)
        assert waiting[0].header_id.hex() == urgent


async def test_a_false_receipt_holds_up_no_other(world: World) -> None:
    class Lies(Selective):
        def _one(self, message: Outgoing) -> Outcome:
            if message.header_id == self.poison:
                return Accepted(self.relay.receipt(1), message.statement)
            return self.accept(message.header_id, self.relay.header(message))

        async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
            self.poison = self.poison or messages[0].header_id
            return [self._one(one) for one in messages]

    async with world.open("be", Lies(world)) as be:
        lied = await send(be, world)
        id_ = await send(be, world)
        await accepted(be, id_)
        assert (await be.sent(lied)).state == "queued"


class Uploads(Door):
    """What happens to the first attachment that is put."""

    def __init__(self, world: World, what: Exception | None) -> None:
        super().__init__(world.relay, "be")
        self.what = what
        self.bad = b""

    async def upload(self, root: bytes, size: int, source: BinaryIO, told: Told) -> None:
        self.bad = self.bad or root
        if root != self.bad:
            await super().upload(root, size, source, told)
        elif self.what is None:
            await asyncio.Event().wait()
        else:
            raise self.what


@pytest.mark.parametrize(
    ("what", "state"),
    [
        (RefusedError("its owner is another", reason="wrong_context"), "failed"),
        (RefusedError("be would take too much", reason="quota"), "queued"),
        (TransportError("no answer"), "queued"),
        (None, "queued"),
    ],
)
async def test_an_attachment_that_does_not_go_holds_up_nothing_else(
    world: World, tmp_path: Path, what: Exception | None, state: str
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode() * 50_000)
    door = Uploads(world, what)
    async with world.open("be", door) as be, world.open("pt") as pt:
        bad = await send(be, world, attachments=[tmp_path / "one"])
        async with asyncio.timeout(SOON):
            while not door.bad:
                await asyncio.sleep(0.01)
        plain = await be.send(UPDATE, to=["pt"])
        good = await be.send(UPDATE, to=["pt"], attachments=[tmp_path / "two"])
        await accepted(be, plain)
        await accepted(be, good)
        assert (await be.sent(bad)).state == state
        if state == "failed":
            assert "wrong_context" in (await be.sent(bad)).reason
            assert "another" in await alarm(be, Alarm.NOT_ACCEPTED)
            # Its number is void, so no gap is told of, and what follows it fits.
            async with asyncio.timeout(SOON):
                while pt.node.home.numbers.id_of("be", 1) is None:
                    await asyncio.sleep(0.02)
            kinds = {one.kind for one in pt.node.home.alarms.all()}
            assert not kinds & {Alarm.GAP, Alarm.FORK}


async def test_an_attachment_lost_on_our_own_disk_fails_its_message_only(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes(bytes(100_000))
    async with world.open("be", Uploads(world, TransportError("not now"))) as be:
        bad = await send(be, world, attachments=[tmp_path / "one"])
    for file in (world.folder / "be/attachments").iterdir():
        file.unlink()
    async with world.open("be") as be:
        good = await send(be, world)
        await accepted(be, good)
        async with asyncio.timeout(SOON):
            while (await be.sent(bad)).state != "failed":
                await asyncio.sleep(0.02)
        assert "gone from this home" in await alarm(be, Alarm.NOT_ACCEPTED)


class Downloads(Door):
    """One attachment never comes: refused, or begun and left."""

    def __init__(self, world: World, bad: bytes, *, hangs: bool) -> None:
        super().__init__(world.relay, "pt")
        self.bad = bad
        self.hangs = hangs

    async def download(self, root: bytes, offset: int) -> AsyncGenerator[tuple[bytes, bytes], None]:
        if root == self.bad and self.hangs:
            await asyncio.Event().wait()
        if root == self.bad:
            raise RefusedError("it is erased", reason="not_found")
        async for piece in super().download(root, offset):
            yield piece


@pytest.mark.parametrize("hangs", [True, False])
async def test_an_attachment_that_does_not_come_holds_up_no_other_message(
    world: World, tmp_path: Path, hangs: bool
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).write_bytes(name.encode() * 50_000)
    async with world.open("be") as be:
        bad = await send(be, world, attachments=[tmp_path / "one"])
        await accepted(be, bad)
        [root] = world.relay.attachments
        good = await send(be, world, attachments=[tmp_path / "two"])
        await accepted(be, good)
        async with world.open("pt", Downloads(world, root, hangs=hangs)) as pt:
            assert (await first(pt)).id == good
            if not hangs:
                assert "do not come" in await alarm(pt, Alarm.NO_ATTACHMENT)
                # A person can end it; the sender learns of it.
                await pt.refuse(bad)
                async with asyncio.timeout(SOON):
                    while (await be.sent(bad)).deliveries[0].status != "refused:by_person":
                        await asyncio.sleep(0.02)


async def test_a_download_that_a_power_cut_spoilt_goes_on_from_what_is_whole(
    world: World, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 4000
    (tmp_path / "one").write_bytes(data)
    async with world.open("be") as be:
        id_ = await send(be, world, attachments=[tmp_path / "one"])
        await accepted(be, id_)
    [(root, sealed)] = world.relay.attachments.items()
    # The length was on disk before the bytes were.
    spoilt = sealed[:300_000] + bytes(len(sealed) - 300_000)
    part = world.folder / "pt/attachments" / f"{root.hex()}.part"
    part.write_bytes(spoilt)
    async with world.open("pt") as pt:
        item = await first(pt)
        await item.save(0, tmp_path / "saved")
    assert (tmp_path / "saved").read_bytes() == data
    assert not part.exists()


async def test_an_attachment_that_our_disk_spoils_is_fetched_again_and_never_laid_upon_the_sender(
    world: World, tmp_path: Path
) -> None:
    (tmp_path / "one").write_bytes(bytes(100_000))
    async with world.open("be") as be:
        id_ = await send(be, world, attachments=[tmp_path / "one"])
        await accepted(be, id_)
    [(root, sealed)] = world.relay.attachments.items()
    (world.folder / "pt/attachments" / root.hex()).write_bytes(bytes(len(sealed)))
    async with world.open("pt") as pt:
        item = await first(pt)
        assert item.id == id_


async def test_a_poisoned_statement_is_told_and_passed_over(world: World) -> None:
    """Even a defect of ours in judging one entry halts nobody, and undoes no more than that entry."""

    def fails(content: bytes) -> None:
        raise OverflowError("a date")

    async with world.open("be") as be:
        bad = await send(be, world)
        await accepted(be, bad)
        async with world.open("pt") as pt:
            pt.node._intake._incoming._check = fails
            assert "this software failed on it (OverflowError)" in await alarm(pt, Alarm.INVALID_MESSAGE)
            pt.node._intake._incoming._check = lambda _: None
            good = await send(be, world)
            assert (await first(pt)).id == good
            assert pt.node.home.numbers.id_of("be", 1) is None
