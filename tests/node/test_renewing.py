"""Nothing is sent under a key of ours that has ended, and nothing that waited under it is lost (SPEC 8.9)."""

import asyncio
from collections.abc import AsyncIterator, Sequence

import pytest

from mce_exchange import statement as statements
from mce_exchange.client import keeping
from mce_exchange.client.facade import Hotline, Item
from mce_exchange.client.relay import Outcome
from mce_exchange.directory import changes
from mce_exchange.directory.model import Member
from mce_exchange.errors import RefusedError, TransportError, UsageError
from mce_exchange.hotline import changing
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.changing import Reason
from mce_exchange.keys import PrivateKey
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.outbox import Outgoing
from mce_exchange.store.publishing import Queued
from tests.node.conftest import World
from tests.node.hostile import Door, MemoryRelay
from tests.node.test_exchange import SOON, accepted, first, followed, send
from tests.node.test_hostile import alarm
from tests.node.test_keys import ask, card_of, proceed, version


class Shut(Door):
    """The log comes down, and nothing goes up before `open`; keeps what was handed in."""

    def __init__(self, relay: MemoryRelay, member: str) -> None:
        super().__init__(relay, member)
        self.open = False
        self.given: list[statements.Statement] = []

    async def submit(self, messages: Sequence[Outgoing]) -> list[Outcome]:
        self._pass([one.statement for one in messages])
        return await super().submit(messages)

    async def publish(self, queued: Sequence[Queued]) -> list[Outcome]:
        self._pass([one.statement for one in queued])
        return await super().publish(queued)

    def _pass(self, raw: Sequence[bytes]) -> None:
        if not self.open:
            raise TransportError("the way up is shut")
        self.given += map(statements.decode, raw)

    def signers(self) -> set[bytes]:
        """Who signed what was handed in."""
        return {one for given in self.given for one in given.signers}


async def rotated(world: World, be: Hotline, old: PrivateKey, new: PrivateKey) -> None:
    """The next two Directories: the new key beside the old, then without it."""
    for keys in ((old, new), (new,)):
        card = card_of(world, *keys)
        ask(world, card, *({new} if old in keys else ()))
        renew(world, card)
    await version(be, 3)


def renew(world: World, card: Member) -> None:
    """The next Directory has the card."""
    proceed(world, lambda draft, v: changes.renew(draft, card, version=v))


async def status(hotline: Hotline, id_: str) -> str:
    async with asyncio.timeout(SOON):
        return (await hotline.settled(id_)).deliveries[0].status


async def idle(hotline: Hotline) -> None:
    async with asyncio.timeout(SOON):
        await hotline.idle()


async def test_d8_what_waited_under_a_retired_key_goes_by_the_new_one(world: World) -> None:
    old, new = world.federation.people["be"].key, PrivateKey.generate()
    async with world.open("pt") as pt:
        await accepted(pt, came := await send(pt, world, "be"))
        door = Shut(world.relay, "be")
        async with world.open("be", door) as be:
            item = await first(be)
            assert item.id == came
            await item.acknowledge()
            queued = [await send(be, world), await send(be, world)]
            await rotated(world, be, old, new)
            door.open = True
            await idle(be)
            assert door.signers() == {new.public.id}
            # The answer, two messages, and a void for each number that they had.
            assert sorted(one.type for one in door.given) == ["delivered", "header", "header", "void", "void"]
            assert await status(pt, came) == "delivered"
            for id_ in queued:
                sent = await be.sent(id_)
                assert (sent.state, sent.reason) == ("failed", "key_ended")
                assert any(one.about == id_ for one in be.node.home.alarms.all())
            async with asyncio.timeout(SOON):
                given = [item.message.header.case_id async for item in _taken(pt, 2)]
            assert len(given) == 2
            await followed(pt, world)
            assert pt.node.home.numbers.gaps(before=2**40) == []
            text = await alarm(be, Alarm.NOT_ACCEPTED)
            assert "it goes again as" in text


async def _taken(hotline: Hotline, wanted: int) -> AsyncIterator[Item]:
    async for item in hotline.inbox():
        await item.acknowledge()
        yield item
        wanted -= 1
        if not wanted:
            return


async def test_a_prekey_that_waited_keeps_its_private_half(world: World) -> None:
    old, new = world.federation.people["be"].key, PrivateKey.generate()
    world.clock.now += 6.5 * 24 * 3600
    door = Shut(world.relay, "be")
    async with world.open("be", door) as be, world.open("pt") as pt:
        await followed(be, world)
        await be.node.run_home(be.node.upkeep.run)
        await rotated(world, be, old, new)
        door.open = True
        await idle(be)
        newest = world.federation.state.prekey("be")
        assert newest
        assert (newest.epoch, newest.signers) == (2, (new.public.id,))
        await followed(pt, world)
        id_ = await send(pt, world, "be")
        assert (await first(be)).id == id_


