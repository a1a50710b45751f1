"""Two persons: what one desk alone may not do, and how the second one says yes (SPEC sections 5.3, 8.1)."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from mce_exchange import statement
from mce_exchange.case import acts
from mce_exchange.client import approving
from mce_exchange.client.approving import Approval
from mce_exchange.client.facade import Hotline
from mce_exchange.directory import changes
from mce_exchange.directory.compose import new_key
from mce_exchange.directory.model import Act
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import Author
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.kem import KemKey
from mce_exchange.sealing import rewrap
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Sent
from mce_exchange.v1 import statement_pb2
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Held
from tests.node.test_exchange import SOON, accepted, first, followed, send, settled
from tests.node.test_forks import sealed
from tests.node.test_hostile import alarm
from tests.node.test_keys import ask, card_of, proceed
from tests.node.test_questions import publish_prekey


def policy(world: World, *reserved: Act) -> None:
    """`be` needs two persons for these acts from here on."""
    proceed(world, lambda draft, v: changes.set_policy(draft, "be", reserved))


@pytest.fixture
def updates_are_alerts(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scenario's message stands for a child alert."""
    monkeypatch.setattr(acts, "ACTS", {"CASE_UPDATE": Act.CHILD_ALERT})


@pytest.mark.usefixtures("updates_are_alerts")
async def test_h12_a_hijacked_desk_alone_raises_no_alert(world: World) -> None:
    be = world.federation.people["be"]
    async with world.open("pt") as pt:
        policy(world, Act.CHILD_ALERT)
        world.relay.log(sealed(world, sequence=1, version=2))
        assert "it takes two persons there, and one signed" in await alarm(pt, Alarm.REFUSED)
        refused = list(pt.node.home.inbox.each(None))
        assert [(one.state, one.reason) for one in refused] == [("refused", "policy")]
        await followed(pt, world)
        world.relay.log(
            sealed(world, sequence=2, version=2, previous_id=refused[0].header_id, keys=[be.key, be.second])
        )
        assert (await first(pt)).sender == "be"
        async with asyncio.timeout(SOON):
            await pt.idle()


@pytest.mark.usefixtures("updates_are_alerts")
async def test_h12_a_wrap_made_again_is_no_way_around(world: World) -> None:
    """A thief seals to what cannot be opened, and wraps again once it is refused."""
    lost, later = world.federation.state.prekey("pt"), KemKey.generate()
    assert lost
    home = world.home("pt")
    home.secrets.destroy(f"prekey/{lost.id.hex()}")
    home.close()
    policy(world, Act.CHILD_ALERT)
    alone = sealed(world, sequence=1, version=2)
    index = world.relay.log(alone)
    newest = publish_prekey(world, later)
    home = world.home("pt")
    home.secrets.put_prekey(newest, later)
    home.close()
    header = read_header(statement.decode(alone.statement))
    header_id = statement.decode(alone.statement).id(world.federation.network_id)
    async with world.open("pt") as pt:
        await alarm(pt, Alarm.NO_PREKEY)
        made, wrap = rewrap(
            header,
            header_id=header_id,
            recipient_index=0,
            content_key=alone.content_key,
            prekey_id=newest,
            prekey=later.public,
            network_id=world.federation.network_id,
            keys=[world.federation.people["be"].key],
            by_person=True,
        )
        world.relay.log(Held(made.raw, {"be", "pt"}, {"pt": wrap}, alone.payload))
        assert "it takes two persons there" in await alarm(pt, Alarm.REFUSED)
        [held] = pt.node.home.inbox.each(None)
        assert (held.state, held.reason, held.log_index) == ("refused", "policy", index)


async def awaits(hotline: Hotline) -> Approval:
    async with asyncio.timeout(SOON):
        async for one in hotline.approvals():
            return one
    raise AssertionError("approvals end by raising only")


async def ready(hotline: Hotline, world: World, version: int) -> None:
    """The policy is known here."""
    await followed(hotline, world)
    async with asyncio.timeout(SOON):
        while hotline.node.follower.state.directory.version < version:
            await asyncio.sleep(0.02)


def voids(world: World) -> list[statement_pb2.Void]:
    decoded = [statement.decode(held.statement) for held in world.relay.held]
    return [statement_pb2.Void.FromString(one.body) for one in decoded if one.type == "void"]


