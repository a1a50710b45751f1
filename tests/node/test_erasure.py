"""Erasure that can be shown: keys after seven days, content after its retention; each said (SPEC 9.6)."""

import asyncio
import io
from pathlib import Path

import pytest

from mce_exchange import statement as statements
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.client import erasure, proving
from mce_exchange.client.facade import Hotline
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.inbox import Received
from mce_exchange.v1 import statement_pb2 as pb
from tests.federation import RELAY_KEY
from tests.node.conftest import World
from tests.node.hostile import Held
from tests.node.test_exchange import SOON, accepted, first, followed, send, settled
from tests.node.test_order import kinds

DAY = 24 * 3600
PHOTO = bytes(range(256)) * 300


def erasures(world: World) -> list[tuple[str, int, list[bytes]]]:
    """(author, what, header ids) of every `erasure` in the log."""
    found: list[tuple[str, int, list[bytes]]] = []
    for held in world.relay.held:
        decoded = statements.decode(held.statement)
        if decoded.type == "erasure":
            body = pb.Erasure.FromString(decoded.body)
            found.append((body.author, body.what, list(body.header_ids)))
    return found


async def until_erasures(hotline: Hotline, world: World, count: int) -> None:
    """The node's upkeep has run, and what it says is in the log and here."""
    async with asyncio.timeout(SOON):
        while len(erasures(world)) < count:
            await hotline.node._keep_up()
            await asyncio.sleep(0.02)
    await followed(hotline, world)


async def answered(world: World, be: Hotline, pt: Hotline, folder: Path) -> str:
    (folder / "photo.png").write_bytes(PHOTO)
    id_ = await send(be, world, attachments=[folder / "photo.png"])
    await (await first(pt)).acknowledge()
    await settled(be, id_)
    for hotline in (be, pt):
        await followed(hotline, world)
        await hotline.node._keep_up()
    return id_


def relay_erases(world: World, id_: str) -> None:
    """What the relay says when it has done its part."""
    body = pb.Erasure(
        signers=[RELAY_KEY.public.id],
        author="relay",
        what=pb.ERASED_PART_CIPHERTEXT,
        header_ids=[bytes.fromhex(id_)],
        anchor=world.federation.anchor(),
    )
    raw = world.federation.sign("erasure", body.SerializeToString(), RELAY_KEY).raw
    world.relay.log(Held(raw, {"be", "pt"}))


async def test_a_sender_destroys_its_content_key_after_seven_days_and_says_so(
    world: World, tmp_path: Path
) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await answered(world, be, pt, tmp_path)
        header_id, home = bytes.fromhex(id_), be.node.home
        world.clock.now += 7 * DAY - 60
        await be.node._keep_up()
        assert home.outbox.body(header_id).content_key
        world.clock.now += 120
        await until_erasures(be, world, 1)
        assert erasures(world) == [("be", pb.ERASED_PART_CONTENT_KEY, [header_id])]
        body = home.outbox.body(header_id)
        assert (body.content_key, len(body.secrets)) == (b"", 2)
        assert home.database.rows("SELECT wraps, payload FROM message") == [(b"", b"")]
        # Both hold the content still, by their own retention; the relay is asked about a day later.
        found = list(erasure.holders(home, int(world.clock.now), text=id_))
        assert [(one.member, one.what) for one in found] == [
            ("", "the ciphertext"),
            ("be", "the content"),
            ("pt", "the content"),
        ]
        assert Alarm.NOT_ERASED not in kinds(be)
        world.clock.now += DAY
        await be.node._keep_up()
        assert Alarm.NOT_ERASED in kinds(be)
        assert [one.member for one in erasure.holders(home, int(world.clock.now))] == [""]
        relay_erases(world, id_)
        await followed(be, world)
        assert list(erasure.holders(home, int(world.clock.now))) == []
        assert len(erasures(world)) == 2


async def test_nobody_is_asked_who_has_said_so_in_time(world: World, tmp_path: Path) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await answered(world, be, pt, tmp_path)
        relay_erases(world, id_)
        world.clock.now += 8 * DAY - 60
        await until_erasures(be, world, 2)
        await followed(pt, world)
        world.clock.now += DAY
        for hotline in (be, pt):
            await hotline.node._keep_up()
            assert Alarm.NOT_ERASED not in kinds(hotline)
            assert hotline.node.home.database.value("SELECT gone FROM message") == 1


async def test_h10_content_goes_after_its_retention_and_its_evidence_stays(
    world: World, tmp_path: Path
) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await answered(world, be, pt, tmp_path)
        header_id = bytes.fromhex(id_)
        for hotline in (be, pt):
            hotline.node.home.settings.put(settings.RETENTION_DAYS, "30")
        world.clock.now += 31 * DAY
        await until_erasures(be, world, 2)
        await until_erasures(pt, world, 3)
        assert set(map(str, erasures(world))) == {
            str(("be", pb.ERASED_PART_CONTENT_KEY, [header_id])),
            str(("be", pb.ERASED_PART_CONTENT, [header_id])),
            str(("pt", pb.ERASED_PART_CONTENT, [header_id])),
        }
        for member in ("be", "pt"):
            assert list((world.folder / member / "attachments").iterdir()) == []
        for box in (be.node.home.outbox, pt.node.home.inbox):
            with pytest.raises(StoreError, match="erased"):
                box.body(header_id)
        await followed(be, world)
        node = be.node
        async with asyncio.timeout(SOON):
            while node.home.logbook.anchored < world.federation.tree.size:
                await node._anchors()
        file = b"".join(proving.evidence_of(node.home, node.identity, node.follower, [id_]))
    [message] = verify_evidence(io.BytesIO(file), network_id=world.federation.network_id).messages
    assert [one.stage for one in message.steps] == ["delivered", "erased", "erased", "erased"]


async def test_a_person_erases_at_once_and_only_what_is_answered(world: World, tmp_path: Path) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        waiting = await send(be, world)
        await first(pt)
        for hotline in (be, pt):
            with pytest.raises(UsageError, match="not answered"):
                erasure.erase_now(hotline.node.home, waiting, int(world.clock.now))
        await (await first(pt)).acknowledge()
        await settled(be, waiting)
        await followed(pt, world)
        assert erasure.erase_now(pt.node.home, waiting[:10], int(world.clock.now)).hex() == waiting
        await until_erasures(pt, world, 1)
        found: Received | None = pt.node.home.inbox.find(bytes.fromhex(waiting))
        assert found is not None
        assert not found.readable


async def test_what_expires_unanswered_is_closed_too(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world, "pt", "es")
        await accepted(be, id_)
        await followed(be, world)
        world.clock.now += 91 * DAY
        await be.node._keep_up()
        assert erasures(world) == []
        world.clock.now += 7 * DAY + 60
        await until_erasures(be, world, 1)
    assert erasures(world) == [("be", pb.ERASED_PART_CONTENT_KEY, [bytes.fromhex(id_)])]


async def test_what_the_relay_never_took_is_erased_and_nobody_told(world: World) -> None:
    async with world.open("be") as be:
        id_ = await send(be, world)
        await accepted(be, id_)
        home, header_id = be.node.home, bytes.fromhex(id_)
        home.database.run("UPDATE message SET state = 'failed'")
        await be.node._keep_up()
        world.clock.now += 8 * DAY
        await be.node._keep_up()
        assert home.outbox.body(header_id).content_key == b""
        assert home.erasing.waiting is False
        assert list(erasure.holders(home, int(world.clock.now))) == []
    assert erasures(world) == []
