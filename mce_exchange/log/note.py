"""C2SP signed notes: text, and signature lines of any number of keys. Canonical, or refused."""

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from mce_exchange import limits
from mce_exchange.errors import LimitError, MalformedError
from mce_exchange.primitives.verify import sha256

_DASH: Final = "— "
# Unicode's White_Space in full, so that no library's idea of a space decides; and the plus sign.
_NEVER: Final = frozenset(
    "+\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
)
_CONTROL: Final = re.compile(r"[\x00-\x09\x0b-\x1f]")
KEY_HASH: Final = 4


class Algorithm(IntEnum):
    """Signature type bytes that C2SP assigns."""

    ED25519 = 0x01
    COSIGNATURE_ED25519 = 0x04
    COSIGNATURE_ML_DSA_44 = 0x06


@dataclass(frozen=True, slots=True)
class Signature:
    """One line: a key's name, its 4-byte hash, and what the algorithm gives."""

    name: str
    key_hash: bytes
    value: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """A text that ends in a newline, and its signature lines."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The bytes of the note."""
        return f"{self.text}\n".encode() + encode_lines(self.signatures)

    def values(self, name: str, algorithm: Algorithm, public: bytes) -> list[bytes]:
        """What this key's lines hold; unknown keys' lines are nobody's business."""
        wanted = key_hash(name, algorithm, public)
        return [one.value for one in self.signatures if one.name == name and one.key_hash == wanted]


def encode_lines(signatures: Iterable[Signature]) -> bytes:
    """Signature lines as they stand in a note."""
    lines = (
        f"{_DASH}{one.name} {base64.b64encode(one.key_hash + one.value).decode()}\n" for one in signatures
    )
    return "".join(lines).encode()


def key_hash(name: str, algorithm: Algorithm, public: bytes) -> bytes:
    """The first 4 bytes of SHA-256(name || newline || algorithm || public key): a hint, no commitment."""
    return sha256(name.encode() + b"\n" + bytes([algorithm]) + public)[:KEY_HASH]


def parse(data: bytes) -> Note:
    """Raises `LimitError` or `MalformedError`; what it accepts, `encode` gives back byte for byte."""
    if len(data) > limits.NOTE:
        raise LimitError(f"a note of {len(data)} bytes, at most {limits.NOTE}")
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise MalformedError("a note is UTF-8") from None
    if _CONTROL.search(whole):
        raise MalformedError("a control character in a note")
    text, blank, tail = whole.rpartition("\n\n")
    if not blank or not tail.endswith("\n"):
        raise MalformedError("a note is a text, an empty line and signature lines")
    lines = tail[:-1].split("\n")
    if len(lines) > limits.NOTE_SIGNATURES:
        raise LimitError(f"a note with {len(lines)} signatures, at most {limits.NOTE_SIGNATURES}")
    note = Note(text + "\n", tuple(map(_signature, lines)))
    if note.encode() != data:
        raise MalformedError("a note in another encoding than the canonical one")
    return note


def parse_lines(data: bytes) -> tuple[Signature, ...]:
    """Signature lines by themselves; the reverse of `encode_lines`. `LimitError` or `MalformedError`."""
    found = parse(b"-\n\n" + data).signatures
    # An empty line would end the text later, and lines before it would be read by nobody.
    if encode_lines(found) != data:
        raise MalformedError("more than signature lines")
    return found


def _signature(line: str) -> Signature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not space or not good_name(name):
        raise MalformedError("a signature line that is none")
    try:
        value = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise MalformedError("a signature line without base64") from None
    if len(value) <= KEY_HASH:
        raise MalformedError("a signature line without a signature")
    return Signature(name, value[:KEY_HASH], value[KEY_HASH:])


def good_name(name: str) -> bool:
    """Whether this may name a key: not empty, no space of any kind, no plus."""
    return bool(name) and not _NEVER.intersection(name)