async def test_an_urgent_message_goes_when_the_second_person_says_so(world: World, tmp_path: Path) -> None:
    person = world.federation.people["be"]
    policy(world, Act.URGENT)
    (tmp_path / "photo.png").write_bytes(b"synthetic")
    async with world.open("be") as be, world.open("pt") as pt:
        await ready(be, world, 2)
        id_ = await send(be, world, urgent=True, attachments=[tmp_path / "photo.png"])
        assert (await be.sent(id_)).state == "awaiting"
        assert "second person" in await alarm(be, Alarm.ASKS_A_PERSON)
        one = await awaits(be)
        assert (one.id, one.person, one.recipients, one.urgent) == (id_, "second", ("pt",), True)
        assert one.key_id == person.second.public.id.hex()
        assert (one.message, one.until - one.at) == (SCENARIO.update(), 24 * 3600)
        assert [info.name for info in one.attachments] == ["photo.png"]
        # What is not urgent overtakes it, and the desk's own key is no second person's.
        other = await send(be, world)
        await accepted(be, other)
        assert (await be.sent(id_)).state == "awaiting"
        with pytest.raises(UsageError, match="another key"):
            await be.approve(id_, person.key)
        await be.approve(id_, person.second)
        await accepted(be, id_)
        assert signers(world, await be.sent(id_)) == [person.key.public.id, person.second.public.id]
        async with asyncio.timeout(SOON):
            async for item in pt.inbox():
                await item.acknowledge()
                if item.id == id_:
                    break
        assert (await settled(be, id_)).deliveries[0].status == "delivered"
        with pytest.raises(UsageError, match="awaits nobody"):
            await be.approve(id_, person.second)
        assert not be.node.home.outbox.awaiting()
        assert voids(world) == []


def signers(world: World, sent: Sent) -> list[bytes]:
    return list(statement.decode(world.relay.held[sent.log_index or 0].statement).signers)


@pytest.mark.usefixtures("updates_are_alerts")
async def test_a_no_burns_the_number_and_nothing_goes(world: World) -> None:
    policy(world, Act.CHILD_ALERT)
    async with world.open("be") as be, world.open("pt") as pt:
        await ready(be, world, 2)
        id_ = await send(be, world)
        await be.reject(id_)
        assert "rejected" in await alarm(be, Alarm.NOT_SENT)
        found = await be.sent(id_)
        assert (found.state, found.reason, found.deliveries[0].status) == ("failed", "rejected", "void")
        with pytest.raises(UsageError, match="awaits nobody"):
            await be.reject(id_)
        with pytest.raises(UsageError, match="awaits nobody"):
            await be.approve(id_, world.federation.people["be"].second)
        again = await send(be, world)
        await be.approve(again, world.federation.people["be"].second)
        item = await first(pt)
        assert item.id == again
        await item.acknowledge()
        await be.idle()
        assert [(one.sequence, one.annulled_id.hex()) for one in voids(world)] == [(1, id_)]
        assert [one.kind for one in pt.node.home.alarms.all()] == []


