"""Faults of notes and checkpoints (SPEC 9.3)."""

import base64

from mce_exchange import limits
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import Checkpoint
from mce_exchange.log.note import Algorithm, Note, Signature
from mce_exchange.primitives.verify import sha256
from tools.vectors.files import Fault, Faults, Good, Written
from tools.vectors.world import COSIGNERS, World, seed


def notes_(good: Good) -> Faults:
    """A note in another form than the one; the base is a checkpoint."""
    whole: bytes = good.input["note"]
    text, _, lines = whole.rpartition(b"\n\n")
    origin, size, root = text.split(b"\n")

    def fault(name: str, says: str, data: bytes | Written, expect: str = "malformed") -> Fault:
        return Fault(name=f"note-{name}", expect=expect, section="9.3", says=says, input={"note": data})

    def texts(name: str, says: str, *rows: bytes, expect: str = "malformed") -> Fault:
        return fault(name, says, b"\n".join(rows) + b"\n\n" + lines, expect)

    yield fault("empty", "no byte", b"")
    yield fault("not-utf-8", "a byte that is not UTF-8", whole.replace(b"mce1/", b"mce1\xff", 1))
    yield fault("carriage-returns", "lines that end in CR LF", whole.replace(b"\n", b"\r\n"))
    yield fault("control-character", "a tabulator", whole.replace(b"mce1/", b"mce1\t", 1))
    yield fault("without-signature", "a text alone", text + b"\n")
    yield fault("without-line", "no line behind the empty one", text + b"\n\n")
    yield fault("without-last-newline", "the last line does not end", whole[:-1])
    yield fault("empty-line-behind", "an empty line at the end", whole + b"\n")
    yield fault(
        "hyphen-for-dash", "a hyphen for the dash", text + b"\n\n" + lines.replace("—".encode(), b"-")
    )
    yield fault("two-spaces", "two spaces behind the dash", whole.replace("— ".encode(), "—  ".encode()))
    name, _, value = lines[:-1].rpartition(b" ")
    yield fault("name-missing", "a signature without a name", text + b"\n\n" + "—  ".encode() + value + b"\n")
    yield fault("name-with-plus", "a plus in the name", text + b"\n\n" + name + b"+ " + value + b"\n")
    for space in ("\u00a0", "\u2003", "\u3000"):
        named = name + f"a{space}b".encode()
        says = "a space of another kind in the name"
        kind = f"name-with-u-{ord(space):04x}"
        yield fault(kind, says, text + b"\n\n" + named + b" " + value + b"\n")
    spaced = b"\n".join([origin + "\u00a0".encode(), size, root]) + b"\n\n" + lines
    yield fault("origin-with-u-00a0", "a space of another kind in the origin", spaced)
    yield fault("base64-cut", "base64 without its padding", whole.rstrip(b"=\n") + b"\n")
    yield fault("base64-url", "base64 with a hyphen", text + b"\n\n" + name + b" -" + value[1:] + b"\n")
    yield fault("base64-spare-bits", "spare bits that are not zero", _spare_bits(text, name, value))
    short = base64.b64encode(base64.b64decode(value)[:4])
    yield fault(
        "signature-empty", "a key's hash and no signature", text + b"\n\n" + name + b" " + short + b"\n"
    )
    yield texts("origin-missing", "no origin", size, root)
    yield texts("size-missing", "no size", origin, root)
    yield texts("root-missing", "no root", origin, size)
    yield texts("extension-line", "an extension line", origin, size, root, b"extension")
    yield texts("size-leading-zero", "a size with a leading zero", origin, b"0" + size, root)
    yield texts("size-with-plus", "a size with a sign", origin, b"+" + size, root)
    yield texts("size-negative", "a negative size", origin, b"-" + size, root)
    yield texts("size-hexadecimal", "a size in hexadecimal", origin, b"0x5", root)
    yield texts("size-not-ascii", "a size in other digits", origin, "٥".encode(), root)
    yield texts("size-empty", "an empty size", origin, b"", root)
    above = str(limits.TREE_SIZE + 1).encode()
    yield texts("size-above-the-cap", "a size one above the cap", origin, above, root, expect="limit")
    yield texts("size-of-30-digits", "a size of thirty digits", origin, b"1" * 30, root, expect="limit")
    yield texts("root-of-31-bytes", "a root a byte short", origin, size, base64.b64encode(bytes(31)))
    yield texts("root-of-33-bytes", "a root a byte long", origin, size, base64.b64encode(bytes(33)))
    yield texts("root-not-base64", "a root that is no base64", origin, size, b"!" * 44)
    yield texts(
        "root-hexadecimal", "a root in hexadecimal", origin, size, base64.b64decode(root).hex().encode()
    )
    many = limits.NOTE_SIGNATURES
    stranger = Signature("stranger", seed("stranger")[:4], b"\0")
    lines_ = Note("x\n", (stranger,) * many).encode().partition(b"\n\n")[2]
    yield fault(
        "signatures-above-the-cap",
        "one signature line above the cap",
        text + b"\n\n" + lines_ + lines,
        "limit",
    )
    size_ = limits.NOTE - len(whole)
    long = Written({"join": [{"repeat": b"x".hex(), "times": size_ + 1}, whole.hex()]})
    yield fault("above-the-cap", "a note one byte longer than the cap", long, "limit")


