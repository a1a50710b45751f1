"""`mce-relay check` on stores that are whole and damaged: never silent, never a traceback (L4, L5)."""

import random
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw
import pytest
from mce_relay import boot, check, server
from mce_relay.config import Config
from mce_relay.core import Core
from mce_relay.keyring import Keyring, Rings
from mce_relay.store.sqlite import FILE, SqliteStore
from mce_relay.values import NoMetrics, Settings

from mce_exchange.errors import MceError
from mce_exchange.log.checkpoint import open_checkpoint
from tests.relay.federation import Clock, Federation, accepted, ciphertext, put, send, stream, tell
from tests.relay.operated import PASSPHRASE, home, run


@dataclass
class Where:
    """What `filled` has put into a data folder: a header's index, an attachment, the log's size."""

    header: int
    root: bytes
    size: int


async def filled(f: Federation, config: Path) -> Where:
    """A data folder with a bit of everything, closed in good order; where things are."""
    data = Config.read(config).data
    core = Core(
        data=data,
        genesis=f.bundle,
        keys=f.relay_keys,
        settings=Settings(sweep_interval=1e6, anchor_interval=0.0),
        clock=Clock(),
        anchor_file=data.with_name("newest.anchor"),
    )
    await core.start()
    for outcome in await core.publish(f.relay_id, f.all_prekeys()):
        accepted(outcome)
    attachment = ciphertext(300_000)
    await put(core, "be", attachment)
    found = await send(core, "be", f.envelope("be", "pt", "xx", attachments=[attachment]))
    for _ in range(3):
        await send(core, "es", f.envelope("es", "pt"))
    await core.sweep()
    await tell(core, "pt", f.delivered("pt", (f.id(found.statement), found.receipt.index, 0)))
    await core.close()
    return Where(header=found.receipt.index, root=stream(attachment).root, size=core.state.size)


@pytest.fixture
async def relay(tmp_path: Path) -> tuple[Path, Where]:
    f = Federation()
    config = home(f, tmp_path)
    return config, await filled(f, config)


def told(config: Path, **options: bool) -> dict[str, check.Found]:
    return {one.name: one for one in check.look(Config.read(config), PASSPHRASE, **options)}


def mended(found: dict[str, check.Found]) -> list[str]:
    """What has a remedy."""
    return [name for name, one in found.items() if one.remedy]


def change(config: Path, sql: str) -> None:
    connection = apsw.Connection(str(Config.read(config).data / FILE))
    connection.execute(sql)
    connection.close()


def test_a_whole_store_is_in_order(relay: tuple[Path, Where]) -> None:
    config, where = relay
    for deep in (False, True):
        found = told(config, deep=deep)
        assert mended(found) == []
        assert f"{where.size} entries fit" in found["log"].text
        assert set(found) == {
            *("keys", "genesis", "database", "log", "door", "statements", "messages", "anchors"),
            *("attachments", "disk", "known anchor"),
        }


DAMAGES: dict[str, tuple[str, str]] = {
    "a private Statement": (
        "UPDATE entries SET statement = CAST(statement || x'00' AS BLOB) WHERE idx = {header}",
        "statements",
    ),
    "a payload": (
        "UPDATE payloads SET payload = CAST(substr(payload, 2) || x'00' AS BLOB) WHERE idx = {header}",
        "messages",
    ),
    "a lost payload": ("DELETE FROM payloads WHERE idx = {header}", "messages"),
    "a wrap": ("UPDATE places SET wrap = CAST(wrap || x'00' AS BLOB) WHERE idx = {header}", "messages"),
    "a lost message": ("DELETE FROM payloads; DELETE FROM places; DELETE FROM messages", "messages"),
    "an anchor": ("UPDATE anchors SET note = CAST(note || x'00' AS BLOB)", "anchors"),
    "an anchor of another size": ("UPDATE anchors SET size = size + 1", "anchors"),
    "a row that refers to none": ("INSERT INTO parties VALUES ('be', 999)", "database"),
    "a removed entry": ("DELETE FROM parties; DELETE FROM entries WHERE idx = 2", "stopped here"),
    "all entries": ("DELETE FROM entries", "stopped here"),
    "a removed tail": ("DELETE FROM entries WHERE idx > {header}", "stopped here"),
    "a public Statement": (
        "UPDATE entries SET statement = CAST(statement || x'00' AS BLOB) WHERE idx = 1",
        "stopped here",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_l5_damage_is_named_with_what_to_do(relay: tuple[Path, Where], damage: str) -> None:
    config, where = relay
    sql, name = DAMAGES[damage]
    change(config, sql.format(header=where.header))
    found = told(config)
    assert name in mended(found), found
    assert name != "stopped here" or "restore" in found[name].remedy


def test_l5_attachments_are_looked_at_as_far_as_is_asked(
    relay: tuple[Path, Where],
) -> None:
    config, where = relay
    path = Config.read(config).data / "attachments" / where.root.hex()
    whole = path.read_bytes()
    path.write_bytes(bytes([whole[0] ^ 1]) + whole[1:])
    assert mended(told(config)) == []
    assert mended(told(config, deep=True)) == ["attachments"]
    cases: list[Callable[[], object]] = [
        lambda: path.write_bytes(whole[:-1]),
        path.unlink,
        lambda: path.with_name(path.name + ".leaves").unlink(),
    ]
    for case in cases:
        case()
        assert mended(told(config)) == ["attachments"]
        assert where.root.hex() in told(config)["attachments"].text


def looked(read: Config, keyring: Keyring) -> bool:
    """Whether the check found a fault in the data folder; the keys are read once, which takes long."""
    try:
        return any(one.remedy for one in check._data(read, Rings(keyring, None), deep=False))
    except MceError as error:
        return bool(error.remedy)


def dump(path: Path) -> list[tuple[object, ...]]:
    """Every row of every table."""
    connection = apsw.Connection(str(path))
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    rows = [row for table in sorted(tables) for row in connection.execute(f"SELECT * FROM {table}")]
    connection.close()
    return rows


def root(read: Config, keyring: Keyring) -> tuple[int, bytes] | None:
    """Size and root of the tree that would be served, or None if the start refuses."""
    store = SqliteStore(read.data)
    try:
        store.open()
        head, _, _ = boot.start(store, server.read_directory(read.genesis), keyring.keys, NoMetrics())
        return head.size, head.checkpoint.root
    except MceError:
        return None
    finally:
        store.close()


def test_l5_a_flipped_bit_is_found_or_changes_nothing_that_was_signed(
    relay: tuple[Path, Where],
) -> None:
    read = Config.read(relay[0])
    keyring = Keyring.read(read.keys, PASSPHRASE)
    database, seed, noticed = read.data / FILE, random.Random(5), 0
    whole, signed, rows = database.read_bytes(), root(read, keyring), dump(database)
    assert signed
    for _ in range(60):
        at = seed.randrange(len(whole))
        database.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << seed.randrange(8)]) + whole[at + 1 :])
        if looked(read, keyring):
            noticed += 1
        else:
            # In the padding of a page, or in one that is free.
            assert dump(database) == rows
        assert root(read, keyring) in (signed, None)
    assert noticed > 10


