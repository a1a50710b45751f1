"""Witnesses' lines at the relay: verified, attached, and only those of whoever may (SPEC section 9.3)."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from mce_relay.core import Core
from mce_relay.values import PublishIn

from mce_exchange.directory import changes, compose
from mce_exchange.directory.compose import Draft
from mce_exchange.errors import RefusedError
from mce_exchange.log.anchor import SKEW, Anchor, Quorum
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.v1 import relay_pb2 as pb
from tests.relay.federation import NOW, Clock, Federation, running, send, tell
from tests.relay.served import reason, served

THREE = ("be", "pt", "es")


async def newest(core: Core, *, witnessed: bool = False) -> Anchor:
    return core.state.open_anchor(await core.anchor(0, witnessed=witnessed))


async def cosign(core: Core, f: Federation, member: str, *, time: int = NOW, note: bytes = b"") -> int:
    """By the member's witness, on the newest anchor or a note; its size."""
    anchor = core.state.open_anchor(note or await core.anchor(0))
    lines = f.witnesses[member].lines(anchor.note, time=time)
    await core.cosign(member, anchor.checkpoint.size, lines)
    return anchor.checkpoint.size


async def test_lines_are_attached_and_the_quorum_counts(tmp_path: Path) -> None:
    f, clock = Federation(witnesses=THREE), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=600.0) as core:
        assert (await newest(core)).text == "0 of 3 witnesses (quorum 2), relay's clock"
        with pytest.raises(RefusedError, match="no anchor"):
            await core.anchor(0, witnessed=True)
        await cosign(core, f, "be", time=NOW + 5)
        assert not (await newest(core)).witnessed
        await cosign(core, f, "pt", time=NOW + 9)
        # Again, later: in place of the first, not beside it.
        await cosign(core, f, "be", time=NOW + 7)
        found = await newest(core, witnessed=True)
        assert found.times == {"be/witness": NOW + 7, "pt/witness": NOW + 9}
        assert (found.time, found.frozen) == (NOW + 7, NOW)
        await core.cosign("es", 1, f.witnesses["es"].lines(found.note, time=NOW))
        assert (await newest(core, witnessed=True)).times.keys() == {f"{one}/witness" for one in THREE}


async def test_an_older_anchor_still_takes_lines_and_a_new_one_begins_without(tmp_path: Path) -> None:
    f, clock = Federation(witnesses=THREE), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=600.0) as core:
        older = await core.anchor(0)
        for member in THREE[:2]:
            await cosign(core, f, member)
        clock.now += 600
        await core.sweep()
        again = await newest(core)
        assert (again.checkpoint.size, again.frozen, again.times) == (core.state.size, NOW + 600, {})
        # The anchor that had its quorum stays, older as it is, until a newer one has it.
        witnessed = await newest(core, witnessed=True)
        assert (witnessed.checkpoint.size, witnessed.time) == (1, NOW)
        await cosign(core, f, "es", time=NOW + 600, note=older)
        assert len((await newest(core, witnessed=True)).times) == 3
        for member in THREE[1:]:
            await cosign(core, f, member, time=NOW + 600)
        assert (await newest(core, witnessed=True)).checkpoint.size == core.state.size


async def test_the_pace_of_anchors_is_the_logs_own(tmp_path: Path) -> None:
    f, clock = Federation(witnesses=("be",)), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=SKEW / 2) as core:
        await cosign(core, f, "be", time=NOW - SKEW)
        note = await core.anchor(0)
        await send(core, "be", f.envelope("be", "pt"))
        await core.sweep()
        assert await core.anchor(0) == note


async def test_a_clock_is_logged_by_the_newest_anchor_that_has_its_quorum(tmp_path: Path) -> None:
    f, clock = Federation(witnesses=("be",)), Clock()
    async with running(f, tmp_path, clock=clock, anchor_interval=600.0) as core:
        clock.now += 2 * 24 * 3600
        await core.sweep()
        assert not core.state.ticks
        await cosign(core, f, "be", time=int(clock.now))
        clock.now += 601
        await core.sweep()
        assert [one.time for one in core.state.ticks] == [int(clock.now) - 601]


def spoilt(lines: bytes, kind: str, f: Federation) -> bytes:
    """Lines that are not what they should be."""
    first, second = lines.splitlines(keepends=True)
    at = len(second) - 40
    other = b"A" if second[at : at + 1] != b"A" else b"B"
    return {
        "half": first,
        "twice": first + first,
        "three": lines + first,
        "forged": first + second[:at] + other + second[at + 1 :],
        "renamed": lines.replace(b"be/witness", b"pt/witness"),
        "no lines": b"mce1\n",
        "a text in front": b"extension\n\n" + lines,
    }[kind]


