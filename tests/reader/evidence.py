"""Evidence files: their records, and what they prove (SPEC section 12)."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import msgpack

from . import chain, streams, tree
from .authority import authenticate
from .framing import Statement, parse
from .header import Header, read, sealed_size
from .primitives import sha256
from .refusal import RefusalError, must
from .schema import limit
from .state import State
from .wire import decode

KINDS = ("begin", "anchor", "directory", "statement", "disclosure", "chunk", "end")
PREKEY_NOT_HELD = 1
NOT_SHOWN = "not shown"


@dataclass
class Report:
    """What the file shows."""

    network_id: str
    directory_version: int = 0
    log_size: int = 0
    witnesses: tuple[str, ...] = ()
    relay_clock: bool = True
    verdicts: dict[int, str] = field(default_factory=dict)
    answers: dict[str, dict[str, str]] = field(default_factory=dict)
    disclosed: list[tuple[str, int, bytes]] = field(default_factory=list)


def records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """12.1: arrays of kind and bytes, each in msgpack's shortest encoding."""
    at = 0
    unpacker = msgpack.Unpacker(raw=False, max_buffer_size=0)
    unpacker.feed(data)
    while at < len(data):
        try:
            value = unpacker.unpack()
        except (ValueError, msgpack.UnpackException, RecursionError):
            raise RefusalError("malformed", "not a record, or cut off inside one") from None
        must(isinstance(value, list) and len(value) == 2, "malformed", "a record is a kind and its bytes")
        kind, content = value
        must(kind in KINDS and isinstance(content, bytes), "malformed", "a record of an unknown kind")
        must(len(content) <= limit("evidence record"), "limit", "a record above the cap")
        encoded = msgpack.packb(value)
        must(data[at : at + len(encoded)] == encoded, "malformed", "a record in another encoding")
        at += len(encoded)
        yield kind, content


def verify(data: bytes, network_id: bytes) -> Report:
    """12.2."""
    rows = records(data)
    begin = decode("EvidenceBegin", _the(rows, "begin"))
    must(begin.number("format") == 1, "suite", "another format")
    must(begin.data("network_id") == network_id, "context", "another network than the pinned one")
    note = decode("EvidenceAnchor", _the(rows, "anchor")).data("note")
    file = _File(network_id)
    count = 2
    for kind, content in rows:
        count += 1
        if kind == "end":
            right = decode("EvidenceEnd", content).number("records") == count
            must(right and next(rows, None) is None, "malformed", "another number of records")
            return file.report(note)
        file.take(kind, content)
    raise RefusalError("malformed", "a file without its end")


def _the(rows: Iterator[tuple[str, bytes]], kind: str) -> bytes:
    row = next(rows, None)
    must(row is not None and row[0] == kind, "malformed", f"no {kind} record in its place")
    return row[1] if row else b""


@dataclass
class _Disclosure:
    header_id: bytes
    stream: int
    secret: bytes
    chunks: list[bytes] = field(default_factory=list)


