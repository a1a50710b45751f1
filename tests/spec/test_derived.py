"""What follows from keys and the log is made again by the reader: ciphertexts, roots and proofs."""

import io
from pathlib import Path

import pytest

from tests.reader import evidence, network, note, streams, tree
from tests.reader.vectors import load
from tests.reader.wire import decode

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "mce1"
LEAVES = [tree.leaf_hash(entry.entry()) for entry in network.read(FOLDER).entries]


@pytest.mark.parametrize("name", ["envelope-es", "envelope-pt", "envelope-re-wrapped"])
def test_sealing_the_opened_streams_again_gives_the_same_bytes(name: str) -> None:
    vector = load(FOLDER / f"{name}.json")
    sealed = [vector.input["payload"], *vector.input["attachments"]]
    for index, (given, values) in enumerate(zip(sealed, vector.values["streams"], strict=True)):
        whole, key = bytes.fromhex(given), bytes.fromhex(values["key"])
        plain = io.BytesIO()
        parts = list(streams.chunks(whole))
        for number, part in enumerate(parts):
            last = number == len(parts) - 1
            plain.write(streams.open_chunk(bytes.fromhex(values["s"]), number, part, last=last))
        length = int.from_bytes(plain.getvalue()[:8], "big")
        assert streams.seal(key, plain.getvalue()[8 : 8 + length], index) == whole


def test_the_receipts_proof_and_root_follow_from_the_log() -> None:
    receipt = decode("Receipt", bytes.fromhex(load(FOLDER / "receipt.json").input["receipt"]))
    checkpoint = note.parse(receipt.data("checkpoint"))
    assert tree.root(LEAVES[: checkpoint.size]) == checkpoint.root
    made = tree.inclusion_proof(LEAVES[: checkpoint.size], receipt.number("index"))
    assert made == receipt.every("proof")


def test_the_consistency_proof_follows_from_the_log() -> None:
    given = load(FOLDER / "consistency.json").input
    older, newer = (note.parse(bytes.fromhex(given[name])) for name in ("older", "newer"))
    assert tree.root(LEAVES[: newer.size]) == newer.root
    made = tree.consistency_proof(LEAVES[: newer.size], older.size)
    assert [one.hex() for one in made] == given["proof"]


def test_every_proof_of_the_evidence_file_follows_from_the_log() -> None:
    rows = list(evidence.records(bytes.fromhex(load(FOLDER / "evidence.json").input["file"])))
    names = {"directory": "EvidenceDirectory", "statement": "EvidenceStatement"}
    shown = [decode(names[kind], content) for kind, content in rows if kind in names]
    assert len(shown) == len(LEAVES)
    for record in shown:
        assert record.every("proof") == tree.inclusion_proof(LEAVES, record.number("index"))
