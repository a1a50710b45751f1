"""A home in one encrypted file, and a home made of it (SPEC section 9.8)."""

import io
import tarfile
from pathlib import Path

import pytest

from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.hotline import answers
from mce_exchange.keyfile import sealed, unsealed
from mce_exchange.primitives.archive import ArchiveReader, ArchiveWriter
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.vault import Cost
from mce_exchange.store import backup as backups
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.node.conftest import PASSPHRASE, World
from tests.node.test_exchange import accepted, first, send

WORDS = "the words of a backup"
KEY = bytes(range(32))


def silent(name: str, done: int, total: int | None) -> None:
    pass


def backup(home: Home, out: Path, at: int = 1_800_000_000) -> Path:
    backups.backup(home, out, WORDS, at=at, told=silent, cost=Cost.INTERACTIVE)
    return out


def restore(file: Path, path: Path, words: str = WORDS) -> Home:
    backups.restore(file, path, words, PASSPHRASE, told=silent, cost=Cost.INTERACTIVE)
    return Home.open(path, PASSPHRASE)


def decrypted(file: Path) -> dict[str, bytes]:
    """What the passphrase opens: every member of the tar, whole."""
    with file.open("rb") as source:
        key = unsealed(backups._head(source, file), WORDS, label=b"backup", what=file)
        data = io.BytesIO(_all(ArchiveReader(source, key)))
    with tarfile.open(fileobj=data) as tar:
        return {one.name: held.read() for one in tar if (held := tar.extractfile(one))}


def _all(reader: ArchiveReader) -> bytes:
    return b"".join(iter(lambda: reader.read(1 << 20), b""))


def tables(home: Home) -> dict[str, list[tuple[object, ...]]]:
    names = home.database.rows("SELECT name FROM sqlite_schema WHERE type = 'table'")
    return {name: home.database.rows(f"SELECT * FROM {name}") for (name,) in names}


@pytest.fixture
async def be(world: World, tmp_path: Path) -> Path:
    """A home with mail both ways, an attachment, a question, and a prekey that waits to be published."""
    (tmp_path / "photo.png").write_bytes(bytes(range(256)) * 3000)
    async with world.open("be") as be, world.open("pt") as pt:
        await accepted(be, await send(be, world, attachments=[tmp_path / "photo.png"]))
        await accepted(pt, await send(pt, world, "be"))
        await (await first(be)).acknowledge()
        await be.idle()
        author = be.node.identity.author
    home = world.home("be")
    waiting, key = KemKey.generate(), home.secrets
    made = answers.prekey(author, waiting, after=None, now_minutes=1)
    with home.database.write():
        key.put_prekey(made.id(world.federation.network_id), waiting)
        home.publishing.put(made)
        for number in range(2):
            home.questions.put(bytes(32), number, member="pt", prekey_id=b"", at=1)
        home.questions.put(bytes(32), 0, member="pt", prekey_id=b"", at=1)
    home.close()
    return world.folder / "be"


async def test_a_restored_home_holds_all_but_prekeys(world: World, be: Path) -> None:
    home = world.home("be")
    secrets = {name: home.secrets.get(name) for name in home.secrets.names("")}
    boxes = [box for name, box in home.database.rows("SELECT * FROM secret") if name.startswith("prekey/")]
    before, order = tables(home), home.secrets.signing_ids()
    file = backup(home, world.folder / "be.backup")
    assert home.settings.number(settings.BACKUP_AT) == 1_800_000_000
    inside = decrypted(file)
    home.close()

    seeds = [secret for name, secret in secrets.items() if name.startswith("prekey/")]
    assert len(seeds) == 2
    for needle in (*seeds, *boxes):
        assert not [name for name, data in inside.items() if needle in data]
    # While what does stand in it is found by the same search.
    box = next(box for name, box in before["secret"] if str(name).startswith("signing/"))
    assert isinstance(box, bytes)
    assert box in inside["home.db"]

    restored = restore(file, world.folder / "new")
    after = tables(restored)
    kept = {name: secret for name, secret in secrets.items() if not name.startswith("prekey/")}
    assert {name: restored.secrets.get(name) for name in restored.secrets.names("")} == kept
    assert restored.secrets.signing_ids() == order
    for name in before.keys() - {"secret", "setting", "publishing"}:
        assert after[name] == before[name], name
    assert [row for row in before["publishing"] if row not in after["publishing"]] == before["publishing"][
        -1:
    ]
    changed = set(after["setting"]) ^ {row for row in before["setting"] if row[0] != settings.PLACE}
    assert {row[0] for row in changed} == {settings.BACKUP_AT, settings.BEHIND}
    assert restored.settings.number(settings.BACKUP_AT) == 1_800_000_000
    roots = restored.attachments.roots()
    assert len(roots) == 1
    for root in roots:
        ours = (be / "attachments" / root.hex()).read_bytes()
        assert restored.attachments.path(root).read_bytes() == ours
    modes = {path.stat().st_mode & 0o077 for path in (world.folder / "new").rglob("*")}
    assert (modes, (world.folder / "new").stat().st_mode & 0o777) == ({0}, 0o700)
    restored.close()


