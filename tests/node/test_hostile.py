"""A hostile relay: nothing false is believed, nothing missing stays silent (threats R1 to R6, D1, L1)."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from mce_exchange import statement
from mce_exchange.client.facade import Hotline
from mce_exchange.client.relay import Accepted, Outcome
from mce_exchange.directory.compose import Draft, new_key, successor
from mce_exchange.hotline.follow import Batch
from mce_exchange.keys import PrivateKey
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.primitives.kem import KemKey
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Outgoing
from mce_exchange.v1 import statement_pb2
from tests.federation import LOG, NOW_MINUTES, ROOTS, signed
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door, Held
from tests.node.test_exchange import SOON, accepted, first, followed, send, settled


async def alarm(hotline: Hotline, *kinds: Alarm) -> str:
    """The text of the first alarm of one of these kinds."""
    async with asyncio.timeout(SOON):
        async for raised in hotline.alarms():
            if raised.kind in kinds:
                return raised.text
    raise AssertionError("the alarms ended")


def quiet(hotline: Hotline) -> bool:
    return not hotline.node.home.alarms.all()


async def test_r1_the_same_message_again_is_no_second_message(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        await send(be, world)
        await (await first(pt)).acknowledge()
        header = next(held for held in world.relay.held if held.payload)
        world.relay.log(header)
        assert "came again" in await alarm(pt, Alarm.REPLAY)
        assert len(list(pt.node.home.inbox.each())) == 1
        # After a restart it is still known.
        world.relay.log(header)
    async with world.open("pt") as pt:
        await followed(pt, world)
        assert len(list(pt.node.home.inbox.each())) == 1


async def test_r2_a_dropped_message_is_a_gap_that_alarms_and_holds_nothing_back(world: World) -> None:
    class Dropping(Door):
        """Says that it logged the first message, and logs it for nobody to see."""

        def accept(self, id_: bytes, held: Held) -> Outcome:
            if held.payload and not any(one.payload for one in self.relay.held):
                held = replace(held, parties=set())
            return super().accept(id_, held)

    async with world.open("be", Dropping(world.relay, "be")) as be, world.open("pt") as pt:
        await send(be, world)
        second = await send(be, world)
        assert (await first(pt)).id == second
        assert not pt.node.home.numbers.gaps(before=int(world.clock()) - 600)
        world.clock.now += 601
        await pt.node.run_home(pt.node.upkeep.run)
        assert "number 1 of be has not come" in await alarm(pt, Alarm.GAP)


class Tampering(Door):
    """Changes each batch on its way."""

    def __init__(self, world: World, member: str, change: object) -> None:
        super().__init__(world.relay, member)
        self.change = change

    def batch(self, first: int) -> Batch:
        return self.change(super().batch(first))  # type: ignore[operator, no-any-return]  # a test's function


def _entry_exchanged(batch: Batch) -> Batch:
    return replace(batch, entries=batch.entries[:-1] + b"\0")


def _entry_missing(batch: Batch) -> Batch:
    return replace(batch, entries=batch.entries[:-34], statements=batch.statements[:-1])


def _bytes_exchanged(batch: Batch) -> Batch:
    last = batch.statements[-1]
    return replace(batch, statements=(*batch.statements[:-1], replace(last, statement=last.statement[:-1])))


def _public_withheld(batch: Batch) -> Batch:
    return replace(batch, statements=batch.statements[:-1])


def _other_root(batch: Batch) -> Batch:
    text = batch.checkpoint.decode().split("\n")
    forged = Checkpoint(text[0], int(text[1]), bytes(32))
    return replace(batch, checkpoint=sign_checkpoint(forged, LOG[0]))


@pytest.mark.parametrize(
    "change", [_entry_exchanged, _entry_missing, _bytes_exchanged, _public_withheld, _other_root]
)
async def test_r2_a_log_that_does_not_fit_its_checkpoint_is_not_taken(world: World, change: object) -> None:
    async with world.open("be", Tampering(world, "be", change)) as be:
        await alarm(be, Alarm.INVALID_ENTRY)
        assert be.node.follower.size == 0
        assert be.node.home.logbook.size == 0
    # Nothing stored was touched: with a true log the same home goes on.
    async with world.open("be") as be:
        await followed(be, world)


async def test_l1_a_second_view_of_the_same_size_is_a_fork(world: World) -> None:
    class Forked(Door):
        async def anchor(self, min_size: int) -> bytes:
            federation = world.federation
            real = federation.tree.root
            federation.tree.root = lambda size=None: bytes(32)  # type: ignore[method-assign]  # a lying relay
            try:
                return federation.anchor()
            finally:
                federation.tree.root = real  # type: ignore[method-assign]  # the truth again

    async with world.open("be", Forked(world.relay, "be")) as be:
        assert "is not the log that it sent us" in await alarm(be, Alarm.FORK)


class Receipts(Door):
    """Answers without logging, or for another entry."""

    def __init__(self, world: World, change: object) -> None:
        super().__init__(world.relay, "be")
        self.change = change

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [self.change(self, one) for one in messages]  # type: ignore[operator]  # a test's function


def _not_logged(door: Receipts, message: Outgoing) -> Outcome:
    return Accepted(door.relay.receipt(1), message.statement)


def _another_statement(door: Receipts, message: Outgoing) -> Outcome:
    return Accepted(door.relay.receipt(1), door.relay.held[1].statement)


def _no_proof(door: Receipts, message: Outgoing) -> Outcome:
    index = door.relay.known.get(message.header_id) or door.relay.log(door.relay.header(message))
    return Accepted(replace(door.relay.receipt(index), proof=()), message.statement)


@pytest.mark.parametrize("change", [_not_logged, _another_statement, _no_proof])
async def test_r5_a_receipt_that_proves_nothing_is_not_believed(world: World, change: object) -> None:
    door = Receipts(world, change)
    # The log itself would show what was logged all the same: it is stopped short.
    door.last = len(world.relay.held)
    async with world.open("be", door) as be:
        id_ = await send(be, world)
        async with asyncio.timeout(SOON):
            while be.node.trouble is None:
                await asyncio.sleep(0.02)
        assert (await be.sent(id_)).state == "queued"


async def test_r5_the_relay_cannot_make_a_hotlines_acknowledgement(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        index = next(i for i, held in enumerate(world.relay.held) if held.payload)
        es = world.federation.people["es"].key
        body = statement_pb2.Delivered(signers=[es.public.id], member="es")
        body.items.add(header_id=bytes.fromhex(id_), index=index)
        forged = world.federation.sign("delivered", body.SerializeToString(), es)
        world.relay.log(Held(forged.raw, {"be"}))
        assert "es answers for pt" in await alarm(be, Alarm.INVALID_MESSAGE)
        assert [one.status for one in (await be.sent(id_)).deliveries] == ["waiting"]


async def test_d1_a_key_below_the_threshold_is_never_used(world: World) -> None:
    thief = PrivateKey.from_seed(b"T" * 64)
    directory = world.federation.state.directory
    pt = directory.member("pt")
    members = [
        directory.member("be"),
        directory.member("es"),
        replace(pt, keys=(*pt.keys, new_key(thief.public))),
    ]
    bundle = successor(
        replace(Draft.of(directory), members=members), current=directory, now_minutes=NOW_MINUTES
    )
    below = signed(bundle, ROOTS[:1], network_id=world.federation.network_id)
    # The operator logs it all the same.
    state = world.federation.state
    world.federation.publish = lambda raw, members=(): world.federation.log(raw)  # type: ignore[method-assign]
    world.relay.log(Held(below.statement, None, members=below.members))
    world.federation.state = state.skipped(world.federation.tree.size)
    async with world.open("be") as be:
        assert "passed over" in await alarm(be, Alarm.INVALID_ENTRY)
        await followed(be, world)
        assert be.node.follower.state.directory.version == 1
        assert be.node.follower.size == world.federation.tree.size


async def test_d1_a_change_in_ones_own_name_alarms(world: World) -> None:
    person = world.federation.people["be"]
    before = world.federation.state.prekey("be")
    assert before
    stolen = world.federation.prekey(person, epoch=2, previous=before.id, kem=KemKey(bytes(32)))
    world.relay.log(Held(stolen, None))
    async with world.open("be") as be, world.open("pt") as pt:
        assert "this home did not make" in await alarm(be, Alarm.KEY_CHANGE)
        await followed(pt, world)
        assert quiet(pt)


async def test_d1_a_directory_that_changes_ones_own_entry_alarms(world: World) -> None:
    directory = world.federation.state.directory
    be = directory.member("be")
    members = [replace(be, phone="+999"), directory.member("es"), directory.member("pt")]
    bundle = signed(
        successor(replace(Draft.of(directory), members=members), current=directory, now_minutes=NOW_MINUTES),
        ROOTS[:2],
        network_id=world.federation.network_id,
    )
    world.relay.log(Held(bundle.statement, None, members=bundle.members))
    async with world.open("be") as hotline:
        assert "version 2 changes this member's own entry" in await alarm(hotline, Alarm.KEY_CHANGE)
        assert hotline.node.follower.state.directory.version == 2


async def test_r3_a_used_number_is_refused_and_alarmed(world: World) -> None:
    async with world.open("pt") as pt:
        async with world.open("be") as be:
            await send(be, world)
            await (await first(pt)).acknowledge()
            # Else its own header would come from the log, and with it the number.
            await followed(be, world)
        # be's home is rolled back: the same number again, with another message.
        home = world.home("be")
        with home.database.write():
            home.database.run("DELETE FROM pair")
        home.close()
        async with world.open("be") as be:
            id_ = await send(be, world)
            assert "was used before" in await alarm(pt, Alarm.NUMBER_USED)
            assert [one.status for one in (await settled(be, id_)).deliveries] == ["refused:number_used"]


async def test_a_prekey_not_held_is_mended_by_a_rewrap(world: World) -> None:
    person = world.federation.people["pt"]
    old = world.federation.state.prekey("pt")
    assert old
    newer = KemKey(b"n" * 32)
    async with world.open("be") as be:
        await followed(be, world)
        raw = world.federation.prekey(person, epoch=2, previous=old.id, kem=newer)
        # be seals to the old prekey: the newer one is logged before the message, but be has not seen it.
        stale = be.node.follower.state
        be.node.dispatch._state = lambda: stale
        world.relay.log(Held(raw, None))
        home = world.home("pt")
        with home.database.write():
            home.secrets.destroy(f"prekey/{old.id.hex()}")
            home.secrets.put_prekey(statement.decode(raw).id(world.federation.network_id), newer)
        home.close()
        id_ = await be.send(SCENARIO.update(), to=["pt"])
        be.node.dispatch._state = lambda: be.node.follower.state
        async with world.open("pt") as pt:
            item = await first(pt)
            assert (item.id, item.message) == (id_, SCENARIO.update())
            await item.acknowledge()
            assert [one.status for one in (await settled(be, id_)).deliveries][-1:] != ["waiting"]
            async with asyncio.timeout(SOON):
                while (await be.sent(id_)).deliveries[0].status != "delivered":
                    await asyncio.sleep(0.02)


async def test_without_a_key_from_before_a_person_is_asked(world: World) -> None:
    old = world.federation.state.prekey("pt")
    assert old
    async with world.open("be") as be:
        await send(be, world)
        home = world.home("pt")
        with home.database.write():
            home.secrets.destroy(f"prekey/{old.id.hex()}")
        home.close()
        async with world.open("pt") as pt:
            assert "telephone" in await alarm(be, Alarm.ASKS_A_PERSON)
            assert "prekey not held" in await alarm(pt, Alarm.NO_PREKEY)
            # The next message opens: a home without its newest private half publishes another prekey.
            async with asyncio.timeout(SOON):
                while be.node.follower.state.prekey("pt") in (None, old):
                    await asyncio.sleep(0.02)
            again = await send(be, world)
            assert (await first(pt)).id == again


async def test_an_attachment_exchanged_on_the_way_is_not_shown(world: World) -> None:
    photo = world.folder / "photo.png"
    photo.write_bytes(bytes(200_000))

    async with world.open("be") as be:
        id_ = await send(be, world, attachments=[photo])
        await accepted(be, id_)
        [(root, data)] = world.relay.attachments.items()
        world.relay.attachments[root] = data[:-1] + bytes([data[-1] ^ 1])
        async with world.open("pt") as pt:
            async with asyncio.timeout(SOON):
                while pt.node.trouble is None:
                    await asyncio.sleep(0.02)
            assert not pt.node.home.inbox.ids("ready")
            world.relay.attachments[root] = data
            item = await first(pt)
            assert item.attachments[0].size == 200_000
