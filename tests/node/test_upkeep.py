"""What a node does by itself: receipts and anchors against the log, prekeys in time, silence told."""

import asyncio
from collections.abc import Sequence

import pytest

from mce_exchange import statement as statements
from mce_exchange.client.facade import Hotline
from mce_exchange.client.relay import Accepted, Outcome
from mce_exchange.directory.compose import Draft, successor
from mce_exchange.errors import RefusedError, UsageError
from mce_exchange.hotline.follow import Batch
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Tree
from mce_exchange.log.receipt import Receipt
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued
from mce_exchange.v1 import statement_pb2
from tests.federation import LOG, NOW_MINUTES, ROOTS, signed
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door, Held
from tests.node.test_exchange import SOON, accepted, first, followed, send, settled
from tests.node.test_hostile import alarm
from tests.node.test_order import kinds

UPDATE = SCENARIO.update()
DAY = 24 * 3600


async def until(done: object) -> None:
    async with asyncio.timeout(SOON):
        while not done():  # type: ignore[operator]  # a test's function
            await asyncio.sleep(0.02)


class Anchored(Door):
    """Shows one anchor for ever, and what it shows of the log may be less than there is."""

    note: bytes = b""
    newest: bytes = b""

    async def anchor(self, min_size: int) -> bytes:
        if not self.note:
            raise RefusedError("none yet", reason="not_found")
        return self.note

    async def checkpoint(self, anchor: bytes = b"") -> bytes:
        return self.newest or await super().checkpoint()


async def test_a_receipt_under_no_anchor_is_told_after_a_day(world: World) -> None:
    door = Anchored(world.relay, "be")
    async with world.open("be", door) as be:
        await followed(be, world)
        door.note = world.federation.anchor()
        id_ = await send(be, world)
        await accepted(be, id_)
        world.clock.now += DAY - 60
        await asyncio.sleep(0.3)
        assert Alarm.NOT_ANCHORED not in kinds(be)
        world.clock.now += 120
        assert "not under any anchor after 24 h" in await alarm(be, Alarm.NOT_ANCHORED)


async def test_a_node_that_was_off_accuses_nobody_of_late_anchors(world: World) -> None:
    door = Anchored(world.relay, "be")
    async with world.open("be", door) as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        anchored = be.node.home.logbook.anchored
    world.clock.now += 5 * DAY
    async with world.open("be") as be:
        await until(lambda: be.node.home.logbook.anchored > anchored)
        await be.node.run_home(be.node.upkeep.run)
        assert not be.node.home.receipts.open(below=10**9)
        assert Alarm.NOT_ANCHORED not in kinds(be)


class Forks(Door):
    """Gives the first message a true receipt of a log that nobody else is shown."""

    lied = b""

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        return [self._one(one) for one in messages]

    def _one(self, message: Outgoing) -> Outcome:
        if self.lied:
            return self.accept(message.header_id, self.relay.header(message))
        self.lied = message.header_id
        federation = self.relay.federation
        tree = Tree(LogEntry(d.public, d.digest).leaf_hash for d in map(statements.decode, federation.raw))
        tree.append(LogEntry(False, statements.decode(message.statement).digest).leaf_hash)
        note = sign_checkpoint(Checkpoint(federation.state.directory.origin, tree.size, tree.root()), LOG[0])
        proof = tuple(tree.inclusion_proof(tree.size - 1, tree.size))
        return Accepted(Receipt(index=tree.size - 1, proof=proof, checkpoint=note), message.statement)


async def test_l1_a_receipt_of_another_log_is_a_fork_and_the_message_is_sent_again(world: World) -> None:
    async with world.open("be", Forks(world.relay, "be")) as be, world.open("pt") as pt:
        lied = await send(be, world)
        await accepted(be, lied)
        assert (await be.sent(lied)).log_index == 4
        # The log grows past the size that the receipt speaks of, with something else.
        await send(pt, world, "be")
        async with asyncio.timeout(SOON):
            async for raised in be.alarms():
                if raised.kind is Alarm.FORK:
                    break
        assert "a receipt for entry 4" in raised.text
        # Both notes are kept: together they prove it.
        assert len(raised.notes) == 2
        assert all(note.startswith(b"mce1/") for note in raised.notes)
        assert (await first(pt)).id == lied
        await accepted(be, lied)
        assert (await be.sent(lied)).log_index != 4


async def test_an_older_anchor_or_checkpoint_than_before_is_a_log_rolled_back(world: World) -> None:
    door = Anchored(world.relay, "be")
    async with world.open("be", door) as be:
        await followed(be, world)
        older, checkpoint = world.federation.anchor(), world.federation.signed_checkpoint()
        await accepted(be, await send(be, world))
        door.note = world.federation.anchor()
        await until(lambda: be.node.home.logbook.anchored == world.federation.tree.size)
        door.note = older
        assert "showed a longer one" in await alarm(be, Alarm.LOG_ROLLED_BACK)
        assert be.node.home.logbook.anchored == world.federation.tree.size
        door.note, door.newest = b"", checkpoint
        await until(lambda: sum(a.kind is Alarm.LOG_ROLLED_BACK for a in be.node.home.alarms.all()) == 1)


