"""The log held to vectors that others published (threat L7)."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from mce_exchange.errors import ContextError, LogError, MalformedError, MceError
from mce_exchange.log import checkpoint, merkle, note
from mce_exchange.log.note import Algorithm
from mce_exchange.log.proof import verify_consistency, verify_inclusion
from mce_exchange.primitives import verify

VECTORS = Path(__file__).parent.parent / "vectors"

# A good case of theirs whose roots have another length than 32 bytes.
WRONG_LENGTH = {"consistency/additional/sizes-are-equal-one-and-proof-is-empty.json"}
POLICY_OF_ORIGIN = {"ambiguous key list, used", "101 signatures, known key"}


def cases(path: str) -> list[Any]:
    loaded = json.loads((VECTORS / path).read_text())
    return list(loaded["cases"] if isinstance(loaded, dict) else loaded)


def b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def hashes(texts: list[str] | None) -> list[bytes]:
    return [b64(text) for text in texts or []]


@pytest.mark.parametrize("case", cases("merkle/inclusion.json"), ids=lambda c: c["file"])
def test_l7_inclusion(case: Any) -> None:
    def run() -> None:
        verify_inclusion(
            b64(case["leafHash"]), case["leafIdx"], case["treeSize"], b64(case["root"]), hashes(case["proof"])
        )

    if case["wantErr"] or len(b64(case["leafHash"])) != 32:
        with pytest.raises(LogError):
            run()
    else:
        run()


@pytest.mark.parametrize("case", cases("merkle/consistency.json"), ids=lambda c: c["file"])
def test_l7_consistency(case: Any) -> None:
    def run() -> None:
        verify_consistency(
            case["size1"], b64(case["root1"]), case["size2"], b64(case["root2"]), hashes(case["proof"])
        )

    if case["wantErr"] or case["file"] in WRONG_LENGTH:
        with pytest.raises(LogError):
            run()
    else:
        run()


@pytest.mark.parametrize("case", cases("signed-note/note-open.json"), ids=lambda c: c["desc"])
def test_signed_notes(case: Any) -> None:
    data = base64.b64decode(case["note_b64"])
    try:
        parsed = note.parse(data)
    except MceError:
        assert case["expect"] != "ok"
        return
    assert parsed.encode() == data
    held = [_holds(parsed, vkey) for vkey in case["vkeys"]]
    if case["expect"] == "ok":
        assert held.count(True) == case["verified"]
        assert False not in held
    elif case["desc"] not in POLICY_OF_ORIGIN:
        assert False in held or True not in held


def _holds(parsed: note.Note, vkey: str) -> bool | None:
    """Whether this key's lines hold; None if it has none."""
    name, _, key = vkey.split("+", 2)
    public = base64.b64decode(key)[1:]
    values = set(parsed.values(name, Algorithm.ED25519, public))
    return all(verify.ed25519(public, v, parsed.text.encode()) for v in values) if values else None


@pytest.mark.parametrize("case", cases("signed-note/checkpoint-parse.json"), ids=lambda c: c["desc"])
def test_checkpoint_texts_that_a_strict_reader_refuses(case: Any) -> None:
    if case["strict_c2sp"].startswith("reject"):
        with pytest.raises(MceError):
            checkpoint.read_checkpoint(case["body"])
    else:
        assert checkpoint.read_checkpoint(case["body"]).text == case["body"]


def test_a_log_made_by_other_hands() -> None:
    origin = "example.com/log/testdata"
    key = checkpoint.LogKey(base64.b64decode("AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx")[1:], b"")
    tile = (VECTORS / "tlog-tessera/log/tile/0/000.p/15").read_bytes()
    leaves = [tile[i : i + 32] for i in range(0, len(tile), 32)]
    tree = merkle.Tree(leaves)
    for size in range(16):
        data = (VECTORS / f"tlog-tessera/log/checkpoint.{size}").read_bytes()
        opened = checkpoint.open_checkpoint(data, origin=origin, key=key)
        assert (opened.size, opened.root) == (size, tree.root(size)) == (size, merkle.root(leaves[:size]))


class FieldWitness:
    """C2SP tlog-witness over our functions: what is checked, in its order, and with which status it ends."""

    def __init__(self, origin: str, key: checkpoint.LogKey) -> None:
        self.origin, self.key = origin, key
        self.size, self.root = 0, merkle.EMPTY

    def add_checkpoint(self, body: str) -> int:
        head, _, data = body.partition("\n\n")
        old, *proof = head.split("\n")
        try:
            shown = checkpoint.open_checkpoint(data.encode(), origin=self.origin, key=self.key)
        except (ContextError, LogError, MalformedError):
            # The false signature is in base64 that has a second encoding, too.
            return 403
        if int(old.removeprefix("old ")) != self.size:
            return 409
        try:
            verify_consistency(self.size, self.root, shown.size, shown.root, hashes(proof))
        except LogError:
            return 422
        self.size, self.root = shown.size, shown.root
        return 200


def test_a_witness_answers_as_the_field_does() -> None:
    sequence = json.loads((VECTORS / "witness/add-checkpoint-sequence.json").read_text())
    key = checkpoint.LogKey(bytes.fromhex(sequence["log_ed25519_public_key_hex"]), b"")
    witness = FieldWitness(sequence["log_origin"], key)
    assert [witness.add_checkpoint(one["body"]) for one in sequence["steps"]] == [
        one["status"] for one in sequence["steps"]
    ]
