"""Faults of evidence files (SPEC section 12)."""

import io
from collections.abc import Callable, Sequence
from typing import Any

import msgpack

from mce_exchange.audit.records import Record, read_records
from mce_exchange.v1 import evidence_pb2 as pb
from tools.vectors import raw
from tools.vectors.faults_wire import variants
from tools.vectors.files import Fault, Faults, Good
from tools.vectors.history import History
from tools.vectors.world import seed

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

    def fault(name: str, says: str, data: bytes, expect: str = "malformed") -> Fault:
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
    yield fault("array-not-shortest", "an array with a longer head", b"\xdc\0\2" + first[1:] + rest)
    yield fault("kind-not-shortest", "a kind with a longer head", first[:1] + b"\xd9\5" + first[2:] + rest)
    longer = first[:7] + b"\xc5\0" + first[8:] + rest
    yield fault("bytes-not-shortest", "bytes with a longer head", longer)
    yield fault("extension-type", "an extension type", b"\xc7\0\1" + rest)


def _end(records: int) -> tuple[str, bytes]:
    return "end", pb.EvidenceEnd(records=records).SerializeToString()


def contents(history: History, good: Good) -> Faults:
    """What the records say."""
    world = history.world
    rows = rows_of(bytes(good.input["file"]))
    at = {name: 2 + index for index, name in enumerate(one.name for one in world.entries)}

    def fault(name: str, expect: str, says: str, made: Rows, **more: Any) -> Fault:
        given = {"file": packed(counted(made)), **more}
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
    yield fault("without-genesis", "context", "a Statement before the genesis", [*rows[:2], *rows[3:]])
    swapped = [*rows[:4], rows[5], rows[4], *rows[6:]]
    yield fault("out-of-order", "context", "two Statements not in log order", swapped)
    yield fault("one-twice", "context", "one Statement twice", [*rows[:5], rows[4], *rows[5:]])
    yield fault(
        "anchor-unsigned", "log", "an anchor that the log did not sign", anchored(_resized(world.anchor()))
    )
    yield fault(
        "anchor-before",
        "log",
        "an anchor of a tree before the last entry",
        anchored(world.anchor(world.tree.size - 1)),
    )
    alone = world.checkpoint()
    yield fault("anchor-is-a-checkpoint", "log", "a checkpoint in the anchor's place", anchored(alone))
    yield fault("proof-empty", "log", "a Statement without its proof", changed("header", _without_proof))
    yield fault(
        "proof-of-another",
        "log",
        "a Statement with another's proof",
        changed("header", _proof_of(rows[at["refused"]][1])),
    )
    yield fault("proof-cut", "log", "a proof that is a hash short", changed("header", raw.drop(3)))
    index = world.entry("header")[0]
    again = world.sign("header", world.entry("header")[1].statement.body, "be-1").raw
    yield fault(
        "statement-signed-again",
        "log",
        "the header with a signature that is not the logged one",
        changed("header", raw.put(1, again)),
    )
    wrong = changed("erasure", raw.put(2, world.entry("erasure")[0] + 1))
    yield fault("index-of-another", "context", "a Statement at the next one's index", wrong)
    yield fault(
        "genesis-changed",
        "directory",
        "a genesis with another name",
        changed("directory-1", raw.put(1, _renamed(history)), (1, 0)),
    )
    records = changed("directory-1", raw.drop(2, 0), (1, 0))
    yield fault("member-missing", "directory", "a Directory without one of its records", records)
    skipped = [row for place, row in enumerate(rows) if place != at["directory-1"]]
    yield fault(
        "genesis-missing",
        "context",
        "the successor alone",
        [*skipped[:2], rows[at["directory-2"]], skipped[-1]],
    )
    del index


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


def bounds(history: History, good: Good) -> Faults:
    """Each field of each record above, below and without its bounds."""
    rows = rows_of(bytes(good.input["file"]))
    header = 2 + history.world.entry("header")[0]
    places: tuple[tuple[str, str, int, tuple[tuple[int, int], ...]], ...] = (
        ("EvidenceBegin", "begin", 0, ()),
        ("EvidenceAnchor", "anchor", 1, ()),
        ("EvidenceDirectory", "directory", 2, ()),
        ("DirectoryBundle", "bundle", 2, ((1, 0),)),
        ("EvidenceStatement", "statement", header, ()),
        ("EvidenceEnd", "end", len(rows) - 1, ()),
    )
    for message, title, place, path in places:
        kind, data = rows[place]
        for name, expect, says, how in variants(message, raw.value(data, *path)):
            made = [*rows[:place], (kind, raw.change(data, path, how)), *rows[place + 1 :]]
            yield Fault(
                name=f"evidence-{title}-{name}",
                expect=expect,
                section="10",
                says=f"{message}.{says}",
                input={"file": packed(made)},
            )