async def test_a_log_that_leaves_a_checkpoint_seen_before_is_a_fork_with_both_notes(world: World) -> None:
    federation = world.federation

    class Ahead(Door):
        """Shows, once, a checkpoint ahead of its entries that the log then never reaches."""

        def batch(self, first: int) -> Batch:
            found = super().batch(first)
            if first or self.last > 10**6:
                return found
            tree = Tree(
                LogEntry(d.public, d.digest).leaf_hash for d in map(statements.decode, federation.raw)
            )
            tree.append(bytes(32))
            end = len(found.entries) // 34
            note = sign_checkpoint(
                Checkpoint(federation.state.directory.origin, tree.size, tree.root()), LOG[0]
            )
            return Batch(
                first_index=0,
                entries=found.entries,
                statements=found.statements,
                checkpoint=note,
                consistency=tuple(tree.consistency_proof(end, tree.size)),
            )

    door = Ahead(world.relay, "be")
    door.last = len(world.relay.held)
    async with world.open("be", door) as be, world.open("pt") as pt:
        await until(lambda: be.node.follower.size == door.last)
        await send(pt, world, "be")
        door.last = 10**9
        world.relay.wake()
        async with asyncio.timeout(SOON):
            async for raised in be.alarms():
                if raised.kind is Alarm.FORK:
                    break
        assert len(raised.notes) == 2
        assert not be.node.home.inbox.ids("ready")


def _prekeys(world: World, member: str) -> int:
    return len(world.federation.state.prekeys.get(member, ()))


async def _day(hotline: Hotline, world: World, days: float) -> None:
    world.clock.now += days * DAY
    hotline.node.upkeep._next_prekey = 0
    await hotline.node.run_home(hotline.node.upkeep.run)
    await hotline.idle()


async def test_prekeys_rotate_and_old_halves_are_destroyed_after_seven_days(world: World) -> None:
    async with world.open("pt") as pt, world.open("be") as be:
        await followed(pt, world)
        secrets = pt.node.home.secrets

        def halves() -> int:
            return len(secrets.names("prekey/"))

        await _day(pt, world, 5)
        assert (_prekeys(world, "pt"), halves()) == (1, 1)
        await _day(pt, world, 1.1)
        assert (_prekeys(world, "pt"), halves()) == (2, 2)
        # A message to the old one that comes late, but in time, still opens.
        stale = be.node.follower.state
        await _day(pt, world, 6)
        assert halves() == 3
        be.node.dispatch._state = lambda: stale
        id_ = await be.send(UPDATE, to=["pt"])
        assert (await first(pt)).id == id_
        await _day(pt, world, 1.5)
        assert halves() == 2
        await _day(pt, world, 8)
        assert halves() <= 2


async def test_a_message_that_stays_locked_keeps_old_halves_for_seven_days_only(world: World) -> None:
    async with world.open("pt") as pt:
        await followed(pt, world)
        home = pt.node.home
        with home.database.write():
            home.inbox.put(
                header_id=bytes(32),
                sender="es",
                state="locked",
                statement=b"",
                payload=b"",
                body=None,
                log_index=1,
                at=int(world.clock.now),
            )
        await _day(pt, world, 6.1)
        assert len(home.secrets.names("prekey/")) == 2
        await _day(pt, world, 0.8)
        await _day(pt, world, 7)
        await _day(pt, world, 0.1)
        old = world.federation.state.prekeys["pt"][0]
        assert f"prekey/{old.id.hex()}" not in home.secrets.names("prekey/")


async def test_a_prekey_that_the_relay_refuses_is_not_made_anew_every_minute(world: World) -> None:
    class NoPrekeys(Door):
        asked = 0

        async def publish(self, queued: Sequence[Queued]) -> list[Outcome]:
            self.asked += len(queued)
            return [RefusedError("not by this key", reason="bad_signature") for _ in queued]

    door = NoPrekeys(world.relay, "pt")
    world.clock.now += 7 * DAY
    async with world.open("pt", door) as pt:
        await followed(pt, world)
        for _ in range(30):
            await pt.node.run_home(pt.node.upkeep.run)
            world.clock.now += 60
        assert "not by this key" in await alarm(pt, Alarm.NOT_ACCEPTED)
        assert door.asked == 1
        world.clock.now += 3600
        await pt.node.run_home(pt.node.upkeep.run)
        await until(lambda: door.asked == 2)
        refused = [one for one in pt.node.home.alarms.all() if one.kind is Alarm.NOT_ACCEPTED]
        assert len(refused) == 1
        # The half of what nobody will ever wrap to is gone, the living one stays.
        await pt.node.run_home(pt.node.upkeep.run)
        assert len(pt.node.home.secrets.names("prekey/")) == 1


