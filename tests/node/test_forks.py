"""Two histories of one thing: of a pair, of the Directory, of an entry's class (threats R3, D2, L8)."""

from collections.abc import Sequence
from dataclasses import replace

import pytest

from mce_exchange import case
from mce_exchange import statement as statements
from mce_exchange.directory.compose import Draft, successor
from mce_exchange.keys import PrivateKey
from mce_exchange.log.entry import LogEntry
from mce_exchange.sealing import To, seal, seal_streams
from mce_exchange.store.alarms import Alarm
from tests.federation import NOW_MINUTES, ROOTS, signed
from tests.node.conftest import SCENARIO, World
from tests.node.hostile import Held
from tests.node.test_exchange import first, followed, send
from tests.node.test_hostile import alarm, quiet


def sealed(
    world: World,
    *,
    sequence: int,
    previous_id: bytes = b"",
    version: int = 1,
    directory_id: bytes | None = None,
    keys: Sequence[PrivateKey] = (),
) -> Held:
    """A message of `be` to `pt`, as its desk would seal it."""
    federation = world.federation
    prekey = federation.state.prekey("pt")
    assert prekey
    draft = seal_streams(sender="be", recipients=["pt"], content=case.encode(SCENARIO.update()))
    made = seal(
        draft,
        to=[
            To(
                member="pt",
                sequence=sequence,
                previous_id=previous_id,
                prekey_id=prekey.id,
                prekey=prekey.public_key,
            )
        ],
        network_id=federation.network_id,
        directory_version=version,
        directory_id=federation.state.directory.id if directory_id is None else directory_id,
        keys=keys or [federation.people["be"].key],
        created_minutes=NOW_MINUTES,
    )
    held = Held(made.statement.raw, {"be", "pt"}, {"pt": made.wraps[0]}, made.payload)
    held.content_key = draft.content_key
    return held


async def test_r3_a_history_that_forks_alarms_and_holds_nothing_back(world: World) -> None:
    async with world.open("pt") as pt:
        one = sealed(world, sequence=1)
        world.relay.log(one)
        await (await first(pt)).acknowledge()
        two = sealed(world, sequence=2, previous_id=_id(world, one))
        world.relay.log(two)
        await (await first(pt)).acknowledge()
        await followed(pt, world)
        assert quiet(pt)
        # Number 3 follows another number 2 than the one that came.
        world.relay.log(sealed(world, sequence=3, previous_id=b"f" * 32))
        assert "another" in await alarm(pt, Alarm.FORK)
        await (await first(pt)).acknowledge()


def _id(world: World, held: Held) -> bytes:
    return statements.decode(held.statement).id(world.federation.network_id)


@pytest.mark.parametrize(("version", "id_"), [(1, b"d" * 32), (2, b"d" * 32)])
async def test_d2_a_sender_who_was_shown_another_directory_alarms(
    world: World, version: int, id_: bytes
) -> None:
    world.relay.log(sealed(world, sequence=1, version=version, directory_id=id_))
    async with world.open("pt") as pt:
        assert "Directory" in await alarm(pt, Alarm.FORK)
        # Urgency comes first: the message is there all the same.
        await (await first(pt)).acknowledge()


async def test_d2_an_older_directory_is_refused_also_after_a_restart(world: World) -> None:
    federation = world.federation
    directory = federation.state.directory
    second = signed(
        successor(replace(Draft.of(directory), name="Second"), current=directory, now_minutes=NOW_MINUTES),
        ROOTS[:2],
        network_id=federation.network_id,
    )
    world.relay.log(Held(second.statement, None, members=second.members))
    async with world.open("be") as be:
        await followed(be, world)
        assert be.node.follower.state.directory.version == 2
    # The relay offers the first version again, and another second one.
    third = signed(
        successor(
            replace(Draft.of(directory), name="Another second"), current=directory, now_minutes=NOW_MINUTES
        ),
        ROOTS[:2],
        network_id=federation.network_id,
    )
    for old in (federation.genesis, third):
        held = Held(old.statement, None, members=old.members)
        federation._append(old.statement)
        world.relay.held.append(held)
    federation.state = replace(federation.state, size=federation.tree.size)
    async with world.open("be") as be:
        await followed(be, world)
        assert "passed over" in await alarm(be, Alarm.INVALID_ENTRY)
        assert (be.node.follower.state.directory.version, be.node.follower.state.directory.name) == (
            2,
            "Second",
        )


@pytest.mark.parametrize("public", [True, False])
async def test_l8_an_entry_of_the_wrong_class_halts_nobody(world: World, public: bool) -> None:
    federation = world.federation
    raw = federation.raw[1] if not public else sealed(world, sequence=1).statement
    entry = LogEntry(public, statements.decode(raw).digest)
    federation.tree.append(entry.leaf_hash)
    world.relay.held.append(Held(raw, None, entry=entry.encode()))
    federation.state = replace(federation.state, size=federation.tree.size)
    async with world.open("be") as be, world.open("pt") as pt:
        assert "passed over" in await alarm(pt, Alarm.INVALID_ENTRY)
        await send(be, world)
        await (await first(pt)).acknowledge()