async def test_a_backup_is_of_one_moment_and_holds_up_nobody(world: World, be: Path) -> None:
    home, other = world.home("be"), world.home("be")

    def meanwhile(name: str, done: int, total: int | None) -> None:
        # Between the copy of the database and its end, another process writes.
        with other.database.write():
            other.settings.put("later", b"x")
        assert [one.name for one in be.iterdir() if "snapshot" in one.name] == []

    file = world.folder / "be.backup"
    backups.backup(home, file, WORDS, at=5, told=meanwhile, cost=Cost.INTERACTIVE)
    restored = restore(file, world.folder / "new")
    assert (other.settings.find("later"), restored.settings.find("later")) == (b"x", None)
    for one in (home, other, restored):
        one.close()


async def test_nothing_is_overwritten_and_nothing_half_made_stays(
    world: World, be: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, folder = world.home("be"), world.folder / "out"
    folder.mkdir()
    (folder / "notes.txt").write_text("not a backup")
    (folder / "empty").write_bytes(b"")
    for wrong in ("notes.txt", "empty", "."):
        with pytest.raises(UsageError):
            backup(home, folder / wrong)
    with pytest.raises(StoreError, match="cannot write"):
        backup(home, folder / "none/be.backup")
    with pytest.raises(UsageError, match="passphrase"):
        backups.backup(home, folder / "be.backup", "", at=1, told=silent)
    assert home.settings.find(settings.BACKUP_AT) is None

    file = backup(home, folder / "be.backup", at=1)
    whole = file.read_bytes()

    def full(self: ArchiveWriter) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(ArchiveWriter, "close", full)
        with pytest.raises(StoreError, match="No space"):
            backup(home, file, at=2)
    assert file.read_bytes() == whole
    assert home.settings.number(settings.BACKUP_AT) == 1
    home.close()

    with pytest.raises(UsageError, match="not empty"):
        restore(file, be)
    for wrong_words in ("another", ""):
        with pytest.raises(StoreError, match="passphrase"):
            restore(file, folder / "new", wrong_words)
    with pytest.raises(UsageError, match="no backup"):
        restore(folder / "notes.txt", folder / "new")
    with pytest.raises(UsageError, match="cannot read"):
        restore(folder / "none", folder / "new")
    with pytest.raises(MceError):
        restore(file, Path("a\0b"))
    with pytest.raises(StoreError):
        restore(file, folder / "notes.txt/below")
    with pytest.raises(UsageError, match="passphrase"):
        backups.restore(file, folder / "new", WORDS, "", told=silent)
    assert sorted(one.name for one in folder.iterdir()) == ["be.backup", "empty", "notes.txt"]
    (folder / "new").mkdir()
    restore(file, folder / "new").close()


async def test_a_backup_that_was_damaged_or_cut_makes_no_home(world: World, be: Path) -> None:
    home = world.home("be")
    whole = backup(home, world.folder / "be.backup").read_bytes()
    home.close()
    bad = world.folder / "bad.backup"

    def flipped(at: int) -> bytes:
        return whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :]

    head = 13 + 4 + int.from_bytes(whole[13:17], "big")
    damaged = [flipped(at) for at in (13, 14, 40, head, head + 30, len(whole) // 2, len(whole) - 1)]
    damaged += [whole[:at] for at in (15, 100, head, head + 10, head + 24, len(whole) - 1)]
    damaged += [whole[: head + 24 + 262_144 + 17], whole + b"\0"]
    for data in damaged:
        bad.write_bytes(data)
        with pytest.raises(StoreError):
            restore(bad, world.folder / "new")
        assert not (world.folder / "new").exists()


def _tar(*members: tuple[str, bytes], kind: bytes = tarfile.REGTYPE) -> bytes:
    data = io.BytesIO()
    with tarfile.open(mode="w|", fileobj=data) as tar:
        for name, held in members:
            info = tarfile.TarInfo(name)
            info.size, info.type, info.linkname = len(held), kind, "home.key"
            tar.addfile(info, io.BytesIO(held))
    return data.getvalue()


@pytest.mark.parametrize(
    "tar",
    [
        b"",
        b"no tar at all" * 100,
        _tar(("../home.db", b"x")),
        _tar(("attachments/short", b"x")),
        _tar(("master", b""), kind=tarfile.SYMTYPE),
        _tar(("master", bytes(31)), ("home.db", b"")),
        _tar(("master", bytes(32))),
        _tar(("master", bytes(32)), ("home.db", b"SQLite format 3\0" + bytes(4096))),
        _tar(("master", bytes(32)), ("home.db", b""), ("home.db", b"")),
    ],
    ids=range(9),
)
def test_a_well_sealed_file_with_something_else_in_it_makes_no_home(tmp_path: Path, tar: bytes) -> None:
    bad = tmp_path / "bad.backup"
    with bad.open("wb") as sink:
        head = sealed(KEY, WORDS, label=b"backup", cost=Cost.INTERACTIVE)
        sink.write(b"mce-backup 1\n" + len(head).to_bytes(4, "big") + head)
        writer = ArchiveWriter(sink, KEY)
        writer.write(tar)
        writer.close()
    with pytest.raises(StoreError):
        restore(bad, tmp_path / "new")
    assert [one.name for one in tmp_path.iterdir()] == ["bad.backup"]