async def test_a_peer_that_wrote_lately_and_says_nothing_for_a_day_is_told_of_once(world: World) -> None:
    federation = world.federation

    class Clocked(Door):
        async def anchor(self, min_size: int) -> bytes:
            return federation.anchor(int(world.clock.now))

    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
    async with world.open("pt", Clocked(world.relay, "pt")) as pt:
        await (await first(pt)).acknowledge()
        logbook = pt.node.home.logbook
        for hours in (1, 24):
            world.clock.now += hours * 3600
            await until(lambda: logbook.anchor_time == int(world.clock.now))
            await pt.node.run_home(pt.node.upkeep.run)
            assert Alarm.SILENT not in kinds(pt)
        world.clock.now += 2 * 3600
        await until(lambda: logbook.anchor_time == int(world.clock.now))
        await pt.node.run_home(pt.node.upkeep.run)
        assert "nothing of be for more than a day" in await alarm(pt, Alarm.SILENT)
        await pt.node.run_home(pt.node.upkeep.run)
        assert sum(one.kind is Alarm.SILENT for one in pt.node.home.alarms.all()) == 1
    # Off for a week: the log that it then follows says nothing about that week's silence.
    async with world.open("es", Clocked(world.relay, "es")) as es:
        await followed(es, world)
        world.clock.now += 7 * DAY
        await asyncio.sleep(0.3)
        await es.node.run_home(es.node.upkeep.run)
        assert Alarm.SILENT not in kinds(es)


async def test_a_message_that_waits_for_the_relay_is_told_of_an_urgent_one_sooner(world: World) -> None:
    class Full(Door):
        async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
            return [RefusedError("too much today", reason="quota") for _ in messages]

    async with world.open("be", Full(world.relay, "be")) as be:
        plain = await send(be, world)
        urgent = await send(be, world, urgent=True)

        def told() -> set[str]:
            return {one.about for one in be.node.home.alarms.all() if one.kind is Alarm.NOT_SENT}

        for seconds, expected in ((599, set()), (2, {urgent}), (3000, {urgent, plain})):
            world.clock.now += seconds
            await be.node.run_home(be.node.upkeep.run)
            assert told() == expected
        # A command that waits for everything to be sent says what is in the way.
        with pytest.raises(RefusedError, match="too much today"):
            await be.idle(patience_seconds=0.2)


def _suspend(world: World, member: str) -> None:
    body = statement_pb2.Suspension(
        signers=[ROOTS[0].public.id],
        member=member,
        anchor=world.federation.anchor(),
        reason=statement_pb2.SUSPENSION_REASON_MISUSE,
    )
    raw = world.federation.sign("suspension", body.SerializeToString(deterministic=True), ROOTS[0]).raw
    world.relay.log(Held(raw, None))


async def test_a_suspended_member_keeps_what_it_would_send_until_it_is_lifted(world: World) -> None:
    federation = world.federation
    async with world.open("be") as be, world.open("pt") as pt:
        await followed(be, world)
        from_pt = await send(pt, world, "be")
        assert (await first(be)).id == from_pt
        _suspend(world, "be")
        assert "suspension" in await alarm(be, Alarm.KEY_CHANGE)
        await followed(pt, world)
        with pytest.raises(UsageError, match="takes no part"):
            await pt.send(UPDATE, to=["be"])
        size = federation.tree.size
        await be.acknowledge(from_pt)
        id_ = await be.send(UPDATE, to=["pt"])
        await asyncio.sleep(0.3)
        assert federation.tree.size == size
        draft = Draft.of(federation.state.directory)
        lifted = federation.state.suspended["be"].id
        draft = Draft(**{**vars(draft), "lifted_suspensions": (lifted,)})
        bundle = successor(draft, current=federation.state.directory, now_minutes=NOW_MINUTES)
        bundle = signed(bundle, ROOTS[:2], network_id=federation.network_id)
        world.relay.log(Held(bundle.statement, None, members=bundle.members))
        await accepted(be, id_)
        assert (await settled(pt, from_pt)).deliveries[0].status == "delivered"


def test_anchors_kept_are_few(world: World) -> None:
    home = world.home("be")
    with home.database.write():
        for minute in range(0, 4 * 24 * 60, 2):
            home.logbook.put_anchor(minute + 1, minute * 60, b"note")
    rows = home.database.rows("SELECT size, time FROM anchor ORDER BY size")
    assert len(rows) < 48 * 6 + 3
    assert rows[-1] == (4 * 24 * 60 - 1, (4 * 24 * 60 - 2) * 60)
    assert home.logbook.below_anchor_of(rows[-1][1] - 26 * 3600) >= rows[-1][0] - 26 * 60 - 12
    home.close()
