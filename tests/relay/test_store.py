"""The SQLite store: what it asserts, what it makes unique, what a damaged one gives (threats H5, L4, L5)."""

import stat
from pathlib import Path

import apsw
import pytest
from mce_relay import boot
from mce_relay.store import sqlite
from mce_relay.store.protocol import Fate, Logged, Message, Place, Reader, Store, Upload, Usage, Writer
from mce_relay.store.rows import SqliteReader
from mce_relay.store.sqlite import SqliteStore, migrations
from mce_relay.store.writes import SqliteWriter
from mce_relay.values import NoMetrics

from mce_exchange.errors import MceError, StoreError
from tests.relay.federation import NOW, Federation, running, send


def opened(folder: Path) -> SqliteStore:
    store = SqliteStore(folder)
    store.open()
    return store


def entry(index: int, *, id_: bytes | None = None) -> Logged:
    return Logged(
        index=index,
        entry=bytes([1, 0]) + index.to_bytes(32, "big"),
        id=id_ or (index + 1000).to_bytes(32, "big"),
        public=False,
        author="be",
        statement=b"statement %d" % index,
    )


def message(index: int, *, expires: int = NOW + 60) -> Message:
    return Message(
        index=index,
        id=(index + 1000).to_bytes(32, "big"),
        sender="be",
        accepted=NOW,
        expires=expires,
        size=7,
    )


def place(index: int, number: int, recipient: str, *, fate: Fate = Fate.PENDING) -> Place:
    return Place(
        index=index, number=number, sender="be", recipient=recipient, fate=fate, wrap=b"wrap", deadline=NOW
    )


def test_it_is_the_protocol() -> None:
    # Checked by the type checker as much as here: a second engine implements just this.
    store: Store = SqliteStore(Path("unused"))
    reader: type[Reader] = SqliteReader
    writer: type[Writer] = SqliteWriter
    promised = {name for part in (Reader, Writer) for name in vars(part) if not name.startswith("_")}
    assert all(hasattr(writer, name) for name in promised)
    assert all(hasattr(reader, name) for name in vars(Reader) if not name.startswith("_"))
    assert store