async def test_l4_a_write_ahead_log_that_was_cut_is_an_earlier_state_of_the_same_log(tmp_path: Path) -> None:
    f = Federation()
    config = home(f, tmp_path)
    read, copy = Config.read(config), tmp_path / "copy"
    settings = Settings(sweep_interval=1e6)
    core = Core(
        data=read.data,
        genesis=f.bundle,
        keys=f.relay_keys,
        settings=settings,
        clock=Clock(),
        anchor_file=read.anchor_file,
    )
    await core.start()
    roots = {}
    for item in (*f.all_prekeys(), f.prekey("be"), f.prekey("es")):
        await tell(core, f.relay_id, item)
        roots[core.state.size] = open_checkpoint(
            core.checkpoint(), origin=core.state.directory.origin, key=f.relay_keys.log
        ).root
    # As SIGKILL would leave it.
    shutil.copytree(read.data, copy)
    await core.close()
    (copy / "lock").unlink()
    wal, keyring = (copy / f"{FILE}-wal").read_bytes(), Keyring.read(read.keys, PASSPHRASE)
    sizes = []
    for part in range(8):
        shutil.rmtree(read.data)
        shutil.copytree(copy, read.data)
        (read.data / f"{FILE}-shm").unlink()
        (read.data / f"{FILE}-wal").write_bytes(wal[: len(wal) * part // 7])
        assert not looked(read, keyring)
        found = root(read, keyring)
        assert found
        sizes.append(found[0])
        assert found[0] == 1 or roots[found[0]] == found[1]
    assert sizes == sorted(sizes)
    assert sizes[-1] == max(roots)


def test_permissions_and_doors_are_named(relay: tuple[Path, Where]) -> None:
    config, _ = relay
    read = Config.read(config)
    for path, remedy in (
        (read.data, "chmod 700"),
        (read.keys, "chmod 700"),
        (read.keys / "relay.keys", "chmod 600"),
    ):
        mode = path.stat().st_mode & 0o777
        path.chmod(mode | 0o044)
        found = told(config)
        # What only the owner may read is not read at all.
        assert mended(found) == ["permissions"] + ["stopped here"] * (path.name == "relay.keys")
        assert remedy in found["permissions"].remedy
        path.chmod(mode)
    config.write_text(config.read_text().replace('id = "relay-1"', 'id = "relay-2"'))
    assert mended(told(config)) == ["door"]


def test_the_command_ends_with_1_and_says_what_to_do(relay: tuple[Path, Where]) -> None:
    config, where = relay
    change(config, DAMAGES["a private Statement"][0].format(header=where.header))
    done = run(config, "check")
    assert (done.returncode, done.stderr) == (1, "")
    assert f"statements: damaged: {where.header} - keep this folder" in done.stdout
    (Config.read(config).data / FILE).write_bytes(b"no database at all" * 1000)
    done = run(config, "check")
    assert (done.returncode, done.stderr) == (1, "")
    assert "stopped here: the database is damaged" in done.stdout
    assert run(config, "serve").returncode == 6
