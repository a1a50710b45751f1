"""Each pair's order, what fills its numbers, and what peers say of the log (SPEC 9.4; threats R1, R2, H9)."""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mce_exchange import statement as statements
from mce_exchange.client.facade import Hotline
from mce_exchange.client.relay import Outcome
from mce_exchange.errors import RefusedError, UsageError
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.follow import Batch
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.numbers import Gap, Numbers
from mce_exchange.store.outbox import Outgoing
from mce_exchange.v1 import statement_pb2
from tests.federation import RELAY_KEY
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door, Held, MemoryRelay
from tests.node.test_exchange import SOON, accepted, first, followed, send, settled
from tests.node.test_hostile import alarm

UPDATE = SCENARIO.update()
FAR = 2**61


def author(world: World, member: str) -> Author:
    key = world.federation.people[member].key
    return Author(member=member, network_id=world.federation.network_id, keys=(key,))


def kinds(hotline: Hotline) -> set[Alarm]:
    return {one.kind for one in hotline.node.home.alarms.all()}


async def ready(hotline: Hotline, *ids: str) -> None:
    async with asyncio.timeout(SOON):
        async for _ in hotline._changes():
            held = await hotline.node.run_home(hotline.node.home.inbox.ids, "ready")
            if [header_id.hex() for _, header_id in held] == list(ids):
                return


def void(world: World, sequence: int, annulled: bytes) -> Held:
    made = answers.void(author(world, "be"), recipient="pt", sequence=sequence, annulled_id=annulled)
    return Held(made.raw, {"be", "pt"})


class Refuses(Door):
    """The first message, for good unless the reason is another."""

    def __init__(self, relay: MemoryRelay, member: str, reason: str = "unknown_prekey") -> None:
        super().__init__(relay, member)
        self.reason = reason
        self.refused = b""

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        self.refused = self.refused or messages[0].header_id
        return [
            RefusedError("its prekey is gone", reason=self.reason)
            if one.header_id == self.refused
            else self.accept(one.header_id, self.relay.header(one))
            for one in messages
        ]


async def test_a_number_that_is_void_is_no_gap_and_what_follows_it_fits(world: World) -> None:
    async with world.open("be", Refuses(world.relay, "be")) as be, world.open("pt") as pt:
        failed = await send(be, world)
        assert "its prekey is gone" in await alarm(be, Alarm.NOT_ACCEPTED)
        id_ = await send(be, world)
        await ready(pt, id_)
        async with asyncio.timeout(SOON):
            while pt.node.home.numbers.id_of("be", 1) is None:
                await asyncio.sleep(0.02)
        assert (await be.sent(failed)).deliveries[0].status == "void"
        third = await send(be, world)
        await ready(pt, id_, third)
        assert kinds(pt) == set()
        assert pt.node.home.numbers.gaps(before=10**12) == []


async def test_of_header_and_void_the_first_logged_counts(world: World) -> None:
    async with world.open("be", Refuses(world.relay, "be", reason="quota")) as be:
        late = await send(be, world)
    world.relay.log(void(world, 1, bytes(32)))
    async with world.open("be") as be, world.open("pt") as pt:
        assert "used before" in await alarm(pt, Alarm.NUMBER_USED)
        assert (await settled(be, late)).deliveries[0].status == "refused:number_used"
        good = await send(be, world)
        await ready(pt, good)
        before = pt.node.home.numbers.id_of("be", 2)
        world.relay.log(void(world, 2, bytes.fromhex(good)))
        await followed(pt, world)
        assert pt.node.home.numbers.id_of("be", 2) == before == bytes.fromhex(good)
        assert (await first(pt)).id == good