def test_l4_the_pragmas_are_full_and_wal(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.write() as tx:
        connection = tx._connection
        assert connection.pragma("journal_mode") == "wal"
        assert connection.pragma("synchronous") == 2
        assert connection.pragma("secure_delete") == 1
        assert connection.pragma("foreign_keys") == 1
    store.close()


def test_l4_what_the_pragmas_say_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # A file system where the answer is another one: FULL as it is read back is not what is asked for.
    monkeypatch.setattr(sqlite, "_FULL", 3)
    with pytest.raises(StoreError, match="not WAL and FULL"):
        opened(tmp_path)


def test_the_folder_is_the_relays_alone(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o755)
    store = opened(folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    with pytest.raises(StoreError, match="another process"):
        SqliteStore(folder).open()
    store.close()
    opened(folder).close()


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    opened(tmp_path).close()
    connection = apsw.Connection(str(tmp_path / "relay.sqlite"))
    connection.pragma("user_version", len(migrations()) + 1)
    connection.close()
    with pytest.raises(StoreError, match="this software knows") as caught:
        opened(tmp_path)
    assert "newer software" in caught.value.remedy


def test_a_store_of_an_earlier_version_is_brought_up_to_date(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripts = migrations()
    for number in range(1, len(scripts) + 1):
        with monkeypatch.context() as patch:
            patch.setattr(sqlite, "migrations", lambda known=number: scripts[:known])
            store = opened(tmp_path)
        with store.write() as tx:
            tx.append(entry(number - 1), ["be"])
        store.close()
    store = opened(tmp_path)
    with store.read() as reader:
        assert reader.size() == len(scripts) > 1
        assert reader.is_party("be", 0)
        assert reader.ended(1) is None
    store.close()


def test_what_fails_inside_a_transaction_was_never_there(tmp_path: Path) -> None:
    store = opened(tmp_path)

    def fail() -> None:
        with store.write() as tx:
            tx.append(entry(0), ["be"])
            tx.put_anchor(1, b"anchor", witnessed=True)
            raise StoreError("unique to this test")

    def fail_inside(tx: SqliteWriter) -> None:
        with tx.savepoint():
            tx.append(entry(1), ["be"])
            raise ZeroDivisionError

    with pytest.raises(StoreError, match="unique"):
        fail()
    with store.read() as reader:
        assert reader.size() == 0
        assert reader.anchor(0) is None
    with store.write() as tx:
        tx.append(entry(0), ["be"])
        with pytest.raises(ZeroDivisionError):
            fail_inside(tx)
        assert tx.size() == 1
    with store.read() as reader:
        assert reader.size() == 1
    store.close()


def test_indices_ids_and_numbers_are_unique(tmp_path: Path) -> None:
    store = opened(tmp_path)
    with store.write() as tx:
        tx.append(entry(0), [])
        tx.use_number("be", "pt", 1, bytes(32))
    with pytest.raises(StoreError, match="Constraint"), store.write() as tx:
        tx.append(entry(0, id_=bytes(32)), [])
    with pytest.raises(StoreError, match="Constraint"), store.write() as tx:
        tx.append(entry(1, id_=entry(0).id), [])
    with pytest.raises(StoreError, match="Constraint"), store.write() as tx:
        tx.use_number("be", "pt", 1, bytes(31) + b"\1")
    with store.read() as reader:
        assert reader.size() == 1
        assert reader.number_user("be", "pt", 1) == bytes(32)
        assert reader.number_user("pt", "be", 1) is None
    store.close()


def test_h5_names_are_values_never_sql(tmp_path: Path) -> None:
    store = opened(tmp_path)
    nasty = ["'; DROP TABLE entries; --", "%", "_", '"', "\0", "x" * 64, "é", "\u202e"]
    with store.write() as tx:
        tx.append(entry(0), nasty)
        for number, name in enumerate(nasty):
            tx.use_number(name, "pt", number + 1, bytes(32))
            tx.put_usage(name, Usage(held=number, day=1, messages=2))
    with store.read() as reader:
        for number, name in enumerate(nasty):
            assert reader.is_party(name, 0)
            assert reader.number_user(name, "pt", number + 1) == bytes(32)
            assert reader.usage(name) == Usage(held=number, day=1, messages=2)
        assert not reader.is_party("be", 0)
        assert [one.index for one in reader.walk(0, 9, member="%", private=False)] == [0]
        assert list(reader.walk(0, 9, member="be", private=False)) == []
    store.close()


def test_messages_places_and_their_ends(tmp_path: Path) -> None:
    store = opened(tmp_path)
    upload = Upload(root=bytes([7]) * 32, owner="be", size=3, started=NOW, complete=True)
    with store.write() as tx:
        tx.append(entry(0), [])
        tx.put_upload(upload)
        tx.put_message(message(0), [place(0, 1, "es"), place(0, 0, "pt")], b"payload", [upload.root])
        assert [one.recipient for one in tx.places(0)] == ["pt", "es"]
        assert tx.pending("be", "pt") == 1
        assert tx.pending("pt", "be") == 0
        bound = tx.upload(upload.root)
        assert bound is not None
        assert bound.index == 0
        assert tx.orphans(NOW, 9) == []
        assert {one.recipient for _, one in tx.overdue(NOW, 9)} == {"pt", "es"}
        assert tx.overdue(NOW - 1, 9) == []
        assert tx.expired(NOW + 59, 9) == []
        assert tx.expired(NOW + 60, 9) == [message(0)]
        tx.put_place(place(0, 0, "pt", fate=Fate.DELIVERED))
        tx.close(0, NOW + 60)
        assert [one.fate for one in tx.places(0)] == [Fate.DELIVERED, Fate.EXPIRED]
        tx.close(0, NOW + 99)
        found = tx.message(message(0).id)
        assert found is not None
        assert found.closed == NOW + 60
        assert tx.erasable(NOW + 59, 9) == []
        assert tx.erasable(NOW + 60, 9) == [found]
        assert tx.payload(0) == b"payload"
        tx.erase(found, NOW + 70)
        assert tx.payload(0) is None
        assert {one.wrap for one in tx.places(0)} == {b""}
        assert tx.roots() == set()
        assert tx.erasable(NOW + 99, 9) == []
        assert [one.index for one in tx.unattested(9)] == [0]
        tx.attest([0])
        assert tx.unattested(9) == []
    store.close()


async def test_l5_a_flipped_bit_in_the_log_stops_the_start(tmp_path: Path) -> None:
    f = Federation()
    async with running(f, tmp_path) as core:
        found = await send(core, "be", f.envelope("be", "pt"))
    index = found.receipt.index
    flips = {
        "an entry": f"UPDATE entries SET entry = CAST(substr(entry, 1, 33) || x'00' AS BLOB)"
        f" WHERE idx = {index - 1}",
        "a class": "UPDATE entries SET entry = CAST(x'0101' || substr(entry, 3) AS BLOB)"
        f" WHERE idx = {index}",
        "a public Statement": "UPDATE entries SET statement = CAST(statement || x'00' AS BLOB) WHERE idx = 1",
        "a tail without checkpoint": "DELETE FROM checkpoint;"
        "UPDATE entries SET statement = CAST(statement || x'00' AS BLOB)"
        f" WHERE idx = {index}",
        "a lost tail": f"DELETE FROM entries WHERE idx = {index}",
        "a gap": "UPDATE entries SET idx = 100 WHERE idx = 1",
        "the checkpoint": "UPDATE checkpoint SET note = CAST(note || x'00' AS BLOB)",
    }
    (tmp_path / "lock").unlink()
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    for what, sql in flips.items():
        folder = tmp_path / what.replace(" ", "-")
        folder.mkdir()
        for name, data in whole.items():
            (folder / name).write_bytes(data)
        connection = apsw.Connection(str(folder / "relay.sqlite"))
        connection.execute(sql)
        connection.close()
        store = opened(folder)
        with pytest.raises(MceError):
            boot.start(store, f.bundle, f.relay_keys, NoMetrics())
        store.close()
    store = opened(tmp_path)
    assert boot.start(store, f.bundle, f.relay_keys, NoMetrics())[0].size == index + 1
    store.close()


async def test_another_networks_log_or_keys_are_refused(tmp_path: Path) -> None:
    f, other = Federation(), Federation()
    async with running(f, tmp_path):
        pass
    store = opened(tmp_path)
    with pytest.raises(StoreError, match="another network"):
        boot.start(store, other.bundle, other.relay_keys, NoMetrics())
    with pytest.raises(MceError, match="not a relay's"):
        boot.start(store, f.bundle, other.relay_keys, NoMetrics())
    store.close()


def test_a_folder_that_cannot_be_made_is_the_stores_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot be used"):
        SqliteStore(tmp_path / "file").open()
