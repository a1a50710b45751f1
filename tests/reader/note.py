"""C2SP signed notes, checkpoints and their signature lines (SPEC 9.3)."""

import base64
import binascii
from dataclasses import dataclass

from .primitives import ed25519_holds, ml_dsa_44_holds, sha256, u8_prefixed, u64
from .refusal import RefusalError, must
from .schema import limit

NOTE_ED25519, COSIGNATURE_ED25519, COSIGNATURE_ML_DSA_44 = 1, 4, 6
DASH = "\N{EM DASH}"
SPACES = " \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))


@dataclass(frozen=True)
class Line:
    """One signature line: who, which key, the signature."""

    name: str
    key_hash: bytes
    signature: bytes


@dataclass(frozen=True)
class Checkpoint:
    """A note's text as a checkpoint, and its signature lines, not yet verified."""

    text: bytes
    lines: tuple[Line, ...]
    origin: str
    size: int
    root: bytes


def key_hash(name: str, kind: int, public: bytes) -> bytes:
    return sha256(name.encode() + b"\n" + bytes([kind]) + public)[:4]


def parse(note: bytes) -> Checkpoint:
    """Text and lines in their one form; the text has three lines."""
    must(len(note) <= limit("note"), "limit", f"a note of {len(note)} bytes")
    try:
        whole = note.decode("utf-8", "strict")
    except UnicodeDecodeError:
        raise RefusalError("malformed", "a note that is not UTF-8") from None
    must(all(c >= " " or c == "\n" for c in whole), "malformed", "a control character")
    text, cut, signatures = whole.rpartition("\n\n")
    must(bool(cut) and signatures.endswith("\n"), "malformed", "a note without signature lines")
    rows = signatures[:-1].split("\n")
    must(len(rows) <= limit("note signatures"), "limit", f"{len(rows)} signature lines")
    lines = tuple(_line(row) for row in rows)
    parts = text.split("\n")
    must(len(parts) == 3 and all(parts), "malformed", "a checkpoint has origin, size and root alone")
    origin, number, hash_ = parts
    must(_is_name(origin), "malformed", "an origin that is no name")
    must(number.isascii() and number.isdigit(), "malformed", "a size that is no number")
    must(number == "0" or number[0] != "0", "malformed", "a size with a leading zero")
    must(len(number) < 20 and int(number) <= limit("tree size"), "limit", "a size above the cap")
    root = _base64(hash_)
    must(len(root) == 32, "malformed", "a root of another length")
    return Checkpoint(text.encode() + b"\n", lines, origin, int(number), root)


def _line(row: str) -> Line:
    parts = row.split(" ")
    must(len(parts) == 3 and parts[0] == DASH, "malformed", "a signature line that is none")
    _, name, signature = parts
    must(_is_name(name), "malformed", "a key's name")
    data = _base64(signature)
    must(len(data) > 4, "malformed", "a signature line without a signature")
    return Line(name, data[:4], data[4:])


def _is_name(name: str) -> bool:
    return bool(name) and not set(name) & {"+", *SPACES}


def _base64(text: str) -> bytes:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise RefusalError("malformed", "not base64") from None
    must(base64.b64encode(data).decode() == text, "malformed", "base64 in another form")
    return data


def lines_of(checkpoint: Checkpoint, name: str, kind: int, public: bytes) -> list[bytes]:
    """The signatures that claim to be by this key."""
    wanted = (name, key_hash(name, kind, public))
    return [line.signature for line in checkpoint.lines if (line.name, line.key_hash) == wanted]


def verify_log_line(checkpoint: Checkpoint, origin: str, ed25519: bytes) -> None:
    """A checkpoint of this log with exactly one Ed25519 line by its key, which holds."""
    must(checkpoint.origin == origin, "context", "a checkpoint of another log")
    found = lines_of(checkpoint, origin, NOTE_ED25519, ed25519)
    must(len(found) == 1 and len(found[0]) == 64, "log", "not one signature of the log")
    must(ed25519_holds(ed25519, found[0], checkpoint.text), "log", "the log's signature does not hold")


def verify_ml_dsa_44(checkpoint: Checkpoint, name: str, public: bytes, signature: bytes) -> int:
    """A tlog-cosignature over the whole tree; returns its time."""
    must(len(signature) == 8 + 2420, "log", f"{name}: an ML-DSA-44 line of another length")
    time = _time(signature)
    message = (
        b"subtree/v1\n\0"
        + u8_prefixed(name.encode())
        + u64(time)
        + u8_prefixed(checkpoint.origin.encode())
        + u64(0)
        + u64(checkpoint.size)
        + checkpoint.root
    )
    must(ml_dsa_44_holds(public, signature[8:], message), "log", f"{name}: ML-DSA-44 does not hold")
    return time


def verify_cosignature(checkpoint: Checkpoint, name: str, public: bytes, signature: bytes) -> int:
    """An Ed25519 cosignature/v1; returns its time."""
    must(len(signature) == 8 + 64, "log", f"{name}: an Ed25519 line of another length")
    time = _time(signature)
    message = b"cosignature/v1\ntime %d\n" % time + checkpoint.text
    must(ed25519_holds(public, signature[8:], message), "log", f"{name}: Ed25519 does not hold")
    return time


def _time(signature: bytes) -> int:
    time = int.from_bytes(signature[:8], "big")
    must(0 < time < 1 << 63, "log", "a signature without a time")
    return time
