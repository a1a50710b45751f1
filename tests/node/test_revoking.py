"""How far back a revocation reaches, and what becomes of messages that it disputes (SPEC section 8.4)."""

from dataclasses import replace
from pathlib import Path

import pytest

from mce_exchange.cli.keys import read_date
from mce_exchange.client import keeping
from mce_exchange.client.facade import Hotline
from mce_exchange.directory.compose import new_key
from mce_exchange.errors import UsageError
from mce_exchange.hotline import changing
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.changing import Reason
from mce_exchange.keys import PrivateKey
from mce_exchange.log.checkpoint import size_of
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.logbook import Logged
from tests.core.chronicle import DAY, NOW, Chronicle
from tests.node.conftest import World
from tests.node.hostile import Held
from tests.node.test_exchange import accepted, first, followed, send


def disputed(hotline: Hotline) -> list[str]:
    alarms = [one for one in hotline.node.home.alarms.all() if one.kind is Alarm.KEY_CHANGE]
    return [one.about for one in alarms if "a disputed key" in one.text]


async def test_d8_messages_above_the_cut_stay_and_are_told_to_be_in_doubt(world: World) -> None:
    pt_ = world.federation.people["pt"]
    async with world.open("be") as be, world.open("pt") as pt:
        await accepted(pt, sure := await send(pt, world, "be"))
        cut = world.federation.anchor()
        await accepted(pt, doubtful := await send(pt, world, "be"))
        await followed(be, world)
        assert disputed(be) == []
        author = Author(member="pt", network_id=world.federation.network_id, keys=(pt_.second,))
        made = changing.revocation(author, pt_.key.public.id, cut=cut, reason=Reason.COMPROMISED)
        world.relay.log(Held(made.raw, None))
        await followed(be, world)
        assert disputed(be) == [doubtful]
        # Neither is taken away from the desk.
        home = be.node.home
        ready = await be.node.run_home(lambda: [id_.hex() for _, id_ in home.inbox.ids("ready")])
        assert ready == [sure, doubtful]
        item = await first(be)
        await item.acknowledge()


def test_a_cut_reaches_no_further_than_the_key_and_thirty_days(tmp_path: Path) -> None:
    c, young = Chronicle(), PrivateKey.from_seed(b"yung" * 16)
    world = World(tmp_path, c)
    home = world.home("be")

    def tick(day: float) -> int:
        index = c.clock(day)
        home.logbook.put_statement(Logged(index=index, type="clock", raw=c.raw[index]))
        return index

    def cut(key: PrivateKey, day: float | None, *, together: bool = False) -> int:
        before = None if day is None else int(NOW + day * DAY)
        return size_of(keeping.cut_of(home, c.state, [key.public.id], before, together=together))

    old = c.people["be"].key
    with pytest.raises(UsageError, match="no anchor from then"):
        cut(old, None)
    days: tuple[float, ...] = (1, 2)
    sizes = {day: tick(day) for day in days}
    c.proceed(
        lambda draft: replace(
            draft,
            members=[
                replace(one, keys=(*one.keys, new_key(young.public))) if one.id == "be" else one
                for one in draft.members
            ],
        )
    )
    days = (3, 31.5)
    sizes |= {day: tick(day) for day in days}
    # The anchor of a clock is one of the tree below it.
    assert cut(old, None) == sizes[31.5]
    assert cut(old, 2.5) == sizes[2]
    assert cut(young, 3.5) == sizes[3]
    # The newest anchor below its beginning disputes all that it ever signed; an older one says nothing else.
    assert cut(young, 2.5) == sizes[2]
    with pytest.raises(UsageError, match="had not begun"):
        cut(young, 1.6, together=True)
    for together in (False, True):
        with pytest.raises(UsageError, match="no anchor from then"):
            cut(old, 0.5, together=together)
    with pytest.raises(UsageError, match="only the federation's threshold"):
        cut(old, 1.4)
    assert cut(old, 1.4, together=True) == sizes[1]
    home.close()


def test_a_time_is_a_day_or_a_minute_and_has_come() -> None:
    assert read_date("2026-03-01") + 14 * 3600 + 30 * 60 == read_date("2026-03-01T14:30")
    for wrong in ("2999-01-01", "2999-01-01T00:00", "01.03.2026", "2026-03-01T25:00", "yesterday"):
        with pytest.raises(UsageError):
            read_date(wrong)
