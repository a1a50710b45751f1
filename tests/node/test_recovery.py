"""A restored, copied or second home is behind before it sends, and never unnoticed (SPEC 9.9; H9, R1)."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest

from mce_exchange import statement as statements
from mce_exchange.client import erasure
from mce_exchange.client.facade import Hotline
from mce_exchange.client.relay import Outcome
from mce_exchange.errors import RefusedError, TransportError, UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline.follow import Batch
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.settings import BEHIND
from mce_exchange.v1 import statement_pb2
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door, MemoryRelay
from tests.node.test_backup import backup, restore
from tests.node.test_exchange import SOON, accepted, first, followed, send, settled
from tests.node.test_hostile import alarm
from tests.node.test_order import kinds, ready
from tests.node.test_questions import asked


class Unreached(Door):
    """The network is down."""

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        raise TransportError("no network")

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        await self.checkpoint()
        async for batch in super().receive(from_index):
            yield batch


class Late(Door):
    """The relay answers, and the log does not come: a checkpoint alone is nothing followed."""

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        await asyncio.Event().wait()
        async for batch in super().receive(from_index):
            yield batch


def backed_up(world: World, member: str) -> Path:
    home = world.home(member)
    file = backup(home, world.folder / f"{member}.backup")
    home.close()
    return file


def restored(world: World, member: str) -> None:
    """The disk is lost; the backup is not."""
    shutil.rmtree(world.folder / member)
    restore(world.folder / f"{member}.backup", world.folder / member).close()


def texts(hotline: Hotline, kind: Alarm = Alarm.KEY_CHANGE) -> list[str]:
    return [one.text for one in hotline.node.home.alarms.all() if one.kind is kind]


async def until_prekey(hotline: Hotline, member: str, epoch: int) -> bytes:
    async with asyncio.timeout(SOON):
        while (found := hotline.node.follower.state.prekey(member)) is None or found.epoch < epoch:
            await asyncio.sleep(0.02)
    return found.id


def prekeys_of(world: World, member: str) -> int:
    decoded = [statements.decode(one.statement) for one in world.relay.held]
    bodies = [statements.BODIES[one.type].FromString(one.body) for one in decoded if one.type == "prekey"]
    return [getattr(one, "member", "") for one in bodies].count(member)


async def lost(world: World) -> list[str]:
    """`be` is backed up, sends two messages, has an answer to the first; then its disk is lost. Their ids."""
    async with world.open("be") as be, world.open("pt") as pt:
        await followed(be, world)
        backed_up(world, "be")
        ids = [await send(be, world) for _ in range(2)]
        await ready(pt, *ids)
        await pt.acknowledge(ids[0])
        await settled(be, ids[0])
    restored(world, "be")
    return ids


async def test_h9_a_restored_home_sends_nothing_before_it_has_followed_the_log(
    world: World, tmp_path: Path
) -> None:
    ids, photo = await lost(world), tmp_path / "photo.png"
    photo.write_bytes(bytes(range(256)))
    size = len(world.relay.held)
    for door in (Unreached(world.relay, "be"), Late(world.relay, "be")):
        async with world.open("be", door) as be:
            be._catch_up_seconds = 0.3
            for attachments in ([], [photo]):
                with pytest.raises(UsageError, match="followed the log") as caught:
                    await be.send(SCENARIO.update(), to=["pt", "es"], attachments=[*attachments])
                assert "telephone pt: +000000000, es: +000000000" in caught.value.remedy
            await be.node.run_home(be.node.upkeep.run)
            assert be.node.home.numbers.next("pt") == (1, b"")
            assert be.node.home.publishing.empty()
    # Nor does it let anything out, a prekey least of all: its chain may have gone on.
    assert len(world.relay.held) == size

    async with world.open("be") as be, world.open("pt") as pt:
        third = await be.send(SCENARIO.update(), to=["pt"])
        await ready(pt, ids[1], third)
        assert pt.node.home.numbers.id_of("be", 3) == bytes.fromhex(third)
        assert not kinds(pt) & {Alarm.FORK, Alarm.NUMBER_USED, Alarm.GAP}
        assert be.node.home.settings.find(BEHIND) is None
        # What the lost home sent is known, with its answers: those that came, and those that will come.
        states = [(one.state, one.deliveries[0].status) for one in [await be.sent(id_) for id_ in ids]]
        assert states == [("elsewhere", "delivered"), ("elsewhere", "waiting")]
        await pt.acknowledge(ids[1])
        assert (await settled(be, ids[1])).deliveries[0].status == "delivered"
        assert len([text for text in texts(be) if "the home that this one was made from" in text]) == 2


class Ruled(Door):
    """As the real relay: a number that another message has is refused."""

    def __init__(self, relay: MemoryRelay, member: str) -> None:
        super().__init__(relay, member)
        self.follows = asyncio.Event()
        self.refused = 0

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [self._used(one) or (await super(Ruled, self).submit([one]))[0] for one in messages]

    def _used(self, message: Outgoing) -> RefusedError | None:
        numbers = [_numbers(held.statement) for held in self.relay.held if held.payload]
        if _numbers(message.statement).isdisjoint(set().union(*numbers)):
            return None
        self.refused += 1
        return RefusedError("a number is used", reason="sequence_used")

    async def receive(self, from_index: int) -> AsyncGenerator[Batch, None]:
        await self.follows.wait()
        async for batch in super().receive(from_index):
            yield batch


def _numbers(statement: bytes) -> set[tuple[str, str, int]]:
    core = read_header(statements.decode(statement)).core
    return {(core.sender, one.member, one.sequence) for one in core.recipients}


async def test_h9_an_urgent_message_waits_for_the_log_and_takes_the_next_number(
    world: World, tmp_path: Path
) -> None:
    ids, photo = await lost(world), tmp_path / "photo.png"
    photo.write_bytes(bytes(range(256)) * 3000)
    async with world.open("be", Unreached(world.relay, "be")) as be:
        be._catch_up_seconds = 0
        urgent = await be.send(SCENARIO.update(), to=["pt", "es"], attachments=[photo], urgent=True)
        assert (await be.sent(urgent)).state == "queued"
    door = Ruled(world.relay, "be")
    async with world.open("be", door) as be, world.open("pt") as pt, world.open("es") as es:
        await asyncio.sleep(0.1)
        # Durable and whole, and not even shown to the relay under a number that may be another's.
        assert ((await be.sent(urgent)).state, door.refused) == ("queued", 0)
        assert world.relay.attachments == {}
        door.follows.set()
        item = await first(es)
        await item.save(0, tmp_path / "saved.png")
        assert (tmp_path / "saved.png").read_bytes() == photo.read_bytes()
        assert (item.message, item.id == urgent) == (SCENARIO.update(), False)
        await ready(pt, *ids[1:], item.id)
        assert pt.node.home.numbers.id_of("be", 3) == bytes.fromhex(item.id)
        assert ((await be.sent(urgent)).state, door.refused) == ("failed", 0)
        assert f"goes again as {item.id}" in await alarm(be, Alarm.NOT_ACCEPTED)
        # What went again is one message: erasing the other one takes nothing from it.
        await be.node.run_home(be.node.upkeep.run)
        assert be.node.home.outbox.body(bytes.fromhex(item.id)).content
        await be.node.run_home(erasure.erase_now, be.node.home, urgent, int(world.clock.now))
        assert len(be.node.home.attachments.roots()) == 1
        # The number to `es` was nobody else's: it is void, and no gap.
        await be.idle()
        await followed(es, world)
        assert es.node.home.numbers.id_of("be", 1)
        for hotline in (pt, es):
            world.clock.now += 601
            await hotline.node.run_home(hotline.node.upkeep.run)
            assert not kinds(hotline) & {Alarm.FORK, Alarm.NUMBER_USED, Alarm.GAP}


async def test_h9_an_urgent_message_whose_number_is_free_goes_as_it_is(world: World) -> None:
    async with world.open("be") as be:
        await followed(be, world)
    backed_up(world, "be")
    restored(world, "be")
    async with world.open("be", Unreached(world.relay, "be")) as be:
        be._catch_up_seconds = 0
        urgent = await be.send(SCENARIO.update(), to=["pt"], urgent=True)
    async with world.open("be") as be, world.open("pt") as pt:
        assert (await first(pt)).id == urgent
        await accepted(be, urgent)


async def test_h9_a_home_that_was_rolled_back_unseen_learns_it_by_a_number_and_sends_again(
    world: World,
) -> None:
    async with world.open("be") as be:
        await followed(be, world)
    before = (world.folder / "be/home.db").read_bytes()
    async with world.open("be") as be, world.open("pt") as pt:
        old = await send(be, world)
        await ready(pt, old)
    # A snapshot of the whole machine: the lock's file is the one that it was.
    for name in ("home.db-wal", "home.db-shm"):
        (world.folder / "be" / name).unlink(missing_ok=True)
    (world.folder / "be/home.db").write_bytes(before)
    door = Ruled(world.relay, "be")
    async with world.open("be", door) as be, world.open("pt") as pt:
        be._catch_up_seconds = 0
        id_ = await be.send(SCENARIO.update(), to=["pt"])
        async with asyncio.timeout(SOON):
            while not door.refused:
                await asyncio.sleep(0.02)
        assert be.node.home.settings.find(BEHIND) == b"sequence_used"
        door.follows.set()
        assert "goes again as" in await alarm(be, Alarm.NOT_ACCEPTED)
        async with asyncio.timeout(SOON):
            while pt.node.home.inbox.count("ready") < 2:
                await asyncio.sleep(0.02)
        assert (pt.node.home.numbers.id_of("be", 1), door.refused) == (bytes.fromhex(old), 1)
        assert (await be.sent(id_)).reason == "sequence_used"
        assert not kinds(pt) & {Alarm.FORK, Alarm.NUMBER_USED, Alarm.GAP}


async def test_h9_a_number_that_only_our_own_mark_shows_is_not_used_again(world: World) -> None:
    backed_up(world, "be")
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await ready(pt, id_)
        await accepted(be, id_)
        world.clock.now += 601
        for _ in range(2):
            await be.node.run_home(be.node.upkeep.run)
            await be.idle()
            world.clock.now += 24 * 3600 + 60
    assert "high-water" in {statements.decode(one.statement).type for one in world.relay.held}
    restored(world, "be")
    # The relay hides the message from its own sender, not the mark.
    next(one for one in world.relay.held if one.payload).parties = {"pt"}
    async with world.open("be") as be:
        await send(be, world)
        assert be.node.home.numbers.next("pt")[0] == 3
        assert "names number 1 to pt" in await alarm(be, Alarm.GAP)


async def test_h9_a_copied_home_is_behind_and_a_moved_one_is_not(world: World) -> None:
    async with world.open("be") as be:
        await followed(be, world)
    home = world.home("be")
    home.notice_a_move()
    assert home.settings.find(BEHIND) is None
    home.close()
    (world.folder / "be").rename(world.folder / "elsewhere")
    (world.folder / "elsewhere").rename(world.folder / "be")
    async with world.open("be", Unreached(world.relay, "be")) as be:
        be._catch_up_seconds = 0
        await be.send(SCENARIO.update(), to=["pt"])
    shutil.copytree(world.folder / "be", world.folder / "copy")
    shutil.rmtree(world.folder / "be")
    shutil.move(world.folder / "copy", world.folder / "be")
    async with world.open("be", Unreached(world.relay, "be")) as be:
        be._catch_up_seconds = 0
        with pytest.raises(UsageError, match="followed the log"):
            await be.send(SCENARIO.update(), to=["pt"])


async def test_a_new_prekey_at_once_and_mail_in_flight_asks_a_person(world: World) -> None:
    backed_up(world, "pt")
    async with world.open("be") as be:
        in_flight = await send(be, world)
        await accepted(be, in_flight)
        restored(world, "pt")
        async with world.open("pt") as pt:
            newest = await until_prekey(be, "pt", 2)
            assert (await be.sent(in_flight)).deliveries[0].status == "refused:prekey_not_held"
            await be.answer(await asked(be, prekey=newest), yes=True)
            assert (await first(pt)).id == in_flight
            again = await send(be, world)
            await ready(pt, in_flight, again)
            assert prekeys_of(world, "pt") == 2


async def test_what_the_lost_home_had_answered_waits_for_nobody(world: World) -> None:
    backed_up(world, "pt")
    async with world.open("be") as be:
        async with world.open("pt") as pt:
            id_ = await send(be, world)
            await (await first(pt)).acknowledge()
            assert (await settled(be, id_)).deliveries[0].status == "delivered"
        restored(world, "pt")
        async with world.open("pt") as pt:
            await until_prekey(pt, "pt", 2)
            held = pt.node.home.inbox.find(bytes.fromhex(id_))
            assert held
            assert (held.state, held.readable) == ("acknowledged", False)
            await pt.idle()
        await followed(be, world)
        assert (await be.sent(id_)).deliveries[0].status == "delivered"
        assert be.node.home.questions.open() == []


async def test_r1_a_message_is_not_given_a_second_time_after_a_restore(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        before = await send(be, world)
        await (await first(pt)).acknowledge()
        await settled(be, before)
        backed_up(world, "pt")
        after = await send(be, world)
        await ready(pt, after)
    restored(world, "pt")
    replayed = [held for held in world.relay.held if held.payload]
    for held in replayed:
        world.relay.log(held)
    async with world.open("pt") as pt:
        async with asyncio.timeout(SOON):
            while len(texts(pt, Alarm.REPLAY)) < 2:
                await asyncio.sleep(0.02)
        found = {one.header_id.hex(): one.state for one in pt.node.home.inbox.each()}
        assert found == {before: "acknowledged", after: "locked"}


async def test_a_restored_home_marks_what_the_lost_one_sent(world: World) -> None:
    ids = await lost(world)
    async with world.open("be") as be, world.open("pt") as pt:
        await until_prekey(be, "be", 2)
        world.clock.now += 601
        for _ in range(2):
            await be.node.run_home(be.node.upkeep.run)
            await be.idle()
            world.clock.now += 24 * 3600 + 60
        decoded = [statements.decode(one.statement) for one in world.relay.held]
        [mark] = [statement_pb2.HighWater.FromString(d.body) for d in decoded if d.type == "high-water"]
        assert (mark.recipient, mark.sequence, mark.header_id.hex()) == ("pt", 2, ids[1])
        await followed(pt, world)
        assert not kinds(pt) & {Alarm.GAP, Alarm.FORK}


async def test_two_nodes_of_one_home_notice_each_other(world: World) -> None:
    backed_up(world, "be")
    async with world.open("be") as be:
        await followed(be, world)
        assert texts(be) == []
        restore(world.folder / "be.backup", world.folder / "standby").close()
        # Started though the first one lives.
        async with world.open("standby", world.relay.door("be")) as standby:
            newest = await until_prekey(be, "be", 2)
            assert "prekey Statement in this member's name" in await alarm(be, Alarm.KEY_CHANGE)
            assert "another node of this home that runs beside it" in await alarm(be, Alarm.KEY_CHANGE)
            # The first one answers with a prekey of its own, within a minute; so the second one knows.
            await be.node.run_home(be.node.upkeep.run)
            assert await until_prekey(standby, "be", 3) != newest
            assert "another node of this home that runs beside it" in await alarm(standby, Alarm.KEY_CHANGE)


async def test_a_relay_that_says_a_number_is_used_and_shows_nothing_under_it(world: World) -> None:
    class Strict(Door):
        """Nothing is taken."""

        async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
            return [RefusedError("used", reason="sequence_used") for _ in messages]

    async with world.open("be", Strict(world.relay, "be")) as be:
        id_ = await send(be, world)
        assert (await settled(be, id_)).state == "failed"
        assert "does not show by what" in await alarm(be, Alarm.NOT_ACCEPTED)
        # Nobody voids a number that is another's.
        await be.idle()
        assert "void" not in {statements.decode(one.statement).type for one in world.relay.held}