async def test_a_jump_to_a_giant_number_costs_one_row_and_one_alarm(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        await followed(be, world)
        home = be.node.home
        await be.node.run_home(home.numbers.give, "pt", FAR, b"x" * 32)
        id_ = await be.send(UPDATE, to=["pt"])
        assert (await first(pt)).id == id_
        world.clock.now += 601
        await pt.node.run_home(pt.node.upkeep.run)
        assert f"numbers 1 to {FAR} of be have not come" in await alarm(pt, Alarm.GAP)
        assert pt.node.home.database.value("SELECT count(*) FROM gap") == 1


def test_gaps_are_ranges_that_fill_from_within(world: World) -> None:
    home = world.home("pt")
    numbers = Numbers(home.database)
    numbers.use("be", 10, b"j" * 32, now=100)
    for sequence in (5, 1, 9, 2):
        numbers.use("be", sequence, bytes([sequence]) * 32, now=200)
    assert numbers.gaps(before=99) == []
    assert numbers.gaps(before=100) == [Gap(peer="be", first=3, last=4), Gap(peer="be", first=6, last=8)]
    assert numbers.gaps(before=10**9) == []
    for sequence in (3, 4, 7, 6, 8):
        numbers.use("be", sequence, bytes([sequence]) * 32, now=300)
    assert home.database.value("SELECT count(*) FROM gap") == 0
    numbers.use("be", 12, b"l" * 32, now=400)
    assert numbers.gaps(before=400) == [Gap(peer="be", first=11, last=11)]
    home.close()


def high_water(world: World, sequence: int, header_id: bytes, root: bytes) -> Held:
    made = answers.high_water(
        author(world, "be"),
        recipient="pt",
        sequence=sequence,
        header_id=header_id,
        log_size=3,
        log_root=root,
    )
    return Held(made.raw, {"be", "pt"})


async def test_a_high_water_mark_tells_of_what_never_came_and_of_another_log(world: World) -> None:
    root = world.federation.tree.root(3)
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await ready(pt, id_)
        world.relay.log(high_water(world, 1, bytes.fromhex(id_), root))
        await followed(pt, world)
        assert kinds(pt) == set()
        world.relay.log(high_water(world, 2, bytes(32), root))
        assert "number 2, which has not come" in await alarm(pt, Alarm.GAP)
        world.relay.log(high_water(world, 1, b"o" * 32, root))
        assert "another message for number 1" in await alarm(pt, Alarm.FORK)
        world.relay.log(high_water(world, 1, bytes.fromhex(id_), bytes(32)))
        async with asyncio.timeout(SOON):
            async for raised in pt.alarms():
                if "another log of 3 entries" in raised.text:
                    break


async def test_a_daily_mark_is_logged_for_each_pair_that_was_active(world: World) -> None:
    def marks() -> list[statement_pb2.HighWater]:
        decoded = [statements.decode(one.statement) for one in world.relay.held]
        return [statement_pb2.HighWater.FromString(d.body) for d in decoded if d.type == "high-water"]

    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await accepted(be, id_)
        world.clock.now += 601
        for day in range(4):
            await be.node.run_home(be.node.upkeep.run)
            await be.idle()
            assert len(marks()) == day
            world.clock.now += 24 * 3600 + 60
        assert {(one.recipient, one.sequence, one.header_id.hex()) for one in marks()} == {("pt", 1, id_)}
        world.clock.now += 30 * 24 * 3600
        await be.node.run_home(be.node.upkeep.run)
        await be.idle()
        assert len(marks()) == 3
        await followed(pt, world)
        assert not kinds(pt) & {Alarm.GAP, Alarm.FORK, Alarm.INVALID_MESSAGE}


class Withholds(Door):
    """Hands out other bytes than were signed."""

    what = ""

    def batch(self, first: int) -> Batch:
        found = super().batch(first)
        given = []
        for one in found.statements:
            changed = bytes([*one.payload[:-1], one.payload[-1] ^ 1]) if one.payload else b""
            nothing = replace(one, wrap=b"", payload=b"")
            given.append(nothing if self.what == "nothing" else replace(one, payload=changed))
        return replace(found, statements=tuple(given))


@pytest.mark.parametrize("what", ["nothing", "other bytes"])
async def test_content_that_the_relay_withholds_or_changes_is_not_laid_upon_the_sender(
    world: World, what: str
) -> None:
    door = Withholds(world.relay, "pt")
    door.what = what
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        async with world.open("pt", door) as pt:
            assert "telephone them" in await alarm(pt, Alarm.UNDELIVERABLE)
            await followed(pt, world)
            await pt.idle()
            assert (await be.sent(id_)).deliveries[0].status == "waiting"
            assert pt.node.home.inbox.count("missing") == 1
            # A person ends it, and the sender learns.
            await pt.refuse(id_)
            assert (await settled(be, id_)).deliveries[0].status == "refused:by_person"


def undeliverable(world: World, id_: str, recipient: str) -> Held:
    body = statement_pb2.Undeliverable(
        signers=[RELAY_KEY.public.id],
        header_id=bytes.fromhex(id_),
        recipient=recipient,
        code=statement_pb2.UNDELIVERABLE_CODE_MAILBOX_FULL,
    )
    made = world.federation.sign("undeliverable", body.SerializeToString(deterministic=True), RELAY_KEY)
    return Held(made.raw, {"be", recipient})


async def test_undeliverable_is_told_on_both_sides(world: World) -> None:
    async with world.open("be") as be, world.open("pt", Withholds(world.relay, "pt")) as pt:
        pt.node._relay.what = "nothing"  # type: ignore[attr-defined]  # the door above
        id_ = await send(be, world)
        world.relay.log(undeliverable(world, id_, "pt"))
        assert (await settled(be, id_)).deliveries[0].status == "undeliverable:mailbox full"
        assert "pt was not served: mailbox full" in await alarm(be, Alarm.UNDELIVERABLE)
        await followed(pt, world)
        texts = [one.text for one in pt.node.home.alarms.all()]
        assert any("was not served" in text for text in texts)


def overdue(world: World, id_: str) -> Held:
    body = statement_pb2.Overdue(
        signers=[RELAY_KEY.public.id],
        header_id=bytes.fromhex(id_),
        recipient="pt",
        anchor=world.federation.anchor(),
    )
    made = world.federation.sign("overdue", body.SerializeToString(deterministic=True), RELAY_KEY)
    return Held(made.raw, {"be", "pt"})


async def test_overdue_is_told_and_an_earlier_answer_refutes_it(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        world.relay.log(overdue(world, id_))
        assert "at its deadline: telephone" in await alarm(be, Alarm.OVERDUE)
        async with world.open("pt") as pt:
            await (await first(pt)).acknowledge()
            await settled(be, id_)
            world.relay.log(overdue(world, id_))
            assert "whose answer is entry" in await alarm(be, Alarm.INVALID_MESSAGE)


async def test_an_answer_after_the_final_one_and_one_for_another_index_change_nothing(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        item = await first(pt)
        index = (await be.sent(id_)).log_index or 0
        about = answers.About(header_id=bytes.fromhex(item.id), index=index, position=0)
        elsewhere = replace(about, index=index + 40)
        made = answers.refused(author(world, "pt"), elsewhere, Refusal.PREKEY_NOT_HELD)
        world.relay.log(Held(made.raw, {"be", "pt"}))
        await item.acknowledge()
        await settled(be, id_)
        # A thief of pt's signing key, or a relay in league with it, asks for another wrap.
        made = answers.refused(author(world, "pt"), about, Refusal.PREKEY_NOT_HELD)
        world.relay.log(Held(made.raw, {"be", "pt"}))
        await followed(be, world)
        await be.idle()
        assert (await be.sent(id_)).deliveries[0].status == "delivered"
        assert not [one for one in world.relay.held if statements.decode(one.statement).type == "re-wrap"]
        assert kinds(be) == set()


async def test_the_log_itself_says_that_a_message_is_accepted(world: World) -> None:
    class Mute(Door):
        """Logs, and never answers."""

        async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
            await super().submit(messages)
            await asyncio.Event().wait()
            return []

    async with world.open("be", Mute(world.relay, "be")) as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await accepted(be, id_)
        await (await first(pt)).acknowledge()
        assert (await settled(be, id_)).deliveries[0].status == "delivered"


async def test_h9_a_restored_home_takes_its_numbers_from_the_log(world: World) -> None:
    shutil.copytree(world.folder / "be", world.folder / "backup")
    async with world.open("be") as be, world.open("pt") as pt:
        ids = [await send(be, world) for _ in range(2)]
        await ready(pt, *ids)
        await pt.acknowledge(ids[0])
        to_be = await send(pt, world, "be")
        await (await first(be)).acknowledge()
        await settled(pt, to_be)
    shutil.rmtree(world.folder / "be")
    shutil.move(world.folder / "backup", world.folder / "be")
    async with world.open("be") as be, world.open("pt") as pt:
        third = await send(be, world)
        assert "does not know" in await alarm(be, Alarm.KEY_CHANGE)
        await ready(pt, ids[1], third)
        assert pt.node.home.numbers.id_of("be", 3) == bytes.fromhex(third)
        assert not kinds(pt) & {Alarm.FORK, Alarm.NUMBER_USED, Alarm.GAP}
        # What came and was not final for the old home is given again; nothing is lost.
        assert (await first(be)).id == to_be


async def test_a_person_is_answered_for_what_cannot_be(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        item = await first(pt)
        with pytest.raises(UsageError, match="at least one"):
            await pt.acknowledge()
        with pytest.raises(UsageError, match="final"):
            await pt.refuse(id_, Refusal.PREKEY_NOT_HELD)
        # Named twice, answered once: the relay would refuse the Statement for ever.
        await pt.acknowledge(item.id, item.id)
        assert (await settled(be, id_)).deliveries[0].status == "delivered"
        [made] = [one for one in world.relay.held if statements.decode(one.statement).type == "delivered"]
        assert len(statement_pb2.Delivered.FromString(statements.decode(made.statement).body).items) == 1


async def test_no_sender_reads_of_anothers_messages_in_an_acknowledgement(world: World) -> None:
    async with world.open("be") as be, world.open("es") as es, world.open("pt") as pt:
        ids = [await send(be, world), await send(es, world), await send(be, world)]
        await ready(pt, *ids)
        await pt.acknowledge(*ids)
        for sender, id_ in zip((be, es, be), ids, strict=True):
            assert (await settled(sender, id_)).deliveries[0].status == "delivered"
        made = [statements.decode(one.statement) for one in world.relay.held]
        bodies = [statement_pb2.Delivered.FromString(one.body) for one in made if one.type == "delivered"]
        named = {frozenset(item.header_id.hex() for item in body.items) for body in bodies}
        assert named == {frozenset((ids[0], ids[2])), frozenset((ids[1],))}
