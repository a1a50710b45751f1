"""A content key is wrapped again by itself for a key from before the message, and else by a person only."""

import asyncio

import pytest

from mce_exchange import statement
from mce_exchange.client.asking import Question
from mce_exchange.client.facade import Hotline
from mce_exchange.errors import UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers, changing
from mce_exchange.hotline.answers import About, Author
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.primitives.kem import KemKey
from mce_exchange.sealing import rewrap
from mce_exchange.store.alarms import Alarm
from mce_exchange.v1 import statement_pb2
from tests.federation import NOW_MINUTES
from tests.node.conftest import World
from tests.node.hostile import Held
from tests.node.test_exchange import SOON, accepted, first, followed, send
from tests.node.test_hostile import alarm


def author(world: World, member: str) -> Author:
    """Who signs for a member: itself, or a thief of its signing key."""
    key = world.federation.people[member].key
    return Author(member=member, network_id=world.federation.network_id, keys=(key,))


def publish_prekey(world: World, kem: KemKey) -> bytes:
    after = world.federation.state.last_prekeys["pt"]
    made = answers.prekey(author(world, "pt"), kem, after=after, now_minutes=NOW_MINUTES)
    world.relay.log(Held(made.raw, None))
    return made.id(world.federation.network_id)


async def refuse(world: World, be: Hotline, id_: str) -> None:
    """In pt's name: it does not hold the prekey."""
    index = (await be.sent(id_)).log_index or 0
    about = About(header_id=bytes.fromhex(id_), index=index, position=0)
    made = answers.refused(author(world, "pt"), about, Refusal.PREKEY_NOT_HELD)
    world.relay.log(Held(made.raw, {"be", "pt"}))


async def asked(be: Hotline, *, prekey: bytes) -> Question:
    async with asyncio.timeout(SOON):
        async for one in be.questions():
            if one.prekey == prekey.hex():
                return one
    raise AssertionError("questions end by raising only")


def rewraps(world: World) -> list[statement_pb2.ReWrap]:
    decoded = [statement.decode(held.statement) for held in world.relay.held]
    return [statement_pb2.ReWrap.FromString(one.body) for one in decoded if one.type == "re-wrap"]


async def test_d1_a_thief_of_a_signing_key_has_nothing_decrypted(world: World) -> None:
    thief = KemKey.generate()
    async with world.open("be") as be:
        old = await send(be, world)
        await accepted(be, old)
        # With pt's signing key the thief publishes a prekey of its own and has every old message refused.
        stolen = publish_prekey(world, thief)
        await refuse(world, be, old)
        question = await asked(be, prekey=stolen)
        assert (question.message_id, question.phone) == (old, "+000000000")
        assert len(question.words.split()) == 24
        await followed(be, world)
        await be.idle()
        assert rewraps(world) == []
        # pt sees it, contests it, and whoever is asked is told so.
        made = changing.contest(author(world, "pt"), stolen)
        world.relay.log(Held(made.raw, None))
        assert "contests" in await alarm(be, Alarm.KEY_CHANGE)
        again = await asked(be, prekey=stolen)
        assert any("contests the prekey" in one for one in again.warnings)
        assert be.warnings("es", "pt") == list(again.warnings)
        await be.answer(question, yes=False)
        await be.idle()
        assert rewraps(world) == []
        with pytest.raises(UsageError, match="no question"):
            await be.answer(question, yes=True)


async def test_a_person_who_has_compared_lets_one_message_be_opened(world: World) -> None:
    lost = world.federation.state.prekey("pt")
    assert lost
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        home = world.home("pt")
        with home.database.write():
            home.secrets.destroy(f"prekey/{lost.id.hex()}")
        home.close()
        async with world.open("pt") as pt:
            async with asyncio.timeout(SOON):
                while (newest := pt.node.follower.state.prekey("pt")) in (None, lost):
                    await asyncio.sleep(0.02)
            assert newest
            await be.answer(await asked(be, prekey=newest.id), yes=True)
            assert (await first(pt)).id == id_
            [made] = rewraps(world)
            assert (made.by_person, made.prekey_id) == (True, newest.id)


async def test_a_yes_reaches_no_further_than_the_prekey_that_was_compared(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        compared = publish_prekey(world, KemKey.generate())
        await refuse(world, be, id_)
        question = await asked(be, prekey=compared)
        # Between the telephone call and the answer a thief publishes another one.
        thiefs = publish_prekey(world, KemKey.generate())
        await followed(be, world)
        async with asyncio.timeout(SOON):
            while (newest := be.node.follower.state.prekey("pt")) is None or newest.id != thiefs:
                await asyncio.sleep(0.02)
        with pytest.raises(UsageError):
            await be.answer(question, yes=True)
        assert (await asked(be, prekey=thiefs)).id != question.id
        assert rewraps(world) == []


async def test_a_recipient_takes_no_later_wrap_that_no_person_decided(world: World) -> None:
    old = world.federation.state.prekey("pt")
    assert old
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        content_key = be.node.home.outbox.body(bytes.fromhex(id_)).content_key
        later = KemKey.generate()
        newest = publish_prekey(world, later)
        home = world.home("pt")
        with home.database.write():
            home.secrets.destroy(f"prekey/{old.id.hex()}")
            home.secrets.put_prekey(newest, later)
        home.close()
        async with world.open("pt") as pt:
            await alarm(pt, Alarm.NO_PREKEY)
            index = (await be.sent(id_)).log_index or 0
            header = read_header(statement.decode(world.relay.held[index].statement))
            for by_person in (False, True):
                made, wrap = rewrap(
                    header,
                    header_id=bytes.fromhex(id_),
                    recipient_index=0,
                    content_key=content_key,
                    prekey_id=newest,
                    prekey=later.public,
                    network_id=world.federation.network_id,
                    keys=[world.federation.people["be"].key],
                    by_person=by_person,
                )
                held = Held(made.raw, {"be", "pt"}, {"pt": wrap}, world.relay.held[index].payload)
                world.relay.log(held)
                if not by_person:
                    assert "no person says so" in await alarm(pt, Alarm.INVALID_MESSAGE)
                    assert pt.node.home.inbox.count("locked") == 1
            assert (await first(pt)).id == id_