@pytest.mark.parametrize(
    ("kind", "why"),
    [
        ("half", "malformed"),
        ("twice", "malformed"),
        ("three", "malformed"),
        ("forged", "bad_signature"),
        ("renamed", "malformed"),
        ("no lines", "malformed"),
        ("a text in front", "malformed"),
    ],
)
async def test_l2_only_both_true_lines_are_attached(tmp_path: Path, kind: str, why: str) -> None:
    f = Federation(witnesses=THREE)
    async with running(f, tmp_path) as core:
        note = await core.anchor(0)
        lines = spoilt(f.witnesses["be"].lines(note, time=NOW), kind, f)
        with pytest.raises(RefusedError) as caught:
            await core.cosign("be", 1, lines)
        assert caught.value.reason == why
        assert await core.anchor(0) == note


@pytest.mark.parametrize("apart", [SKEW + 1, -SKEW - 1, 30 * 365 * 24 * 3600])
async def test_l2_a_time_that_is_not_now_is_refused(tmp_path: Path, apart: int) -> None:
    f = Federation(witnesses=THREE)
    async with running(f, tmp_path) as core:
        note = await core.anchor(0)
        with pytest.raises(RefusedError, match="seconds from the relay's clock"):
            await cosign(core, f, "be", time=NOW + apart)
        assert await core.anchor(0) == note


async def _another_member(core: Core, f: Federation, note: bytes) -> None:
    await core.cosign("pt", 1, f.witnesses["be"].lines(note, time=NOW))


async def _no_witness(core: Core, f: Federation, note: bytes) -> None:
    await core.cosign("nl", 1, f.witnesses["be"].lines(note, time=NOW))


async def _another_size(core: Core, f: Federation, note: bytes) -> None:
    await core.cosign("be", 2, f.witnesses["be"].lines(note, time=NOW))


@pytest.mark.parametrize(
    ("attempt", "why"),
    [(_another_member, "malformed"), (_no_witness, "wrong_context"), (_another_size, "not_found")],
)
async def test_l2_lines_come_through_the_door_of_the_witnesss_member_for_their_size(
    tmp_path: Path, attempt: Callable[..., object], why: str
) -> None:
    f = Federation(witnesses=THREE)
    async with running(f, tmp_path) as core:
        note = await core.anchor(0)
        with pytest.raises(RefusedError) as caught:
            await attempt(core, f, note)  # type: ignore[misc]  # all of them are coroutines
        assert caught.value.reason == why


async def test_keys_and_quorum_are_those_of_the_directory_at_the_anchors_size(tmp_path: Path) -> None:
    """A Directory exchanges a key and the quorum: the old ones count up to its index, the new ones above."""
    f, clock = Federation(witnesses=THREE), Clock()
    old = dict(f.witnesses)
    async with running(f, tmp_path, clock=clock, anchor_interval=600.0) as core:
        below = await core.anchor(0)
        f.witnesses["be"] = replace(old["be"], ed25519=Ed25519Key.generate(), ml_dsa_44=MlDsa44Key.generate())
        current = core.state.directory
        draft = changes.set_witnesses(
            Draft.of(current), add=[f.witnesses["be"].public], end=["es/witness"], quorum=2, version=2
        )
        bundle = compose.successor(draft, current=current, now_minutes=NOW // 60)
        bundle = compose.sign_directory(bundle, f.root, network_id=f.network_id)
        await tell(core, "be", PublishIn(bundle.statement, bundle.members))
        clock.now += 600
        await core.sweep()
        above, now = await core.anchor(0), int(clock.now)
        size = core.state.open_anchor(above).checkpoint.size
        for keys, at, note in ((f.witnesses, 1, below), (old, size, above)):
            with pytest.raises(RefusedError, match="not one line of each key"):
                await core.cosign("be", at, keys["be"].lines(note, time=now))
        with pytest.raises(RefusedError, match="no witness of es"):
            await core.cosign("es", size, old["es"].lines(above, time=now))
        await core.cosign("be", 1, old["be"].lines(below, time=now))
        await core.cosign("es", 1, old["es"].lines(below, time=now))
        await core.cosign("be", size, f.witnesses["be"].lines(above, time=now))
        opened = core.state.open_anchor(await core.anchor(0))
        assert (opened.quorum, opened.witnesses, opened.witnessed) == (Quorum(2, 2), ("be/witness",), False)
        earlier = core.state.open_anchor(await core.anchor(0, witnessed=True))
        assert (earlier.checkpoint.size, earlier.quorum) == (1, Quorum(2, 3))


async def test_the_call(tmp_path: Path) -> None:
    f = Federation(witnesses=THREE)
    async with served(f, tmp_path) as relay, relay.door("be") as be, relay.door("nl") as nl:
        note = (await be.ask("GetAnchor", pb.GetAnchorRequest())).note
        request = pb.CosignRequest(size=1, lines=f.witnesses["be"].lines(note, time=NOW))
        await be.ask("Cosign", request)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await nl.ask("Cosign", request)
        assert reason(caught.value) == "wrong_context"
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await be.ask("GetAnchor", pb.GetAnchorRequest(witnessed=True))
        assert reason(caught.value) == "not_found"
        found = (await be.ask("GetAnchor", pb.GetAnchorRequest())).note
        assert relay.core.state.open_anchor(found).times == {"be/witness": NOW}
