"""A home that fails says so: full disk, damage, wrong passphrase, other rights; always a typed error."""

import fcntl
import os
import random
import shutil
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace

import apsw
import pytest

from mce_exchange.client.identity import Identity
from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.keyfile import read_keyfile, replace_file, write_keyfile
from mce_exchange.passphrase import PassphraseFrom
from mce_exchange.primitives.vault import Cost
from mce_exchange.store.home import Home, change_passphrase
from tests.node.conftest import PASSPHRASE, World
from tests.node.test_exchange import accepted, first, followed, send


@pytest.fixture
def path(tmp_path: Path) -> Path:
    Home.create(tmp_path / "home", PASSPHRASE, cost=Cost.INTERACTIVE).close()
    return tmp_path / "home"


def test_a_wrong_passphrase_and_a_changed_one(path: Path) -> None:
    with pytest.raises(StoreError, match="passphrase"):
        Home.open(path, "another")
    change_passphrase(path, PASSPHRASE, "another", cost=Cost.INTERACTIVE)
    Home.open(path, "another").close()
    with pytest.raises(StoreError):
        Home.open(path, PASSPHRASE)
    with pytest.raises(UsageError, match="UTF-8"):
        Home.open(path, "\udcff")


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b"\xff",
        b"[" * 50_000,
        b'{"salt": 1, "cost": "MODERATE", "box": ""}',
        b'{"salt": "00", "cost": "INTERACTIVE", "box": "00"}',
        b'{"salt": "' + b"00" * 16 + b'", "cost": "CHEAP", "box": "00"}',
        b'{"salt": "' + b"00" * 16 + b'", "cost": "INTERACTIVE", "box": "00"}',
        b" " * 10**6,
    ],
    ids=range(10),
)
def test_a_damaged_key_file(path: Path, data: bytes) -> None:
    (path / "home.key").write_bytes(data)
    with pytest.raises(StoreError):
        Home.open(path, PASSPHRASE)


def test_rights_that_are_too_wide(path: Path) -> None:
    (path / "home.key").chmod(0o640)
    with pytest.raises(StoreError, match="others may read") as caught:
        Home.open(path, PASSPHRASE)
    assert "chmod 600" in caught.value.remedy
    path.chmod(0o755)
    with pytest.raises(StoreError, match="others may read"):
        Home.open(path, PASSPHRASE)


