"""An auditor's node: it keeps every Statement, so that it can prove anybody's message (SPEC section 12.4)."""

import asyncio
import io
from pathlib import Path

import pytest

from mce_exchange.audit.verify import verify_evidence
from mce_exchange.client import proving
from mce_exchange.client.facade import Hotline
from mce_exchange.errors import UsageError
from tests.node.audited import AUDITOR, AuditedWorld
from tests.node.test_exchange import SOON, first, followed, send, settled


@pytest.fixture
def world(tmp_path: Path) -> AuditedWorld:
    return AuditedWorld(tmp_path)


async def anchored(hotline: Hotline, world: AuditedWorld) -> None:
    async with asyncio.timeout(SOON):
        while (
            await hotline.node.run_home(lambda: hotline.node.home.logbook.anchored)
            < world.federation.tree.size
        ):
            await asyncio.sleep(0.02)


async def test_an_auditor_proves_a_message_to_which_it_is_no_party(world: AuditedWorld) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world, "pt", "es")
        await (await first(pt)).acknowledge()
        async with world.open("es") as es:
            await (await first(es)).refuse()
            await settled(be, id_)
    async with world.open(AUDITOR) as auditor:
        await followed(auditor, world)
        await anchored(auditor, world)

        def export(id_: str) -> bytes:
            node = auditor.node
            return b"".join(proving.evidence_of(node.home, node.identity, node.follower, [id_]))

        file = await auditor.node.run_home(export, id_[:12])
        with pytest.raises(UsageError, match="no message has"):
            await auditor.node.run_home(export, "00" * 32)
        assert await auditor.node.run_home(auditor.node.home.inbox.count, "ready") == 0
    report = verify_evidence(io.BytesIO(file), network_id=world.federation.network_id)
    assert [(one.stage, one.recipient) for one in report.messages[0].steps] == [
        ("delivered", "pt"),
        ("refused", "es"),
    ]
