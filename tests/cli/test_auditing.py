"""`mce audit watch` over an auditor's home and a member's: state, exit codes, metrics."""

import base64
import io
import json
import re
import time
from pathlib import Path

import pytest

from mce_exchange.audit.verify import verify_evidence
from mce_exchange.store.alarms import Alarm
from mce_exchange.v1 import statement_pb2 as pb
from tests import federation
from tests.cli.conftest import Run
from tests.cli.test_exit_codes import told
from tests.federation import RELAY_KEY
from tests.node import conftest
from tests.node.audited import AUDITOR, AuditedWorld
from tests.node.hostile import Held
from tests.node.test_auditing import anchored
from tests.node.test_exchange import first, followed, send, settled

QUIET = ["--once", "--silent", "2000000"]


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cheap: None) -> AuditedWorld:
    """As the commands' world, with an auditor."""
    minutes = int(time.time() // 60)
    for module in (federation, conftest):
        monkeypatch.setattr(module, "NOW_MINUTES", minutes)
    made = AuditedWorld(tmp_path)
    made.clock.now = minutes * 60.0
    made.relay.time = minutes * 60
    return made


async def an_exchange(world: AuditedWorld) -> str:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        await (await first(pt)).acknowledge()
        await settled(be, id_)
    return id_


async def followed_by(world: AuditedWorld, member: str) -> None:
    async with world.open(member) as hotline:
        await followed(hotline, world)
        await anchored(hotline, world)


async def test_an_auditor_watches_every_entry_and_goes_on_where_it_was(
    world: AuditedWorld, mce: Run, tmp_path: Path
) -> None:
    id_ = await an_exchange(world)
    await followed_by(world, AUDITOR)
    metrics = tmp_path / "mce.prom"
    ran = mce(AUDITOR, "audit", "watch", *QUIET, "--metrics", str(metrics), "--json")
    assert ran.code == 0, ran
    *shown, last = map(json.loads, ran.out.splitlines())
    assert last == {"checked": world.federation.tree.size, "alarms": False}
    assert {(one["alarm"], one["news"]) for one in shown} == {("directory", True)}
    numbers = metrics.read_text()
    assert f"mce_audit_entries_checked {float(world.federation.tree.size)}" in numbers
    assert 'mce_audit_alarms{kind="invalid"} 0.0' in numbers
    assert "mce_audit_alarms_unseen 0.0" in numbers
    assert id_ not in numbers
    assert '"be"' not in numbers
    # Somebody has something logged that does not count.
    body = pb.Void(signers=[RELAY_KEY.public.id], sender="be", recipient="pt", sequence=1)
    forged = world.relay.log(
        Held(world.federation.sign("void", body.SerializeToString(), RELAY_KEY).raw, {"be", "pt"})
    )
    await followed_by(world, AUDITOR)
    found = mce(AUDITOR, "audit", "watch", *QUIET, "--json")
    assert found.code == 1
    alarms = [one for one in map(json.loads, found.out.splitlines()) if one.get("alarm") == "invalid"]
    assert [one["entry"] for one in alarms] == [forged]
    assert "ALARM invalid" in mce(AUDITOR, "audit", "watch", *QUIET, "--seen").out
    assert mce(AUDITOR, "audit", "watch", *QUIET).code == 0


async def test_a_member_watches_what_it_is_shown(world: AuditedWorld, mce: Run, tmp_path: Path) -> None:
    await an_exchange(world)
    await followed_by(world, "pt")
    state = tmp_path / "pt.state"
    ran = mce("pt", "audit", "watch", *QUIET, "--state", str(state))
    assert ran.code == 0, ran
    assert ran.out.endswith(f"{world.federation.tree.size} entries checked.\n")
    assert state.stat().st_mode & 0o077 == 0
    told(mce("pt", "audit", "watch", "--every", "0"), 2, "usage")
    told(mce("pt", "audit", "watch", *QUIET, "--state", str(tmp_path / "no" / "folder")), 6, "store")
    assert mce("pt", "audit", "watch", *QUIET, "--metrics", str(tmp_path / "no" / "folder")).code == 6
    # A home that holds another log than the one watched is an alarm, and nothing of it is taken.
    home = world.home("pt")
    assert Alarm.FORK not in {one.kind for one in home.alarms.all()}
    with home.database.write():
        home.database.run("UPDATE entry SET entry = ? WHERE log_index = 3", bytes([1, 0]) + b"x" * 32)
    home.close()
    other = mce("pt", "audit", "watch", *QUIET, "--state", str(state))
    assert (other.code, "fork" in other.out) == (1, True)


async def test_a_report_of_a_period_with_the_proof_of_each_anomaly(
    world: AuditedWorld, mce: Run, tmp_path: Path
) -> None:
    out = tmp_path / "report.html"
    told(mce(AUDITOR, "audit", "report", "--out", str(out)), 2, "usage", words="no entry is dated")
    await an_exchange(world)
    body = pb.Void(signers=[RELAY_KEY.public.id], sender="be", recipient="pt", sequence=1)
    forged = world.relay.log(
        Held(world.federation.sign("void", body.SerializeToString(), RELAY_KEY).raw, {"be", "pt"})
    )
    await followed_by(world, AUDITOR)
    ran = mce(AUDITOR, "audit", "report", "--out", str(out), "--json")
    assert ran.code == 0, ran
    values = json.loads(ran.out)
    assert values["flows"] == [{"sender": "BE", "recipient": "PT", "count": None}]
    [anomaly] = values["anomalies"]
    assert (anomaly["alarm"]["kind"], anomaly["alarm"]["log_index"]) == ("invalid", forged)
    data = re.search(r'href="data:application/octet-stream;base64,([^"]+)"', out.read_text())
    assert data
    proof = base64.b64decode(data[1])
    assert len(proof) == anomaly["proof"]
    report = verify_evidence(io.BytesIO(proof), network_id=world.federation.network_id)
    assert [(fact.index, str(fact.verdict)) for fact in report.facts] == [(forged, "invalid")]
    told(
        mce(AUDITOR, "audit", "report", "--from", "2099-01-01", "--out", str(out)), 2, "usage", words="begins"
    )
