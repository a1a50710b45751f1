"""The evidence of a period: a member's and an auditor's, cut off and gone on with (SPEC 12.5)."""

from pathlib import Path

import pytest

from mce_exchange.audit.report import Report
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.client.exporting import Exporting, Period, period
from mce_exchange.client.facade import Hotline
from mce_exchange.client.identity import Identity
from mce_exchange.errors import UsageError
from mce_exchange.log.anchor import sign_anchor
from mce_exchange.log.checkpoint import Checkpoint
from mce_exchange.store.logbook import Logged
from mce_exchange.v1 import statement_pb2 as pb
from tests.federation import LOG, RELAY_KEY
from tests.node.audited import AUDITOR, AuditedWorld
from tests.node.hostile import Held
from tests.node.test_auditing import anchored
from tests.node.test_exchange import first, followed, send, settled


@pytest.fixture
def world(tmp_path: Path) -> AuditedWorld:
    return AuditedWorld(tmp_path)


def silent(done: int, total: int) -> None:
    """No progress."""


async def exchanges(world: AuditedWorld, count: int) -> list[int]:
    """So many messages of be to pt, each answered: the log indices at which they begin."""
    begins = []
    async with world.open("be") as be, world.open("pt") as pt:
        for _ in range(count):
            await followed(be, world)
            begins.append(world.federation.tree.size)
            id_ = await send(be, world)
            await (await first(pt)).acknowledge()
            await settled(be, id_)
    return begins


def write(hotline: Hotline, out: Path, chosen: Period) -> bytes:
    node = hotline.node
    Exporting(node.home, node.identity, node.follower, out).begin(chosen, silent)
    return out.read_bytes()


def verified(world: AuditedWorld, path: Path) -> Report:
    with path.open("rb") as file:
        return verify_evidence(file, network_id=world.federation.network_id)


async def test_a_period_has_its_messages_and_what_became_of_them(world: AuditedWorld, tmp_path: Path) -> None:
    one, two, three = await exchanges(world, 3)
    async with world.open(AUDITOR) as auditor, world.open("es") as es:
        for hotline in (auditor, es):
            await followed(hotline, world)
            await anchored(hotline, world)
        write(auditor, tmp_path / "all", Period(0, world.federation.tree.size))
        write(auditor, tmp_path / "two", Period(two, two + 1))
        write(es, tmp_path / "es.evidence", Period(0, world.federation.tree.size))
    whole = verified(world, tmp_path / "all")
    assert [message.index for message in whole.messages] == [one, two, three]
    assert whole.statements >= three
    [message] = verified(world, tmp_path / "two").messages
    assert (message.index, message.recipients) == (two, {"pt": f"delivered, entry {two + 1}"})
    # Who is a party to nothing shows what is public.
    others = verified(world, tmp_path / "es.evidence")
    assert (others.messages, {fact.type for fact in others.facts}) == ((), {"prekey"})


async def test_an_export_goes_on_where_it_was_cut_off(world: AuditedWorld, tmp_path: Path) -> None:
    await exchanges(world, 2)
    async with world.open(AUDITOR) as auditor:
        await followed(auditor, world)
        await anchored(auditor, world)
        node = auditor.node
        chosen = Period(0, world.federation.tree.size)
        whole = write(auditor, tmp_path / "all", chosen)
        for cut in (len(whole) - 1, len(whole) // 2, len(whole) // 2 + 700, 4000):
            out = tmp_path / f"cut-{cut}"
            part = tmp_path / f"{out.name}.{chosen.first}-{chosen.last}.part"
            part.write_bytes(whole[:cut])
            exporting = Exporting(node.home, node.identity, node.follower, out)
            with pytest.raises(UsageError, match="was cut off"):
                exporting.begin(chosen, silent)
            assert exporting.resume(silent) == len(whole)
            assert out.read_bytes() == whole
            assert not part.exists()
            with pytest.raises(UsageError, match="0 exports to go on with"):
                exporting.resume(silent)
        for name, data in (("a.0-9.part", b""), ("a.x-9.part", whole), ("a.0-9.part", whole[:30])):
            (tmp_path / name).write_bytes(data)
            with pytest.raises(UsageError, match="no beginning"):
                Exporting(node.home, node.identity, node.follower, tmp_path / "a").resume(silent)
            (tmp_path / name).unlink()


async def test_what_does_not_count_is_shown_as_that_or_left_out(world: AuditedWorld, tmp_path: Path) -> None:
    federation = world.federation
    # By the relay, which may not say so; in an entry of another class; and bytes that are none.
    body = pb.Void(signers=[RELAY_KEY.public.id], sender="be", recipient="pt", sequence=1)
    forged = world.relay.log(
        Held(federation.sign("void", body.SerializeToString(), RELAY_KEY).raw, {"be", "pt"})
    )
    async with world.open(AUDITOR) as auditor:
        await followed(auditor, world)
        await anchored(auditor, world)
        home = auditor.node.home
        kept = next(home.logbook.period(forged, forged + 1, forged + 1))
        assert (kept.index, kept.type) == (forged, "passed-over")
        for number, raw in ((0, b"junk"), (1, federation.raw[1]), (2, federation.genesis.statement)):
            home.database.run("DELETE FROM statement WHERE log_index = ?", number + 1)
            home.logbook.put_statement(Logged(index=number + 1, type="passed-over", raw=raw))
        write(auditor, tmp_path / "all", Period(0, federation.tree.size))
    report = verified(world, tmp_path / "all")
    # The auditor's own first prekey may have come after it.
    shown = [(fact.index, str(fact.verdict)) for fact in report.facts if fact.index <= forged]
    assert shown == [(forged, "invalid")]


async def test_a_period_is_the_smallest_that_the_logs_clock_knows(world: AuditedWorld) -> None:
    federation = world.federation
    async with world.open(AUDITOR) as auditor:
        await followed(auditor, world)
        await anchored(auditor, world)
    # The node has ended: nothing moves its log on.
    home, now = world.home(AUDITOR), int(world.clock.now)
    follower = Identity.of(home).follower(home)
    size = home.logbook.anchored
    assert period(home, follower, None, None) == Period(0, size)
    with home.database.write():
        home.database.run("DELETE FROM anchor")
        for at, time in ((2, now - 3600), (3, now - 1800)):
            home.database.run("INSERT INTO anchor (size, time, note) VALUES (?, ?, x'')", at, time)
        home.database.run("DELETE FROM witnessed")
        tree = Checkpoint(federation.state.directory.origin, follower.size, follower.tree.root())
        note = sign_anchor(tree, time=now, ed25519=LOG[0], ml_dsa_44=LOG[1])
        home.logbook.put_anchor(follower.size, now, note)
    size = follower.size
    assert period(home, follower, now - 2000, now - 1000) == Period(2, size)
    assert period(home, follower, now - 3600, now - 1800) == Period(2, 3)
    assert period(home, follower, now - 9000, now - 3000) == Period(0, 3)
    with pytest.raises(UsageError, match="nothing was logged"):
        period(home, follower, now, None)
    home.close()