async def test_what_nobody_approves_is_told_in_time_and_void_after_a_day(world: World) -> None:
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        id_ = await send(be, world, urgent=True)
        for seconds, text, state in (
            (approving.PATIENCE_SECONDS // 2, "still awaits", "awaiting"),
            (approving.PATIENCE_SECONDS, "void", "failed"),
        ):
            world.clock.now += seconds
            await be.node.run_home(be.node.upkeep.run)
            assert any(text in one.text for one in be.node.home.alarms.all() if one.kind is Alarm.NOT_SENT)
            assert (await be.sent(id_)).state == state
        await be.idle()
        assert [one.annulled_id.hex() for one in voids(world)] == [id_]


async def test_what_could_not_count_is_not_sent(world: World) -> None:
    person = world.federation.people["be"]
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        id_ = await send(be, world, urgent=True)
        # Meanwhile the desk's key is another: what it signed would count no more.
        newer = PrivateKey.generate()
        card = card_of(world, newer, person.second)
        ask(world, card, newer)
        proceed(world, lambda draft, v: changes.renew(draft, card, version=v))
        await ready(be, world, 3)
        with pytest.raises(UsageError, match="still not count") as caught:
            await be.approve(id_, person.second)
        assert "reject" in caught.value.remedy
        assert (await be.sent(id_)).state == "awaiting"


async def test_what_is_shown_is_what_is_signed(world: World) -> None:
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        shown, hidden = [bytes.fromhex(await send(be, world, urgent=True)) for _ in range(2)]
        await be.node.run_home(
            be.node.home.database.run,
            "UPDATE message SET payload = (SELECT payload FROM message WHERE header_id = ?)"
            " WHERE header_id = ?",
            shown,
            hidden,
        )
        listed = await be.node.run_home(approving.approvals, be.node.home, be.node.follower.state)
        assert [one.message for one in listed] == [SCENARIO.update(), None]
        with pytest.raises(StoreError, match="not what was signed"):
            await be.approve(hidden.hex(), world.federation.people["be"].second)
        # The other one waits as before, and this one can be rejected.
        await be.reject(hidden.hex())
        await be.approve(shown.hex(), world.federation.people["be"].second)


async def test_a_restored_home_learns_first_what_became_of_what_awaited(world: World) -> None:
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        sent, dropped = [await send(be, world, one, urgent=True) for one in ("pt", "es")]
        held = be.node.home.outbox.outgoing(bytes.fromhex(sent))
    home = world.home("be")
    home.settings.put(settings.BEHIND, "restored")
    home.close()
    # The home that this one was made from had one approved, and the other rejected.
    person = world.federation.people["be"]
    author = Author(member="be", network_id=world.federation.network_id, keys=(person.key,))
    whole = statement.cosign(
        statement.decode(held.statement), person.second, network_id=world.federation.network_id
    )
    burned = answers.void(author, recipient="es", sequence=1, annulled_id=bytes.fromhex(dropped))
    world.clock.now += 2 * approving.PATIENCE_SECONDS
    world.relay.log(world.relay.header(replace(held, statement=whole.raw)))
    world.relay.log(Held(burned.raw, {"be", "es"}))
    logged = len(world.relay.held)
    async with world.open("be") as be:
        await accepted(be, sent)
        async with asyncio.timeout(SOON):
            while (await be.sent(dropped)).state != "failed":
                await asyncio.sleep(0.02)
        await be.node.run_home(be.node.upkeep.run)
        await be.idle()
        assert "void" not in [statement.decode(one.statement).type for one in world.relay.held[logged:]]


async def test_a_number_that_another_home_has_used_is_neither_sent_nor_void(world: World) -> None:
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        id_ = await send(be, world, urgent=True)
        world.relay.log(sealed(world, sequence=1, version=2))
        await followed(be, world)
        await alarm(be, Alarm.KEY_CHANGE)
        with pytest.raises(UsageError, match="used by another home") as caught:
            await be.approve(id_, world.federation.people["be"].second)
        assert "reject" in caught.value.remedy
        await be.reject(id_)
        await be.idle()
        assert voids(world) == []


async def test_a_policy_for_two_and_one_person_alarms_before_it_is_needed(world: World) -> None:
    person = world.federation.people["be"]
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        await be.node.run_home(be.node.upkeep.run)
        assert not [one for one in be.node.home.alarms.all() if one.kind is Alarm.NOT_SENT]
        proceed(world, lambda draft, v: changes.renew(draft, card_of(world, person.key), version=v))
        await ready(be, world, 3)
        await be.node.run_home(be.node.upkeep.run)
        assert "only the desk's key lives" in await alarm(be, Alarm.NOT_SENT)


async def test_a_second_person_is_one_who_is_there_and_named_if_there_are_several(world: World) -> None:
    person, third = world.federation.people["be"], PrivateKey.generate()
    policy(world, Act.URGENT)
    async with world.open("be") as be:
        await ready(be, world, 2)
        more = card_of(world, person.key, person.second)
        more = replace(more, keys=(*more.keys, new_key(third.public, label="night")))
        proceed(world, lambda draft, v: changes.renew(draft, more, version=v))
        await ready(be, world, 3)
        for wrong in ("", "day"):
            with pytest.raises(UsageError, match="night, second"):
                await send(be, world, urgent=True, second=wrong)
        id_ = await send(be, world, urgent=True, second="night")
        assert (await awaits(be)).person == "night"
        await be.approve(id_, third)
        proceed(world, lambda draft, v: changes.renew(draft, card_of(world, person.key), version=v))
        await ready(be, world, 4)
        with pytest.raises(UsageError, match="no other person") as caught:
            await send(be, world, urgent=True)
        assert "mce second" in caught.value.remedy
        # What no policy reserves goes as ever.
        await accepted(be, await send(be, world))
