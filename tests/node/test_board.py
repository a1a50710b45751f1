"""A hotline that lost everything comes back by its own board, in the open (SPEC section 8.8, threat D1)."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mce_exchange.client import board, joining, keeping
from mce_exchange.client.facade import Hotline
from mce_exchange.client.identity import GENESIS
from mce_exchange.directory import changes, orders
from mce_exchange.directory.model import Member
from mce_exchange.directory.records import decode_card, encode_card
from mce_exchange.errors import UsageError
from mce_exchange.hotline.follow import Batch
from mce_exchange.hotline.own import as_asked
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.vault import Cost
from mce_exchange.statement import Statement
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from tests.core.chronicle import BOARD, NEW, Chronicle
from tests.federation import RELAY_KEY
from tests.node.conftest import PASSPHRASE, World
from tests.node.hostile import Door, Held
from tests.node.test_exchange import SOON, accepted, first, followed, send
from tests.node.test_hostile import alarm
from tests.node.test_keys import proceed, sent_by
from tests.node.test_questions import asked


@pytest.fixture
def world(tmp_path: Path) -> World:
    """`be` has a board, of which two of three sign."""
    return World(tmp_path, Chronicle())


def new_home(world: World) -> Member:
    """A new machine after the fire: its card."""
    (world.folder / "be").rename(world.folder / "burnt")
    made = joining.new_member(member="be", name="Another name", country="BE", phone="+1", role="hotline")
    home = Home.create(world.folder / "be", PASSPHRASE, cost=Cost.INTERACTIVE)
    made.move_in(home)
    home.settings.put(settings.NETWORK_ID, world.federation.network_id)
    home.settings.put(GENESIS, world.federation.genesis.encode())
    home.close()
    return decode_card(made.card)


async def ordered(by: Hotline, card: Member, *signers: PrivateKey) -> Statement:
    """What `mce board recover` writes in the home of somebody who follows the log."""
    node = by.node
    async with asyncio.timeout(SOON):
        while not await node.run_home(node.home.logbook.anchors):
            await asyncio.sleep(0.02)
    ids = [key.public.id for key in signers]
    return await node.run_home(board.recovery, node.home, node.follower.state, card, ids)


def signed(world: World, order: Statement, *signers: PrivateKey) -> Statement:
    for key in signers:
        order = orders.sign_order(order, key, network_id=world.federation.network_id)
    return order


async def recovered(world: World, by: Hotline, card: Member) -> None:
    order = signed(world, await ordered(by, card, *BOARD[:2]), *BOARD[:2])
    await by.node.run_home(keeping.take, by.node.home, by.node.identity, by.node.follower.state, order.raw)


async def test_a_hotline_that_lost_everything_comes_back_with_its_mail(world: World) -> None:
    async with world.open("pt") as pt, world.open("es") as es:
        in_flight = await send(pt, world, "be")
        await accepted(pt, in_flight)
        card = new_home(world)
        await followed(es, world)
        await recovered(world, es, card)
        # All are told, and warned until the threshold of roots has listed the key.
        for hotline in (pt, es):
            assert "the board of be gave it a new key" in await alarm(hotline, Alarm.KEY_CHANGE)
        index = world.federation.state.recovered[card.keys[0].public.id].index
        assert any("which no Directory lists yet" in one for one in pt.warnings("be"))
        async with world.open("be") as be:
            await followed(be, world)
            # What the burnt home did is told once, and never as a theft.
            alarms = [one for one in be.node.home.alarms.all() if one.kind is Alarm.KEY_CHANGE]
            assert [one.about for one in alarms] == ["before this home", f"log {index} of be"]
            assert alarms[1].text == "the board of be gave it a new key for all that it lost"
            async with asyncio.timeout(SOON):
                while (newest := be.node.follower.state.prekey("be")) is None:
                    await asyncio.sleep(0.02)
            assert newest.signers == (card.keys[0].public.id,)
            # What was on its way opens once a person has telephoned, and not before.
            question = await asked(pt, prekey=newest.id)
            assert question.message_id == in_flight
            await pt.answer(question, yes=True)
            assert (await first(be)).id == in_flight
            assert await sent_by(world, be, pt) == card.keys[0].public.id
            # The next Directory takes the key in: that is what this home now asks for.
            proceed(world, lambda draft, version: changes.carried(world.federation.state)[0])
            async with asyncio.timeout(SOON):
                while be.node.follower.state.directory.version < 2:
                    await asyncio.sleep(0.02)
            record = be.node.follower.state.directory.member("be")
            mine = await be.node.run_home(be.node.identity.card, be.node.home)
            assert mine
            assert as_asked(mine, record, record, be.node.follower.state.revoked)
            assert mine.board_threshold == 2
            assert not [one for one in be.node.home.alarms.all() if "own entry" in one.text]
            await followed(pt, world)
            assert pt.warnings("be") == []
            assert await sent_by(world, be, pt) == card.keys[0].public.id


async def test_what_the_burnt_home_had_taken_is_told_once(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt, world.open("es") as es:
        for _ in range(2):
            id_ = await send(pt, world, "be")
            item = await first(be)
            assert item.id == id_
            await item.acknowledge()
        await be.idle()
        await be.idle()
        card = new_home(world)
        await followed(es, world)
        await recovered(world, es, card)
        await alarm(es, Alarm.KEY_CHANGE)
    for held in world.relay.held:
        held.payload = b""
    async with world.open("be") as be:
        await followed(be, world)
        alarms = [one for one in be.node.home.alarms.all() if one.kind is Alarm.UNDELIVERABLE]
        assert [one.about for one in alarms] == ["before this home"]
        states = await be.node.run_home(lambda: [one.state for one in be.node.home.inbox.each()])
        assert states == ["acknowledged", "acknowledged"]
        assert await be.node.run_home(be.node.home.outbox.count, "queued") == 0


class Slow(Door):
    """Gives the log entry by entry."""

    def batch(self, first: int) -> Batch:
        self.last = first + 1
        try:
            return super().batch(first)
        finally:
            self.last = 10**9


async def test_a_new_home_makes_no_prekey_before_it_has_seen_the_last_one(world: World) -> None:
    be = world.federation.people["be"]
    newest = world.federation.state.prekey("be")
    assert newest
    world.relay.log(Held(world.federation.prekey(be, epoch=2, previous=newest.id), None))
    card = new_home(world)
    async with world.open("es") as es:
        await recovered(world, es, card)
        await alarm(es, Alarm.KEY_CHANGE)
    async with world.open("be", Slow(world.relay, "be")) as hotline:
        async with asyncio.timeout(SOON):
            while (made := hotline.node.follower.state.prekey("be")) is None or made.epoch != 3:
                await asyncio.sleep(0.02)
        made_here = [one for one in world.relay.held if one.statement.startswith(b"\x06prekey")]
        # One each of the three members, the second of the burnt home, and this one.
        assert len(made_here) == 5


async def test_d1_a_recovery_in_the_name_of_one_who_lost_nothing_alarms_it(world: World) -> None:
    async with world.open("be") as be, world.open("es") as es:
        await followed(es, world)
        thief = new_card()
        await recovered(world, es, thief)
        text = await alarm(be, Alarm.KEY_CHANGE)
        assert "this home does not hold: if it lost nothing" in text
        home = be.node.home
        assert await be.node.run_home(home.settings.find, settings.CARD) is None


def new_card() -> Member:
    made = joining.new_member(member="be", name="Be", country="BE", phone="+1", role="hotline")
    return decode_card(made.card)


async def test_d1_nobody_writes_or_signs_an_order_that_would_not_hold(world: World) -> None:
    card = new_card()
    async with world.open("es") as es:
        await followed(es, world)
        for wrong, signers, why in (
            (card, BOARD[:1], "1 of the board, and 2 must sign"),
            (card, [BOARD[0], NEW], "not of the board"),
            (card, [BOARD[0], BOARD[0]], "stands twice"),
            (with_(card, id="pt"), [], "no number of them"),
            (with_(card, id="fr"), BOARD[:2], "no member"),
            (with_(card, keys=(*card.keys, *card.keys)), BOARD[:2], "not the card of a new home"),
            (with_(card, certificates=()), BOARD[:2], "not the card of a new home"),
            (world.federation.people["be"].record, BOARD[:2], "not the card of a new home"),
            (with_(card, keys=world.federation.people["be"].record.keys[:1]), BOARD[:2], "known already"),
        ):
            with pytest.raises(UsageError, match=why):
                await ordered(es, wrong, *signers)
        # Nobody signs for another card than the one that was compared.
        order = await ordered(es, card, *BOARD[1:])
        _, body = board.read(order.raw)
        board.check_card(body, card)
        for other in (new_card(), with_(card, certificates=new_card().certificates), with_(card, id="pt")):
            with pytest.raises(UsageError, match="not for the key and the door"):
                board.check_card(body, other)
        with pytest.raises(UsageError, match="no recovery"):
            board.read(b"\x06header" + bytes(40))
        with pytest.raises(UsageError, match="does not name"):
            signed(world, order, RELAY_KEY)


def with_(card: Member, **changed: object) -> Member:
    return replace(card, **changed)  # type: ignore[arg-type]  # Member's fields


def test_a_board_is_named_on_a_card(world: World) -> None:
    home = world.home("be")
    card = new_card()
    home.settings.put(settings.CARD, encode_card(card))
    keys = [key.public for key in BOARD]
    for threshold, wrong in ((4, keys), (0, keys), (1, []), (2, [keys[0], keys[0]])):
        with pytest.raises(UsageError):
            board.name_board(home, None, wrong, threshold)
    named = decode_card(board.name_board(home, None, keys, 2))
    assert ([key.public for key in named.board_keys], named.board_threshold) == (keys, 2)
    assert decode_card(board.name_board(home, None, [], 0)).board_keys == ()
    home.close()
