"""Faults of evidence files (SPEC section 12)."""

import io
from collections.abc import Callable, Sequence

import msgpack

from mce_exchange import limits
from mce_exchange.audit.records import Record, read_records
from mce_exchange.log.checkpoint import read_checkpoint
from mce_exchange.log.note import parse
from mce_exchange.v1 import evidence_pb2 as pb
from tools.vectors import raw
from tools.vectors.envelope_base import Stream, padded
from tools.vectors.faults_opening import plaintext
from tools.vectors.faults_wire import variants
from tools.vectors.files import Fault, Faults, Good, Written
from tools.vectors.history import History
from tools.vectors.world import CONTENT_KEY, seed

Rows = list[tuple[str, bytes]]


def rows_of(data: bytes) -> Rows:
    """Kinds and messages."""
    return [(record.kind, record.data) for record in read_records(io.BytesIO(data))]


def packed(rows: Sequence[tuple[str, bytes]]) -> bytes:
    """The file of these records."""
    return b"".join(Record(kind, data).encode() for kind, data in rows)


def counted(rows: Rows) -> Rows:
    """The same with an end that counts them."""
    return [*rows[:-1], ("end", pb.EvidenceEnd(records=len(rows)).SerializeToString())]


def form(good: Good) -> Faults:
    """The stream of records."""
    whole: bytes = bytes(good.input["file"])
    rows = rows_of(whole)

    def fault(name: str, says: str, data: bytes | Written, expect: str = "malformed") -> Fault:
        return Fault(name=f"evidence-{name}", expect=expect, section="12.1", says=says, input={"file": data})

    def of(name: str, says: str, made: Rows, expect: str = "malformed") -> Fault:
        return fault(name, says, packed(made), expect)

    end = Record("end", rows[-1][1]).encode()
    yield fault("empty", "no byte", b"")
    yield fault("cut-inside-a-record", "it ends inside a record", whole[: len(whole) // 2])
    yield fault("cut-behind-a-record", "its end is missing", whole[: -len(end)])
    yield fault("byte-behind", "a byte behind the end", whole + b"\xc0")
    yield of("record-behind", "a record behind the end", [*rows, rows[-1]])
    yield of("end-counts-less", "the end counts one record less", [*rows[:-1], _end(len(rows) - 1)])
    yield of("end-counts-more", "the end counts one record more", [*rows[:-1], _end(len(rows) + 1)])
    yield of("record-missing", "a record is missing", [*rows[:4], *rows[5:]])
    yield of("without-begin", "it begins with the anchor", counted(rows[1:]))
    yield of("begin-twice", "two begins", counted([rows[0], *rows]))
    yield of("without-anchor", "no anchor", counted([rows[0], *rows[2:]]))
    yield of("anchor-twice", "two anchors", counted([*rows[:2], *rows[1:]]))
    yield of("anchor-first", "the anchor before the begin", [rows[1], rows[0], *rows[2:]])
    yield of("nothing-shown", "no Directory", counted([*rows[:2], rows[-1]]))
    yield of("kind-unknown", "a kind that does not exist", counted([*rows[:-1], ("note", b""), rows[-1]]))
    yield of(
        "chunk-without-disclosure",
        "a chunk without its disclosure",
        counted([*rows[:-1], ("chunk", b"\0" * 20), rows[-1]]),
    )
    first = Record(*rows[0]).encode()
    rest = whole[len(first) :]
    yield fault("map-for-array", "a map where an array stands", msgpack.packb({"begin": rows[0][1]}) + rest)
    yield fault("array-of-three", "an array of three", msgpack.packb(["begin", rows[0][1], 0]) + rest)
    yield fault("array-of-one", "a kind alone", msgpack.packb(["begin"]) + rest)
    yield fault("kind-as-bytes", "a kind as bytes", msgpack.packb([b"begin", rows[0][1]]) + rest)
    yield fault("bytes-as-text", "bytes as text", msgpack.packb(["begin", "x"]) + rest)
    yield fault("kind-as-number", "a number for a kind", msgpack.packb([5, rows[0][1]]) + rest)
    yield fault("array-not-shortest", "an array with a longer head", b"\xdc\0\2" + first[1:] + rest)
    yield fault("kind-not-shortest", "a kind with a longer head", first[:1] + b"\xd9\5" + first[2:] + rest)
    longer = first[:7] + b"\xc5\0" + first[8:] + rest
    yield fault("bytes-not-shortest", "bytes with a longer head", longer)
    cap = limits.EVIDENCE_RECORD + 1
    above = {"join": [(b"\x92\xa5begin\xc6" + cap.to_bytes(4, "big")).hex(), {"repeat": "00", "times": cap}]}
    yield fault("record-above-the-cap", "a record one byte longer than the cap", Written(above), "limit")
    claims = b"\x92\xa5begin\xc6\xff\xff\xff\xff"
    yield fault("record-claims-4-gib", "a length far above the cap", claims + rest, "limit")
    yield fault("extension-type", "an extension type", b"\xc7\0\1" + rest)


def _end(records: int) -> tuple[str, bytes]:
    return "end", pb.EvidenceEnd(records=records).SerializeToString()


def contents(history: History, good: Good) -> Faults:
    """What the records say."""
    world = history.world
    rows = rows_of(bytes(good.input["file"]))
    at = {name: 2 + index for index, name in enumerate(one.name for one in world.entries)}

    def fault(name: str, expect: str, says: str, made: Rows) -> Fault:
        given = {"file": packed(counted(made))}
        return Fault(name=f"evidence-{name}", expect=expect, section="12.2", says=says, input=given)

    def changed(entry: str, how: raw.Change, *path: tuple[int, int]) -> Rows:
        place = at[entry]
        kind, data = rows[place]
        return [*rows[:place], (kind, raw.change(data, path, how)), *rows[place + 1 :]]

    def anchored(note: bytes) -> Rows:
        return [rows[0], ("anchor", pb.EvidenceAnchor(note=note).SerializeToString()), *rows[2:]]

    begin = [("begin", raw.change(rows[0][1], (), raw.put(1, 2))), *rows[1:]]
    yield fault("format-2", "suite", "a format that does not exist", begin)
    says = "not the network that is pinned"
    other = {"network_id": seed("another network")}
    yield Fault(name="evidence-network-pinned", expect="context", section="12.2", says=says, input=other)
    named = [("begin", raw.change(rows[0][1], (), raw.put(2, seed("another network")))), *rows[1:]]
    yield fault("network-named", "context", "it names another network", named)
    yield fault("without-genesis", "malformed", "a Statement before the genesis", [*rows[:2], *rows[3:]])
    swapped = [*rows[:4], rows[5], rows[4], *rows[6:]]
    yield fault("out-of-order", "context", "two Statements not in log order", swapped)
    yield fault("one-twice", "context", "one Statement twice", [*rows[:5], rows[4], *rows[5:]])
    note = world.anchor()
    yield fault("anchor-malformed", "malformed", "an anchor that is no note", anchored(note[:-1]))
    yield fault("anchor-unsigned", "log", "an anchor that the log did not sign", anchored(_flipped(note)))
    yield fault("anchor-of-another-size", "log", "another size than was signed", anchored(_resized(note)))
    before = world.anchor(world.tree.size - 1)
    yield fault("anchor-before", "log", "an anchor of a tree before the last entry", anchored(before))
    alone = world.checkpoint()
    yield fault("anchor-is-a-checkpoint", "log", "a checkpoint in the anchor's place", anchored(alone))
    yield fault("proof-empty", "log", "a Statement without its proof", changed("header", _without_proof))
    another = changed("header", _proof_of(rows[at["refused"]][1]))
    yield fault("proof-of-another", "log", "a Statement with another's proof", another)
    yield fault("proof-cut", "log", "a proof that is a hash short", changed("header", raw.drop(3)))
    again = world.sign("header", world.entry("header")[1].statement.body, "be-1").raw
    signed = changed("header", raw.put(1, again))
    yield fault(
        "statement-signed-again", "log", "the header with a signature that is not the logged one", signed
    )
    wrong = changed("erasure", raw.put(2, world.entry("erasure")[0] + 1))
    yield fault("index-of-another", "log", "a Statement at the next one's index", wrong)
    renamed = changed("directory-1", raw.put(1, _renamed(history)), (1, 0))
    yield fault("genesis-changed", "log", "a genesis that is not the logged one", renamed)
    records = changed("directory-1", raw.drop(2, 0), (1, 0))
    yield fault("member-missing", "directory", "a Directory without one of its records", records)
    second = rows[at["directory-2"]]
    yield fault("genesis-missing", "context", "the successor alone", [*rows[:2], second, rows[-1]])
    bare = raw.change(
        second[1],
        (),
        raw.literally(1, raw.Field(1, raw.LENGTH, raw.value(second[1], (1, 0), (1, 0))).encode()),
    )
    places = [*rows[: at["directory-2"]], ("statement", bare), *rows[at["directory-2"] + 1 :]]
    yield fault("directory-as-statement", "malformed", "a Directory in a record for other Statements", places)
    cut = rows[at["header"]][1]
    empty = [
        *rows[: at["header"]],
        ("statement", raw.change(cut, (), raw.put(1, b"\6header"))),
        *rows[at["header"] + 1 :],
    ]
    yield fault("statement-cut", "malformed", "a Statement that is none", empty)


def _flipped(note: bytes) -> bytes:
    # A letter in the middle of the log's Ed25519 line, and another one that base64 has.
    line = note.index("— ".encode()) + 110
    return note[:line] + (b"A" if note[line : line + 1] != b"A" else b"B") + note[line + 1 :]


def disclosures(history: History, good: Good) -> Faults:
    """A payload disclosed to somebody else; the base is a file with one."""
    base = history.envelope
    rows = rows_of(bytes(good.input["file"]))
    disclosure, chunk = rows[-3][1], rows[-2][1]

    def fault(name: str, expect: str, says: str, *made: tuple[str, bytes]) -> Fault:
        given = {"file": packed(counted([*rows[:-3], *made, rows[-1]]))}
        return Fault(name=f"disclosure-{name}", expect=expect, section="12.2", says=says, input=given)

    def said(how: raw.Change) -> tuple[str, bytes]:
        return "disclosure", raw.change(disclosure, (), how)

    whole, sealed = ("disclosure", disclosure), ("chunk", chunk)
    yield fault(
        "of-another-header", "context", "a header that is not shown", said(raw.put(1, seed("header"))), sealed
    )
    yield fault("of-no-stream", "context", "a stream that the header lacks", said(raw.put(2, 2)), sealed)
    yield fault("of-another-stream", "decryption", "a secret of another stream", said(raw.put(2, 1)), sealed)
    yield fault("secret", "decryption", "another secret", said(raw.put(3, seed("secret"))), sealed)
    yield fault(
        "content-key", "decryption", "the content key for the secret", said(raw.put(3, CONTENT_KEY)), sealed
    )
    yield fault("without-chunk", "context", "no chunk", whole)
    yield fault("chunk-twice", "malformed", "a chunk too many", whole, sealed, sealed)
    flipped = ("chunk", chunk[:99] + bytes([chunk[99] ^ 1]) + chunk[100:])
    yield fault("bit-flipped", "decryption", "one bit of the chunk", whole, flipped)
    yield fault("chunk-cut", "decryption", "a chunk that is a byte short", whole, ("chunk", chunk[:-1]))
    yield fault("chunk-longer", "decryption", "a chunk that is a byte long", whole, ("chunk", chunk + b"\0"))
    yield fault("chunk-empty", "decryption", "a chunk of no bytes", whole, ("chunk", b""))
    other = Stream(0, padded(raw.change(plaintext(base), (), raw.put(4, b"another content")), 8192))
    says = "another plaintext under the same key, which the author did not send"
    yield fault("another-plaintext", "context", says, whole, ("chunk", other.sealed))
    dirty = Stream(0, padded(plaintext(base), 8192)[:-1] + b"\1")
    yield fault("padding-1", "decryption", "a byte of padding that is 1", whole, ("chunk", dirty.sealed))
    before = [*rows[:-3], whole, sealed, rows[3], rows[-1]]
    early = {"file": packed(counted(before))}
    says = "a disclosure before a Statement"
    yield Fault(
        name="disclosure-before-a-statement", expect="malformed", section="12.1", says=says, input=early
    )


def forks(history: History, good: Good) -> Faults:
    """Two notes that prove nothing."""
    world = history.world
    rows = rows_of(bytes(good.input["file"]))
    same, grown = rows[-3][1], rows[-2][1]
    older, newer = world.checkpoint(6), world.checkpoint(12)

    def fault(name: str, says: str, base: bytes, how: raw.Change, expect: str = "log") -> Fault:
        made = [*rows[:-3], ("fork", raw.change(base, (), how)), rows[-1]]
        given = {"file": packed(counted(made))}
        return Fault(name=f"fork-{name}", expect=expect, section="12.2", says=says, input=given)

    yield fault("of-one-root", "one note twice", same, raw.put(2, raw.value(same, (1, 0))))
    yield fault(
        "of-one-size-with-root", "a root where both are of one size", same, raw.put(3, world.point(6).root)
    )
    yield fault("of-one-size-with-proof", "a proof where both are of one size", same, raw.put(4, bytes(32)))
    yield fault("without-root", "two sizes and no root", grown, raw.drop(3))
    forged = raw.value(grown, (1, 0))
    root = read_checkpoint(parse(forged).text).root
    yield fault("of-the-same-root", "the root is the older's own", grown, raw.put(3, root))
    yield fault("that-is-none", "a tree that grows from the other", grown, raw.put(1, older))
    yield fault("proof-cut", "a proof that is a hash short", grown, raw.drop(4))
    yield fault("proof-of-another-root", "a proof from another root", grown, raw.put(3, seed("root")))
    back = lambda fields: raw.put(2, older)(raw.put(1, newer)(fields))  # noqa: E731 # two changes
    yield fault("newer-first", "the newer is the smaller", grown, back)
    yield fault("unsigned", "a note that the log did not sign", same, raw.put(2, _flipped(older)))
    renamed = raw.put(2, older.replace(b"mce1/", b"mce2/"))
    yield fault("of-another-log", "a note of another log", same, renamed, "context")
    yield fault("no-note", "a note that is none", same, raw.put(2, older[:-1]), "malformed")


def _resized(note: bytes) -> bytes:
    lines = note.split(b"\n")
    return b"\n".join([lines[0], str(int(lines[1]) + 1).encode(), *lines[2:]])


def _without_proof(fields: raw.Fields) -> raw.Fields:
    return [field for field in fields if field.number != 3]


def _proof_of(other: bytes) -> Callable[[raw.Fields], raw.Fields]:
    proof = [field for field in raw.parse(other) if field.number == 3]
    return lambda fields: [*_without_proof(fields), *proof]


def _renamed(history: History) -> bytes:
    from mce_exchange.statement import Statement

    one = history.world.entries[0].statement
    body = raw.change(one.body, (), raw.put(4, b"Another exercise"))
    return Statement(one.type, body, one.blocks).raw


Places = tuple[tuple[str, str, int, tuple[tuple[int, int], ...]], ...]


def bounds(good: Good, places: Places) -> Faults:
    """Each field of a file's records above, below and without its bounds."""
    rows = rows_of(bytes(good.input["file"]))
    for message, title, place, path in places:
        kind, data = rows[place]
        at = place % len(rows)
        for name, expect, says, how in variants(message, raw.value(data, *path)):
            made = [*rows[:at], (kind, raw.change(data, path, how)), *rows[at + 1 :]]
            yield Fault(
                name=f"evidence-{title}-{name}",
                expect=expect,
                section="10",
                says=f"{message}.{says}",
                input={"file": packed(made)},
            )


RECORDS: Places = (
    ("EvidenceBegin", "begin", 0, ()),
    ("EvidenceAnchor", "anchor", 1, ()),
    ("EvidenceDirectory", "directory", 2, ()),
    ("DirectoryBundle", "bundle", 2, ((1, 0),)),
    ("EvidenceStatement", "statement", 3, ()),
    ("EvidenceEnd", "end", -1, ()),
)
DISCLOSURE: Places = (("EvidenceDisclosure", "disclosure", -3, ()),)
FORK: Places = (("EvidenceFork", "fork", -2, ()),)
