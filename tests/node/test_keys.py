"""Keys change hands only in the open, and a home follows the log in which of its own it uses (promise 7)."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from mce_exchange import statement
from mce_exchange.client import keeping
from mce_exchange.client.facade import Hotline
from mce_exchange.client.relay import Outcome
from mce_exchange.directory import changes
from mce_exchange.directory.compose import Draft, new_key, successor
from mce_exchange.directory.model import Act, Life, Member, Status
from mce_exchange.directory.records import encode_card
from mce_exchange.errors import TransportError, UsageError
from mce_exchange.hotline import answers, changing
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.changing import Reason
from mce_exchange.hotline.own import as_asked
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.publishing import Queued
from tests.federation import NOW_MINUTES, ROOTS, signed
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Door, Held
from tests.node.test_exchange import SOON, accepted, first, followed, send
from tests.node.test_hostile import alarm


def proceed(world: World, change: Callable[[Draft, int], Draft]) -> None:
    """Log the next Directory."""
    current = world.federation.state.directory
    draft = change(Draft.of(current), current.version + 1)
    bundle = successor(draft, current=current, now_minutes=NOW_MINUTES)
    bundle = signed(bundle, ROOTS[:2], network_id=world.federation.network_id)
    world.relay.log(Held(bundle.statement, None, members=bundle.members))


def card_of(world: World, *keys: PrivateKey) -> Member:
    return replace(world.federation.people["be"].record, keys=tuple(new_key(key.public) for key in keys))


def ask(world: World, card: Member, *made: PrivateKey) -> None:
    """What `mce key new` and `retire` do in a home, while its node runs or not."""
    home = world.home("be")
    with home.database.write():
        for key in made:
            home.secrets.put_signing(key)
        home.settings.put(settings.CARD, encode_card(card))
    home.close()


async def version(hotline: Hotline, wanted: int) -> None:
    async with asyncio.timeout(SOON):
        while hotline.node.follower.state.directory.version < wanted:
            await asyncio.sleep(0.02)


def signer(world: World, index: int) -> bytes:
    return statement.decode(world.relay.held[index].statement).signers[0]


async def sent_by(world: World, be: Hotline, pt: Hotline) -> bytes:
    """Who signs the next message that `be` sends and `pt` reads."""
    id_ = await send(be, world)
    await accepted(be, id_)
    item = await first(pt)
    assert item.id == id_
    await item.acknowledge()
    return signer(world, (await be.sent(id_)).log_index or 0)


async def test_a_rotation_switches_by_itself_and_alarms_nobody(world: World) -> None:
    old, new = world.federation.people["be"].key, PrivateKey.generate()
    other = world.federation.people["be"].second
    async with world.open("be") as be, world.open("pt") as pt:
        assert await sent_by(world, be, pt) == old.public.id
        # Both live, the home's own newest signs: without a restart.
        card = card_of(world, old, other, new)
        ask(world, card, new)
        proceed(world, lambda draft, v: changes.renew(draft, card, version=v))
        await version(be, 2)
        assert await sent_by(world, be, pt) == new.public.id
        card = card_of(world, new)
        ask(world, card)
        proceed(world, lambda draft, v: changes.renew(draft, card, version=v))
        await version(be, 3)
        assert await sent_by(world, be, pt) == new.public.id
        await followed(pt, world)
        assert [one.kind for one in be.node.home.alarms.all()] == []
        assert [one.kind for one in pt.node.home.alarms.all()] == []
    # The same after a restart.
    async with world.open("be") as be, world.open("pt") as pt:
        assert await sent_by(world, be, pt) == new.public.id


async def test_d1_an_entry_that_is_not_the_card_alarms(world: World) -> None:
    old, thief = world.federation.people["be"].key, PrivateKey.generate()
    card = card_of(world, old, world.federation.people["be"].second)
    ask(world, card)
    more = card_of(world, old, world.federation.people["be"].second, thief)
    async with world.open("be") as be:
        await followed(be, world)
        proceed(world, lambda draft, v: changes.renew(draft, more, version=v))
        assert "own entry" in await alarm(be, Alarm.KEY_CHANGE)
        assert be.node.identity.author.signers == [old.public.id]


@pytest.mark.parametrize("type_", ["prekey", "tls-keys", "revocation", "contest"])
async def test_d1_whatever_is_public_in_ones_own_name_alarms(world: World, type_: str) -> None:
    person, network_id = world.federation.people["be"], world.federation.network_id
    thief = Author(member="be", network_id=network_id, keys=(person.second,))
    cut, newest = world.federation.anchor(), world.federation.state.prekey("be")
    assert newest
    made = {
        "prekey": lambda: answers.prekey(
            thief, KemKey.generate(), after=(1, newest.id), now_minutes=NOW_MINUTES
        ),
        "tls-keys": lambda: changing.tls_keys(thief, number=1, certificates=[make_certificate()[1]]),
        "revocation": lambda: changing.revocation(
            thief, person.second.public.id, cut=cut, reason=Reason.LEFT
        ),
        "contest": lambda: changing.contest(thief, newest.id),
    }[type_]()
    async with world.open("be") as be:
        await followed(be, world)
        assert be.node.home.alarms.all() == []
        index = world.relay.log(Held(made.raw, None))
        await alarm(be, Alarm.KEY_CHANGE)
        alarms = {one.about: one.text for one in be.node.home.alarms.all()}
        assert f"a {type_} Statement in this member's name" in alarms[f"log {index}"]


def test_d1_an_added_key_that_has_ended_already_is_no_entry_as_asked(world: World) -> None:
    old, thief = world.federation.people["be"].key, PrivateKey.generate()
    card = card_of(world, old)
    assert as_asked(card, None, card)
    assert as_asked(replace(card, policy={}), replace(card, policy={Act.URGENT: 2}), card) is False
    gone = replace(new_key(thief.public), life=Life(added=2, removed=2))
    assert not as_asked(card, card, replace(card, keys=(*card.keys, gone)))
    assert as_asked(card, replace(card, keys=(*card.keys, gone)), replace(card, keys=(*card.keys, gone)))
    assert not as_asked(card, card, replace(card, status=Status.SUSPENDED))
    assert not as_asked(card, card, replace(card, certificates=(b"another",)))


def test_whose_a_key_is_is_the_cards_to_say_when_it_comes(world: World) -> None:
    old, new = world.federation.people["be"].key, PrivateKey.generate()
    before = card_of(world, old)
    card = replace(before, keys=(*before.keys, new_key(new.public, label="second")))
    assert as_asked(card, before, card)
    assert not as_asked(card, before, card_of(world, old, new))
    # What stands there already stays whose it was, whatever a card says.
    assert as_asked(card_of(world, old, new), card, card)
    assert not as_asked(card, card, card_of(world, old, new))


def revoked(world: World, key: PrivateKey, by: PrivateKey) -> bytes:
    """pt revokes one key by the other, in a file that the log does not have."""
    author = Author(member="pt", network_id=world.federation.network_id, keys=(by,))
    cut = world.federation.anchor()
    made = changing.revocation(author, key.public.id, cut=cut, reason=Reason.COMPROMISED)
    return made.raw


class NoRevocations(Door):
    """Takes none, and says nothing of it."""

    async def publish(self, queued: Sequence[Queued]) -> list[Outcome]:
        if any(one.type == "revocation" for one in queued):
            raise TransportError("the answer is lost")
        return await super().publish(queued)


async def test_d8_a_revocation_by_file_is_obeyed_before_the_log_brings_it(world: World) -> None:
    person = world.federation.people["pt"]
    raw = revoked(world, person.key, person.second)
    async with world.open("be", NoRevocations(world.relay, "be")) as be, world.open("pt") as pt:
        await followed(be, world)
        taken = be.node.run_home(keeping.take, be.node.home, be.node.identity, be.node.follower.state, raw)
        assert (await taken).type == "revocation"
        # Nothing more is sealed to what that key signed.
        with pytest.raises(UsageError, match="no prekey") as caught:
            await be.send(SCENARIO.update(), to=["pt"])
        assert "telephone" in caught.value.remedy
        # What comes by it is taken, because urgency comes first, and told.
        await send(pt, world, "be")
        await first(be)
        assert "disputed" in await alarm(be, Alarm.KEY_CHANGE)
        assert not be.node.follower.state.revoked


async def test_d8_a_home_whose_key_is_revoked_by_file_signs_with_another(world: World) -> None:
    person = world.federation.people["pt"]
    home = world.home("pt")
    home.secrets.put_signing(person.second)
    home.close()
    async with world.open("pt", NoRevocations(world.relay, "pt")) as pt:
        await followed(pt, world)
        node = pt.node
        await node.run_home(node.identity.switch, node.home, node.follower.state)
        assert node.identity.author.signers == [person.second.public.id]
        raw = revoked(world, person.second, person.key)
        await node.run_home(keeping.take, node.home, node.identity, node.follower.state, raw)
        assert node.identity.author.signers == [person.key.public.id]
