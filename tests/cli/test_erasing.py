"""`mce erase`, `mce retention`, `mce holders`."""

import json

from tests.cli.conftest import Run
from tests.cli.test_exit_codes import told
from tests.node.conftest import World
from tests.node.test_exchange import first, followed, send, settled


async def test_content_is_erased_by_command_and_its_holders_are_shown(world: World, mce: Run) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world)
        item = await first(pt)
        told(mce("pt", "erase", id_[:8]), 2, "usage", words="not answered")
        await item.acknowledge()
        await settled(be, id_)
        for hotline in (be, pt):
            await followed(hotline, world)
            await hotline.node._keep_up()
    assert mce("pt", "erase", id_[:8]).out == "Erased the content of 1 message(s).\n"
    told(mce("pt", "read", id_), 6, "store", words="erased")
    [row] = json.loads(mce("pt", "inbox", "--all", "--json").out)["messages"]
    assert row["kind"] == "erased"
    shown = mce("be", "holders", id_[:8], "--json")
    assert [(one["holder"], one["what"]) for one in json.loads(shown.out)["holders"]] == [
        ("relay", "the ciphertext"),
        ("be", "the content key"),
        ("be", "the content"),
        ("pt", "the content"),
    ]
    late = mce("be", "holders")
    assert (late.code, late.out) == (0, "Nobody, by the log.\n")
    assert mce("be", "retention", "30").out == "Content goes 30 days after its answer.\n"
    assert json.loads(mce("be", "retention", "--json").out) == {"retention_days": 30}
    assert mce("be", "retention", "0").out == "Content stays until `mce erase`.\n"
    told(mce("be", "retention", "3"), 2, "usage")
    assert json.loads(mce("be", "status", "--json").out)["not_erased"] == 0