async def test_without_a_key_all_of_it_waits_for_one(world: World) -> None:
    old, new = world.federation.people["be"].key, PrivateKey.generate()
    async with world.open("pt") as pt:
        await accepted(pt, await send(pt, world, "be"))
    door = Shut(world.relay, "be")
    async with world.open("be", door) as be:
        item = await first(be)
        queued = await send(be, world)
        n = be.node
        # Revoked by itself: the only key that is here. The revocation goes, and nothing after it.
        await alarm_free_anchor(be)
        revoke = await n.run_home(
            lambda: keeping.revoke_key(
                n.home, n.identity, n.follower.state, old.public.id, reason=Reason.COMPROMISED
            )
        )
        await item.acknowledge()
        door.open = True
        async with asyncio.timeout(SOON):
            while not n.follower.state.revoked:
                await asyncio.sleep(0.02)
        await item_settled(be)
        assert [one.type for one in door.given] == ["revocation"]
        assert door.given[0].digest == revoke.digest
        assert "waits for one" in await alarm(be, Alarm.NOT_SENT)
        assert (await be.sent(queued)).state == "queued"
        for refused in (send(be, world), be.idle(patience_seconds=0)):
            with pytest.raises(UsageError, match="that is here counts now"):
                async with asyncio.timeout(SOON):
                    await refused
        # The federation enters another one.
        card = card_of(world, world.federation.people["be"].second, new)
        ask(world, card, new)
        renew(world, card)
        await version(be, 2)
        async with asyncio.timeout(SOON):
            while world.relay.held[-1].parties is None or not _went(door, "delivered", "header", "void"):
                await asyncio.sleep(0.02)
        assert door.signers() == {old.public.id, new.public.id}
        assert {one.signers for one in door.given[1:]} == {(new.public.id,)}


def _went(door: Shut, *types: str) -> bool:
    return set(types) <= {one.type for one in door.given}


async def alarm_free_anchor(hotline: Hotline) -> None:
    async with asyncio.timeout(SOON):
        while not await hotline.node.run_home(hotline.node.home.logbook.anchors):
            await asyncio.sleep(0.02)


async def item_settled(hotline: Hotline) -> None:
    """The acknowledgement is signed, and held."""
    async with asyncio.timeout(SOON):
        while not await hotline.node.run_home(
            hotline.node.home.database.value, "SELECT 1 FROM publishing WHERE state = 'held'"
        ):
            await asyncio.sleep(0.02)


class Strict(Door):
    """Refuses what a key signed that has ended, as a relay does; the first log entries come late."""

    async def publish(self, queued: Sequence[Queued]) -> list[Outcome]:
        outcomes: list[Outcome] = []
        for one in queued:
            decoded = statements.decode(one.statement)
            holders = [self.relay.federation.state.holder(signer) for signer in decoded.signers]
            state = self.relay.federation.state
            if all(holder and state.lives(holder, state.size) for holder in holders):
                outcomes += await super().publish([one])
            else:
                outcomes.append(RefusedError("by a key that has ended", reason="bad_signature"))
        return outcomes


async def test_what_was_refused_before_we_knew_is_signed_anew_when_we_do(world: World) -> None:
    old, new = world.federation.people["be"].key, PrivateKey.generate()
    async with world.open("pt") as pt:
        await accepted(pt, came := await send(pt, world, "be"))
        door = Strict(world.relay, "be")
        async with world.open("be", door) as be:
            item = await first(be)
            door.last = len(world.relay.held)
            card = card_of(world, old, new)
            ask(world, card, new)
            renew(world, card)
            card = card_of(world, new)
            ask(world, card)
            renew(world, card)
            await item.acknowledge()
            assert "has ended" in await alarm(be, Alarm.NOT_ACCEPTED)
            door.last = 10**9
            world.relay.wake()
            await version(be, 3)
            assert await status(pt, came) == "delivered"


async def test_a_contest_by_a_retired_key_goes_and_what_two_signed_is_told(world: World) -> None:
    be_ = world.federation.people["be"]
    new = PrivateKey.generate()
    door = Shut(world.relay, "be")
    async with world.open("be", door) as be:
        await followed(be, world)
        n = be.node
        two = Author(member="be", network_id=world.federation.network_id, keys=(be_.key, be_.second))
        one = Author(member="be", network_id=world.federation.network_id, keys=(be_.key,))

        def queue() -> None:
            with n.home.database.write():
                n.home.publishing.put(changing.contest(one, b"c" * 32))
                n.home.publishing.put(changing.tls_keys(two, number=1, certificates=[be_.door]))

        await n.run_home(queue)
        await rotated(world, be, be_.key, new)
        door.open = True
        await idle(be)
        assert [(given.type, given.signers) for given in door.given] == [("contest", (be_.key.public.id,))]
        assert "that two signed is not sent" in await alarm(be, Alarm.NOT_ACCEPTED)
