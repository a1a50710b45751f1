"""The log as static tiles: complete for each checkpoint, and what the field's tools make of it (L6)."""

import os
from pathlib import Path

import pytest
from mce_relay.core import Core
from mce_relay.tiles import Tiles, bundle, name_of
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader
from tlog_scales.signing import MLDSA44CosignatureSigner, PlainEd25519Signer, Vkey
from tlog_scales.tiles import leaf_hash
from tlog_scales.tlog import Checkpoint as FieldCheckpoint
from tlog_scales.tlog import InclusionProofInvalid

from mce_exchange.errors import StoreError, UsageError
from mce_exchange.log import merkle
from mce_exchange.log.anchor import Quorum, WitnessKey, open_anchor, sign_anchor
from mce_exchange.log.checkpoint import Checkpoint, LogKey, size_of
from tests.relay.federation import NOW, Clock, Federation, running, send
from tests.relay.test_cosign import cosign


def reader(folder: Path) -> TilesReader:
    return TilesReader(LocalBackend(folder))


def verified(f: Federation, folder: Path) -> int:
    """Everything that the checkpoint commits to, by code of other hands; its size."""
    tiles = reader(folder)
    checkpoint = tiles.get_checkpoint()
    origin = f.state.directory.origin
    log = f.relay_keys.log
    for kind, public in ((1, log.ed25519), (6, log.ml_dsa_44)):
        checkpoint.verify(Vkey(origin, None, kind, public))
    assert checkpoint.origin == origin
    assert tiles.calculate_root_hash() == checkpoint.root_hash
    for index in range(checkpoint.size):
        proof = tiles.get_inclusion_proof(index, checkpoint.size)
        proof.check(leaf_hash(tiles.get_entry(index)), checkpoint.root_hash)
    for size in range(1, checkpoint.size + 1):
        consistency = tiles.get_consistency_proof(size, checkpoint.size)
        tiles.set_size(size)
        old = tiles.calculate_root_hash() if size == checkpoint.size else None
        tiles.set_size(checkpoint.size)
        consistency.check(old or tiles.mth(0, size), checkpoint.root_hash)
    return int(checkpoint.size)


async def grow(core: Core, clock: Clock, f: Federation, count: int) -> None:
    for _ in range(count):
        await send(core, "be", f.envelope("be", "pt"))
    clock.now += 600
    await core.sweep()


async def test_a_verifier_of_the_field_reads_our_log_as_it_grows(tmp_path: Path) -> None:
    f, clock, folder = Federation(), Clock(), tmp_path / "tiles"
    async with running(f, tmp_path / "data", clock=clock, anchor_interval=600.0, tiles=folder) as core:
        assert verified(f, folder) == 1
        for count in (1, 3):
            await grow(core, clock, f, count)
            assert verified(f, folder) == core.state.size
        first = reader(folder).get_checkpoint()
    # What is published stays readable for who holds an older checkpoint.
    assert (folder / "tile/0/000.p/1").read_bytes() == (folder / f"tile/0/000.p/{first.size}").read_bytes()[
        :32
    ]
    # A new start goes on where the folder stands.
    async with running(f, tmp_path / "data", clock=clock, anchor_interval=600.0, tiles=folder) as core:
        await grow(core, clock, f, 1)
        assert verified(f, folder) == core.state.size


async def test_a_witnessed_anchor_is_published_and_the_field_verifies_both_cosignatures(
    tmp_path: Path,
) -> None:
    f, clock, folder = Federation(witnesses=("be",)), Clock(), tmp_path / "tiles"
    async with running(f, tmp_path / "data", clock=clock, anchor_interval=600.0, tiles=folder) as core:
        # Until the first has its quorum, the newest of all.
        assert len(reader(folder).get_checkpoint().signatures) == 2
        await cosign(core, f, "be")
        await core.sweep()
        checkpoint = reader(folder).get_checkpoint()
        witness = f.witnesses["be"].public
        for kind, public in ((4, witness.ed25519), (6, witness.ml_dsa_44)):
            checkpoint.verify(Vkey(witness.name, None, kind, public))
        # The next anchor has none yet.
        await grow(core, clock, f, 1)
        assert verified(f, folder) == 1
        await cosign(core, f, "be", time=NOW + 600)
        await core.sweep()
        assert verified(f, folder) == core.state.size