class _File:
    def __init__(self, network_id: bytes) -> None:
        self.network_id = network_id
        self.state: State | None = None
        self.proofs: list[tuple[bytes, int, list[bytes]]] = []
        self.last = -1
        self.statements: list[tuple[int, Statement, State]] = []
        self.passed_over: set[int] = set()
        self.disclosures: list[_Disclosure] = []

    def take(self, kind: str, content: bytes) -> None:
        if kind == "directory":
            self._directory(content)
        elif kind == "statement":
            self._statement(content)
        elif kind == "disclosure":
            record = decode("EvidenceDisclosure", content)
            self.disclosures.append(
                _Disclosure(record.data("header_id"), record.number("stream"), record.data("secret"))
            )
        elif kind == "chunk":
            must(bool(self.disclosures), "malformed", "a chunk without its disclosure")
            self.disclosures[-1].chunks.append(content)
        else:
            raise RefusalError("malformed", f"a {kind} record where none may be")

    def _place(self, index: int) -> None:
        must(not self.disclosures, "malformed", "a Statement after a disclosure")
        must(index > self.last, "context", "records that are not in log order")
        self.last = index

    def _directory(self, content: bytes) -> None:
        record = decode("EvidenceDirectory", content)
        bundle, index = record.record("bundle"), record.number("index")
        raw, members = bundle.data("statement"), bundle.every("members")
        if self.state is None:
            must(index == 0, "context", "the first Directory is not entry 0")
            self.state = State(chain.open_genesis(raw, members, self.network_id))
        else:
            self._place(index)
            self.state = self.state.after(raw, members, index)
        self.last = index
        self.proofs.append((parse(raw).entry(), index, record.every("proof")))

    def _statement(self, content: bytes) -> None:
        record = decode("EvidenceStatement", content)
        if self.state is None:
            raise RefusalError("context", "a file begins with the genesis")
        index = record.number("index")
        self._place(index)
        statement = parse(record.data("statement"))
        must(statement.type != "directory", "malformed", "a Directory without its members")
        self.statements.append((index, statement, self.state))
        if statement.log_class == 1:
            try:
                self.state = self.state.after(statement.raw, (), index)
            except RefusalError:
                self.passed_over.add(index)
        self.proofs.append((statement.entry(), index, record.every("proof")))

    def report(self, note: bytes) -> Report:
        if self.state is None:
            raise RefusalError("malformed", "a file without a Directory")
        anchor = self.state.open_anchor(note)
        for entry, index, proof in self.proofs:
            leaf = tree.leaf_hash(entry)
            tree.included(leaf, index, anchor.checkpoint.size, proof, anchor.checkpoint.root)
        report = Report(self.network_id.hex(), self.state.directory.version, anchor.checkpoint.size)
        report.witnesses, report.relay_clock = anchor.witnesses, anchor.relay_clock
        headers: dict[bytes, tuple[int, Header]] = {}
        for index, statement, below in self.statements:
            # 4.3: the state below the index, and revocations logged since.
            known = replace(below, revoked=self.state.revoked)
            self._judge(index, statement, known, headers, report)
        for one in self.disclosures:
            report.disclosed.append((one.header_id.hex(), one.stream, _disclosed(one, headers)))
        return report

    def _judge(
        self,
        index: int,
        statement: Statement,
        state: State,
        headers: dict[bytes, tuple[int, Header]],
        report: Report,
    ) -> None:
        try:
            signed = authenticate(statement, state, index)
        except RefusalError:
            report.verdicts[index] = "invalid"
            return
        report.verdicts[index] = "passed over" if index in self.passed_over else signed.verdict
        if statement.type == "header":
            header = read(statement.body)
            headers[statement.id(self.network_id)] = index, header
            report.answers[statement.id(self.network_id).hex()] = dict.fromkeys(header.recipients, NOT_SHOWN)
        elif statement.type in ("delivered", "refused"):
            for item in signed.body.records("items"):
                if item.data("header_id") in headers:
                    at, header = headers[item.data("header_id")]
                    place = item.number("recipient_index")
                    if item.number("index") != at or header.recipients[place : place + 1] != [signed.author]:
                        continue  # worth nothing (9.4)
                    answers = report.answers[item.data("header_id").hex()]
                    code = item.number("code") if statement.type == "refused" else 0
                    if answers[signed.author] in (NOT_SHOWN, f"refused {PREKEY_NOT_HELD}"):
                        answers[signed.author] = f"refused {code}" if code else "delivered"


def _disclosed(one: _Disclosure, headers: dict[bytes, tuple[int, Header]]) -> bytes:
    must(one.header_id in headers, "context", "a disclosure of a header that is not shown")
    described = headers[one.header_id][1].core.records("streams")
    must(one.stream < len(described), "context", f"no stream {one.stream}")
    stream = described[one.stream]
    sealed = b"".join(one.chunks)
    whole = len(sealed) == sealed_size(stream.number("padded_size"))
    must(whole and [*streams.chunks(sealed)] == one.chunks, "context", "other chunks than the header's")
    must(streams.root(sealed) == stream.data("root"), "context", "other ciphertext than the header's")
    return streams.open_data(stream, one.stream, one.secret, sealed)


def digest(data: bytes) -> str:
    """What `__main__` prints of disclosed data."""
    return sha256(data).hex()