def _spare_bits(text: bytes, name: bytes, value: bytes) -> bytes:
    # 68 bytes end in one '=': two bits of the last letter are spare.
    letter = value[-2:-1]
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = alphabet[alphabet.index(letter) + 1 :][:1]
    return text + b"\n\n" + name + b" " + value[:-2] + other + b"=\n"


def checkpoints(world: World, good: Good) -> Faults:
    """Good notes that are not this log's word."""
    whole: bytes = good.input["note"]
    parsed = notes.parse(whole)
    line = parsed.signatures[0]
    point = world.point(world.entry("header")[0] + 1)

    def fault(name: str, says: str, made: Note, expect: str = "log", **more: object) -> Fault:
        given = {"note": made.encode(), **more}
        return Fault(name=f"checkpoint-{name}", expect=expect, section="9.3", says=says, input=given)

    def by(text: str, name: str, key: str, kind: Algorithm = Algorithm.ED25519) -> Signature:
        ed25519 = COSIGNERS[key].keys[0]
        return Signature(name, notes.key_hash(name, kind, ed25519.public), ed25519.sign(text.encode()))

    text = parsed.text
    other = Checkpoint(f"mce1/{seed('another network').hex()}", point.size, point.root).text
    yield fault(
        "of-another-log", "another network's log", Note(other, (by(other, other[:69], "log-1"),)), "context"
    )
    shout = text.upper().replace(text.upper().split("\n")[2], text.split("\n")[2])
    yield fault(
        "origin-in-capitals",
        "the origin in another case",
        Note(shout, (by(shout, shout[:69], "log-1"),)),
        "context",
    )
    value = line.value[:9] + bytes([line.value[9] ^ 1]) + line.value[10:]
    yield fault(
        "signature-bit-flipped",
        "one bit of the signature",
        Note(text, (Signature(line.name, line.key_hash, value),)),
    )
    yield fault(
        "signature-cut",
        "a signature a byte short",
        Note(text, (Signature(line.name, line.key_hash, line.value[:-1]),)),
    )
    yield fault(
        "signature-longer",
        "a signature a byte long",
        Note(text, (Signature(line.name, line.key_hash, line.value + b"\0"),)),
    )
    yield fault(
        "another-size",
        "the size of another tree",
        Note(text.replace(f"\n{point.size}\n", f"\n{point.size + 1}\n"), (line,)),
    )
    root = Checkpoint(point.origin, point.size, seed("another root")).text
    yield fault("another-root", "a root that the log has not signed", Note(root, (line,)))
    yield fault("line-twice", "the log's line twice", Note(text, (line, line)))
    yield fault(
        "key-hash-wrong",
        "a line with another key's hash",
        Note(text, (Signature(line.name, bytes(4), line.value),)),
    )
    yield fault(
        "name-wrong",
        "the log's signature under another name",
        Note(text, (Signature("relay", line.key_hash, line.value),)),
    )
    yield fault(
        "by-the-next-key", "by the key that a later version adds", Note(text, (by(text, line.name, "log-2"),))
    )
    kind = Algorithm.COSIGNATURE_ED25519
    yield fault(
        "line-of-type-4",
        "the log's line with a cosignature's hash",
        Note(text, (by(text, line.name, "log-1", kind),)),
    )
    witness = by(text, "witness-be", "witness-be")
    yield fault("by-a-witness-alone", "a witness's signature and not the log's", Note(text, (witness,)))
    none = Checkpoint(point.origin, 0, sha256(b"")).text
    says = "a tree of no entries, for which no key lives"
    yield fault("of-nothing", says, Note(none, (by(none, line.name, "log-1"),)), "directory")
    late = world.point(world.entry("directory-2")[0] + 2).text
    yield fault(
        "by-the-removed-key",
        "by the key that the Directory removed",
        Note(late, (by(late, line.name, "log-1"),)),
    )