class Entries:
    """A store's reader over so many entries; `note` is its newest anchor."""

    def __init__(self, entries: list[bytes], note: bytes) -> None:
        self.all, self.note = entries, note

    def entries(self, first: int, count: int) -> bytes:
        return b"".join(self.all[first : first + count])

    def anchor(self, min_size: int, *, witnessed: bool = False) -> bytes | None:
        return None if witnessed else self.note


def log(size: int) -> tuple[list[bytes], merkle.Tree]:
    entries = [b"\1\0" + index.to_bytes(32, "big") for index in range(size)]
    return entries, merkle.Tree(map(merkle.leaf_hash, entries))


def note(f: Federation, tree: merkle.Tree, size: int) -> bytes:
    keys = f.relay_keys
    checkpoint = Checkpoint(f.state.directory.origin, size, tree.root(size))
    return sign_anchor(checkpoint, time=NOW, ed25519=keys.log_ed25519, ml_dsa_44=keys.log_ml_dsa_44)


@pytest.mark.parametrize("sizes", [(255, 256, 257), (1, 70_000), (511, 65_536, 65_537, 66_100)])
def test_tiles_of_every_level_whole_and_in_part(tmp_path: Path, sizes: tuple[int, ...]) -> None:
    f = Federation(())
    entries, tree = log(sizes[-1])
    tiles = Tiles(tmp_path, tree)
    for size in sizes:
        tiles.publish(Entries(entries, note(f, tree, size)))  # type: ignore[arg-type]  # of the reader two methods
        shown = reader(tmp_path)
        checkpoint = shown.get_checkpoint()
        assert shown.calculate_root_hash() == checkpoint.root_hash == tree.root(size)
        for index in {0, 1, size // 2, size - 2, size - 1} & set(range(size)):
            assert shown.get_entry(index) == entries[index]
            proof = shown.get_inclusion_proof(index, size)
            proof.check(leaf_hash(entries[index]), checkpoint.root_hash)
    # Nothing of a tile that is whole by now is left in parts.
    parts = [path for path in tmp_path.rglob("*.p") if path.with_suffix("").exists()]
    assert parts == []
    # Nothing new is nothing written.
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    Tiles(tmp_path, tree).publish(Entries(entries, note(f, tree, 1)))  # type: ignore[arg-type]  # as above
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_l6_a_wrong_or_a_stale_tile_fails_at_a_verifier_of_the_field(tmp_path: Path) -> None:
    f = Federation(())
    entries, tree = log(300)
    tiles = Tiles(tmp_path, tree)
    for size in (290, 300):
        tiles.publish(Entries(entries, note(f, tree, size)))  # type: ignore[arg-type]  # as above
    part = tmp_path / "tile/0/001.p/44"
    whole = part.read_bytes()

    def fails() -> bool:
        shown = reader(tmp_path)
        checkpoint = shown.get_checkpoint()
        try:
            proof = shown.get_inclusion_proof(299, checkpoint.size)
            proof.check(leaf_hash(shown.get_entry(299)), checkpoint.root_hash)
        except (InclusionProofInvalid, IndexError):
            return True
        return False

    assert not fails()
    part.write_bytes((tmp_path / "tile/0/001.p/34").read_bytes())
    assert fails()
    part.write_bytes(whole[:40] + bytes([whole[40] ^ 1]) + whole[41:])
    assert fails()
    part.write_bytes(whole)
    bundle = tmp_path / "tile/entries/001.p/44"
    bundle.write_bytes(bundle.read_bytes()[:-1] + b"x")
    assert fails()


def test_l6_a_damaged_entry_is_not_published_and_the_checkpoint_stays(tmp_path: Path) -> None:
    f = Federation(())
    entries, tree = log(300)
    tiles = Tiles(tmp_path, tree)
    tiles.publish(Entries(entries, note(f, tree, 100)))  # type: ignore[arg-type]  # as above
    entries[200] = entries[200][:-1] + b"x"
    with pytest.raises(StoreError, match="damaged"):
        tiles.publish(Entries(entries, note(f, tree, 300)))  # type: ignore[arg-type]  # as above
    assert size_of((tmp_path / "checkpoint").read_bytes()) == 100
    assert size_of((tmp_path / "checkpoint").read_bytes()) == reader(tmp_path).get_checkpoint().size


async def test_l3_a_relay_behind_what_it_has_published_does_not_start(tmp_path: Path) -> None:
    f, clock, folder = Federation(), Clock(), tmp_path / "tiles"
    async with running(f, tmp_path / "data", clock=clock, anchor_interval=600.0, tiles=folder) as core:
        await grow(core, clock, f, 3)
    with pytest.raises(StoreError, match="is not this one"):
        async with running(f, tmp_path / "older", clock=clock, tiles=folder):
            raise AssertionError("it has started")
    async with running(f, tmp_path / "data", clock=clock, tiles=folder) as core:
        assert core.state.size


def test_a_folder_that_cannot_be_used_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(UsageError, match="tiles' folder"):
        Tiles(tmp_path / "file", merkle.Tree())
    (tmp_path / "checkpoint").write_bytes(b"none")
    with pytest.raises(StoreError, match="published checkpoint is none"):
        Tiles(tmp_path, merkle.Tree())
    os.remove(tmp_path / "checkpoint")
    assert Tiles(tmp_path, merkle.Tree())


TESSERA = Path(__file__).parent.parent / "vectors/tlog-tessera/log/tile"


def test_the_tiles_of_another_log_come_out_the_same() -> None:
    """Both ways: what others wrote is read by the field's reader, and written again by us, byte for byte."""
    whole = (TESSERA / "entries/000.p/15").read_bytes()
    entries, at = list[bytes](), 0
    while at < len(whole):
        length = int.from_bytes(whole[at : at + 2], "big")
        entries.append(whole[at + 2 : at + 2 + length])
        at += 2 + length
    tree = merkle.Tree(map(merkle.leaf_hash, entries))
    for size in range(1, 16):
        assert bundle(entries[:size]) == (TESSERA / f"entries/000.p/{size}").read_bytes()
        assert tree.hashes(0, 0, size) == (TESSERA / f"0/000.p/{size}").read_bytes()
    # The example of C2SP tlog-tiles.
    assert str(name_of(1234067)) == "x001/x234/067"


def test_what_the_field_signs_opens_here() -> None:
    origin, log, other = "mce1/" + "00" * 32, bytes(range(32)), bytes(range(32, 64))
    ed25519, ml_dsa_44 = PlainEd25519Signer(origin, log), MLDSA44CosignatureSigner(origin, log)
    stranger = MLDSA44CosignatureSigner("w", other)
    made = FieldCheckpoint.make_signed(origin, 3, bytes(32), [ed25519, ml_dsa_44, stranger])
    key = LogKey(ed25519.vkey.pubkey, ml_dsa_44.vkey.pubkey)
    witness = WitnessKey("another", "be", key.ed25519, key.ml_dsa_44)
    opened = open_anchor(
        made.serialize().encode(),
        origin=origin,
        log_key=lambda _: key,
        witnesses=lambda _: [witness],
        quorum=lambda _: Quorum(0, 0),
    )
    assert (opened.checkpoint.size, opened.checkpoint.root, opened.times) == (3, bytes(32), {})