def test_what_is_no_home(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none", tmp_path, Path("/dev/null"), Path("a\0b")):
        with pytest.raises(UsageError, match="not a home"):
            Home.open(wrong, PASSPHRASE)
    (tmp_path / "file").write_text("x")
    for wrong in (tmp_path / "file", tmp_path / "file/below", Path("a\0b")):
        with pytest.raises(MceError):
            Home.create(wrong, PASSPHRASE)
    with pytest.raises(UsageError, match="not empty"):
        Home.create(tmp_path, PASSPHRASE)
    with pytest.raises(UsageError, match="passphrase"):
        Home.create(tmp_path / "new", "")


def test_a_home_that_lost_its_database_is_given_no_empty_one(path: Path) -> None:
    (path / "home.db").unlink()
    with pytest.raises(StoreError, match="database") as caught:
        Home.open(path, PASSPHRASE)
    assert "backup" in caught.value.remedy
    assert not (path / "home.db").exists()
    (path / "home.db").write_bytes(b"no database at all, but quite long enough to be looked at" * 100)
    with pytest.raises(StoreError):
        Home.open(path, PASSPHRASE)
    (path / "home.db").unlink()
    (path / "home.db").mkdir()
    with pytest.raises(StoreError):
        Home.open(path, PASSPHRASE)


def test_a_full_disk_undoes_the_transaction_and_the_next_one_works(path: Path) -> None:
    home = Home.open(path, PASSPHRASE)
    pages = home.database.value("PRAGMA page_count")
    home.database.run(f"PRAGMA max_page_count={pages + 1}")

    def fill() -> None:
        with home.database.write():
            home.settings.put("small", b"x")
            home.settings.put("large", bytes(10**6))

    with pytest.raises(StoreError, match="FullError"):
        fill()
    assert home.settings.find("small") is None
    home.database.run("PRAGMA max_page_count=1000000")
    with home.database.write():
        home.settings.put("small", b"y")
    assert home.settings.find("small") == b"y"
    home.close()


def test_a_step_that_fails_is_undone_alone(path: Path) -> None:
    home = Home.open(path, PASSPHRASE)

    def step(value: str) -> None:
        with home.database.step():
            home.settings.put("b", b"2")
            int(value)

    with home.database.write():
        home.settings.put("a", b"1")
        with pytest.raises(ValueError, match="within"):
            step("within")
        home.settings.put("c", b"3")
    assert [home.settings.find(name) for name in "abc"] == [b"1", None, b"3"]
    home.close()


def test_a_home_of_newer_software_is_left_alone(path: Path) -> None:
    connection = apsw.Connection(str(path / "home.db"))
    connection.execute("PRAGMA user_version=99")
    connection.close()
    with pytest.raises(StoreError, match="newer software"):
        Home.open(path, PASSPHRASE)


def test_a_command_that_looks_whether_a_node_runs_stops_none_from_starting(path: Path) -> None:
    home = Home.open(path, PASSPHRASE)
    descriptor = os.open(path / "node.lock", os.O_CREAT | os.O_RDWR, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert home.locked
    threading.Timer(0.2, os.close, [descriptor]).start()
    with home.lock():
        meanwhile = home.locked
    afterwards = home.locked
    assert (meanwhile, afterwards) == (True, False)
    home.close()


async def test_every_bit_that_flips_in_a_home_gives_a_typed_error_or_nothing(world: World) -> None:
    async with world.open("be") as be, world.open("pt") as pt:
        await accepted(be, await send(be, world))
        await accepted(pt, await send(pt, world, "be"))
        await first(be)
        await followed(be, world)
    home = world.home("be")
    home.database.run("PRAGMA wal_checkpoint(TRUNCATE)")
    home.close()
    whole = (world.folder / "be/home.db").read_bytes()
    shutil.rmtree(world.folder / "be/attachments")
    (world.folder / "be/attachments").mkdir()
    chosen, outcomes = random.Random(7), {"held": 0, "told": 0}
    # Where rows are: most of the file is the free end of a page.
    places = [at for at, byte in enumerate(whole) if byte]
    for at in chosen.sample(places, 120):
        for name in ("home.db-wal", "home.db-shm"):
            (world.folder / "be" / name).unlink(missing_ok=True)
        damaged = bytearray(whole)
        damaged[at] ^= 1 << chosen.randrange(8)
        (world.folder / "be/home.db").write_bytes(damaged)
        try:
            _look_at_everything(world.folder / "be")
            outcomes["held"] += 1
        except (StoreError, UsageError):
            outcomes["told"] += 1
    assert min(outcomes.values()) > 10


def _look_at_everything(path: Path) -> None:
    home = Home.open(path, PASSPHRASE)
    try:
        Identity.of(home).follower(home)
        for one in home.inbox.each():
            home.inbox.body(one.header_id)
        for (header_id,) in home.database.rows("SELECT header_id FROM message WHERE outgoing = 1"):
            home.outbox.find(header_id)
            home.outbox.body(header_id)
        home.outbox.waiting(10)
        home.publishing.waiting(10)
        home.alarms.all()
        list(home.logbook.about(bytes(32)))
        home.receipts.open(below=10**9)
    finally:
        home.close()


def test_where_a_passphrase_comes_from(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("words\r\n")
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "bytes").write_bytes(b"\xff\xfe")
    (tmp_path / "endless").write_text("x" * 5000)
    folder = str(tmp_path)
    assert PassphraseFrom(file=tmp_path / "secret").read("x") == "words"
    assert PassphraseFrom(credential="secret", folder=folder).read("x") == "words"
    reading, writing = os.pipe()
    os.write(writing, b"piped\n")
    os.close(writing)
    assert PassphraseFrom(descriptor=reading).read("x") == "piped"
    for wrong in (
        PassphraseFrom(file=tmp_path / "none"),
        PassphraseFrom(file=tmp_path),
        PassphraseFrom(file=tmp_path / "empty"),
        PassphraseFrom(file=tmp_path / "bytes"),
        PassphraseFrom(file=tmp_path / "endless"),
        PassphraseFrom(file=Path("a\0b")),
        PassphraseFrom(descriptor=-1),
        PassphraseFrom(descriptor=98765),
        PassphraseFrom(credential="../secret", folder=folder),
        PassphraseFrom(credential="..", folder=folder),
        PassphraseFrom(credential="secret"),
        PassphraseFrom(credential="secret", file=tmp_path / "secret", folder=folder),
        PassphraseFrom(),
    ):
        with pytest.raises(UsageError):
            wrong.read("the home")


def test_a_passphrase_from_the_systems_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_keyring(service: str, name: str) -> None:
        raise RuntimeError("No recommended backend was available")

    held = {("mce-exchange", "be"): "words"}
    keyring = SimpleNamespace(get_password=lambda service, name: held.get((service, name)))
    monkeypatch.setitem(sys.modules, "keyring", keyring)
    assert PassphraseFrom(keyring="be").read("x") == "words"
    with pytest.raises(UsageError, match="no passphrase named 'pt'") as caught:
        PassphraseFrom(keyring="pt").read("x")
    assert caught.value.remedy == "keyring set mce-exchange pt"
    with pytest.raises(UsageError, match="one source"):
        PassphraseFrom(keyring="be", descriptor=0).read("x")
    # As on a server.
    keyring.get_password = no_keyring
    with pytest.raises(UsageError, match="does not answer: RuntimeError"):
        PassphraseFrom(keyring="be").read("x")
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(UsageError, match="not installed") as caught:
        PassphraseFrom(keyring="be").read("x")
    assert "pip install keyring" in caught.value.remedy


def test_files_are_written_whole_or_not_at_all(tmp_path: Path) -> None:
    for wrong in (tmp_path / "none/file", Path("a\0b"), tmp_path):
        with pytest.raises(StoreError):
            replace_file(wrong, b"x")
    path = tmp_path / "key"
    write_keyfile(path, b"secret", PASSPHRASE, label=b"label", cost=Cost.INTERACTIVE)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_keyfile(path, PASSPHRASE, label=b"label") == b"secret"
    with pytest.raises(StoreError):
        read_keyfile(path, PASSPHRASE, label=b"other")
    with pytest.raises(UsageError):
        read_keyfile(tmp_path / "none", PASSPHRASE, label=b"label")


def test_abandoned_parts_are_swept_after_a_week(path: Path) -> None:
    home = Home.open(path, PASSPHRASE)
    old, new = path / "attachments/0011.part", path / "attachments/2233.part"
    for one in (old, new):
        one.write_bytes(b"x")
    os.utime(old, (time.time() - 8 * 24 * 3600,) * 2)
    # One that became whole between the look at the folder and the look at the file.
    (path / "attachments/4455.part").symlink_to("gone")
    home.attachments.tidy()
    assert not old.exists()
    assert new.exists()
    home.close()
