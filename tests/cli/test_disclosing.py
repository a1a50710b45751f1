"""`mce evidence disclose` and `verify --extract`: one message or attachment, and nothing else (promise 4)."""

import json
from pathlib import Path

from mce_exchange import case, fingerprint
from mce_exchange import statement as statements
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.header import read_header
from mce_exchange.store.home import Home
from tests.cli.conftest import Run
from tests.cli.test_exit_codes import told
from tests.node.conftest import SCENARIO, World
from tests.node.test_exchange import accepted, first, followed, send

PHOTO = bytes(range(256)) * 3000


async def with_photo(world: World, folder: Path) -> str:
    """A message of be with an attachment that pt has, anchored at both."""
    (folder / "photo.png").write_bytes(PHOTO)
    async with world.open("be") as be, world.open("pt") as pt:
        id_ = await send(be, world, attachments=[folder / "photo.png"])
        await first(pt)
        await accepted(be, id_)
        for hotline in (be, pt):
            await followed(hotline, world)
            while hotline.node.home.logbook.anchored < world.federation.tree.size:
                await hotline.node._anchors()
    return id_


async def test_what_is_disclosed_is_what_was_sent_and_nothing_else_is_opened(
    world: World, mce: Run, tmp_path: Path
) -> None:
    id_ = await with_photo(world, tmp_path)
    pinned = ["--fingerprint", fingerprint.words(world.federation.network_id)]
    for member in ("be", "pt"):
        home = world.home(member)
        box = home.outbox if member == "be" else home.inbox
        secrets = box.body(bytes.fromhex(id_)).secrets
        home.close()
        for number in (0, 1):
            file, out = tmp_path / f"{member}-{number}", tmp_path / f"out-{member}-{number}"
            ran = mce(
                member, "evidence", "disclose", id_[:9], "--attachment", str(number), "--out", str(file)
            )
            assert ran.code == 0, ran
            said = mce("", "evidence", "verify", str(file), *pinned, "--extract", str(out), "--json")
            [shown] = json.loads(said.out)["disclosed"]
            assert (shown["header_id"], shown["stream"]) == (id_, number)
            assert secrets[number] in file.read_bytes()
            assert secrets[1 - number] not in file.read_bytes()
            names = {path.name.removeprefix(id_[:16]): path for path in out.iterdir()}
            if number:
                assert set(names) == {"-attachment-1.bin"}
                assert names["-attachment-1.bin"].read_bytes() == PHOTO
            else:
                assert set(names) == {"-message.bin", "-message.json", "-message.txt"}
                assert case.from_json(names["-message.json"].read_text()) == SCENARIO.update()
                assert names["-message.txt"].read_text()
            again = mce("", "evidence", "verify", str(file), *pinned, "--extract", str(out))
            told(again, 2, "usage", words="exists already")
            assert len(list(out.iterdir())) == len(names)


async def test_a_false_file_leaves_nothing_behind(world: World, mce: Run, tmp_path: Path) -> None:
    id_ = await with_photo(world, tmp_path)
    file, out = tmp_path / "file", tmp_path / "out"
    pinned = ["--fingerprint", world.federation.network_id.hex()]
    assert mce("pt", "evidence", "disclose", id_, "--attachment", "1", "--out", str(file)).code == 0
    data = bytearray(file.read_bytes())
    data[-200] ^= 1
    file.write_bytes(data)
    told(mce("", "evidence", "verify", str(file), *pinned, "--extract", str(out)), 3, "peer")
    assert list(out.iterdir()) == []
    told(mce("", "evidence", "verify", str(file), *pinned, "--extract", str(file)), 2, "usage")


async def test_what_cannot_be_disclosed_says_why(world: World, mce: Run, tmp_path: Path) -> None:
    id_ = await with_photo(world, tmp_path)
    out = ["--out", str(tmp_path / "file")]
    told(mce("be", "evidence", "disclose", id_, "--attachment", "2", *out), 2, "usage", words="1 attachments")
    told(mce("es", "evidence", "disclose", id_, *out), 2, "usage", words="no message has")
    home = Home.open(world.folder / "be", "synthetic")
    sent = home.outbox.find(bytes.fromhex(id_))
    assert sent
    root = read_header(statements.decode(sent.statement)).core.streams[1].root
    path = home.attachments.path(root)
    damaged = bytearray(path.read_bytes())
    damaged[1000] ^= 1
    path.write_bytes(damaged)
    told(
        mce("be", "evidence", "disclose", id_, "--attachment", "1", *out),
        6,
        "store",
        words="not what was signed",
    )
    with home.database.write():
        home.database.run("UPDATE message SET body_key = NULL, body = NULL")
    home.close()
    erased = "the content and stream secrets of this message have been erased here"
    told(mce("be", "evidence", "disclose", id_, *out), 6, "store", words=erased)
    assert [path for path in tmp_path.iterdir() if path.name.startswith("file")] == []


async def test_a_period_is_exported_and_its_findings_listed(world: World, mce: Run, tmp_path: Path) -> None:
    id_ = await with_photo(world, tmp_path)
    file, found = tmp_path / "all.evidence", tmp_path / "found.jsonl"
    pinned = ["--fingerprint", world.federation.network_id.hex()]
    told(mce("be", "evidence", "export", "--out", str(file)), 2, "usage", words="--from")
    told(mce("be", "evidence", "export", "--from", "soon", "--out", str(file)), 2, "usage", words="no time")
    told(mce("be", "evidence", "export", "--resume", "--out", str(file)), 2, "usage", words="0 exports")
    assert mce("be", "evidence", "export", "--from", "2020-01-01", "--out", str(file)).code == 0
    ran = mce("", "evidence", "verify", str(file), *pinned, "--out", str(found), "--json")
    assert (json.loads(ran.out)["messages"], json.loads(ran.out)["statements"]) == ([], 4)
    lines = [json.loads(line) for line in found.read_text().splitlines()]
    assert [one["header_id"] for one in lines if "recipients" in one] == [id_]
    assert len(lines) == 4
    part = tmp_path / "again.evidence.0-5.part"
    part.write_bytes(file.read_bytes()[:9000])
    again = tmp_path / "again.evidence"
    assert mce("be", "evidence", "export", "--resume", "--out", str(again)).code == 0
    assert verify_evidence(again.open("rb"), network_id=world.federation.network_id).statements == 4
