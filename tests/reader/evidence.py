"""Evidence files: their records, and what they prove (SPEC section 12)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from . import chain, note, tree
from .answers import Answers
from .authority import authenticate, later_verdict
from .disclosed import Disclosed, Disclosing
from .framing import Statement, parse
from .header import read
from .refusal import RefusalError, must
from .schema import limit
from .state import State
from .wire import Record, decode

ORDER = {"directory": 0, "statement": 0, "fork": 1, "disclosure": 2, "chunk": 2, "end": 3}
KINDS = ("begin", "anchor", *ORDER)
INVALID = "invalid"


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
    forks: list[tuple[int, int]] = field(default_factory=list)
    disclosed: list[Disclosed] = field(default_factory=list)


def records(data: bytes) -> Iterator[tuple[str, bytes]]:
    """12.1."""
    rest = _Rest(data)
    while rest.at < len(data):
        must(rest.number(1) == 0x92, "malformed", "a record is a kind and its bytes")
        length = rest.number(1) - 0xA0
        must(length >= 0, "malformed", "a kind that is no short text")
        kind = rest.take(length)
        must(kind in [one.encode() for one in KINDS], "malformed", "a kind that does not exist")
        head = rest.number(1)
        must(0xC4 <= head <= 0xC6, "malformed", "a record without bytes")
        width = 1 << head - 0xC4
        size = rest.number(width)
        must(size <= limit("evidence record"), "limit", f"a record of {size} bytes")
        shortest = 1 if size < 1 << 8 else 2 if size < 1 << 16 else 4
        must(width == shortest, "malformed", "a length in another form than the shortest")
        yield kind.decode(), rest.take(size)


class _Rest:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        must(size <= len(self.data) - self.at, "malformed", "a file that is cut off inside a record")
        self.at += size
        return self.data[self.at - size : self.at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")


def verify(data: bytes, network_id: bytes) -> Report:
    """12.2."""
    rows = records(data)
    begin = decode("EvidenceBegin", _the(rows, "begin"))
    must(begin.number("format") == 1, "suite", "another format")
    must(begin.data("network_id") == network_id, "context", "another network than the pinned one")
    file = _File(network_id, decode("EvidenceAnchor", _the(rows, "anchor")).data("note"))
    count, part = 2, 0
    for kind, content in rows:
        count += 1
        must(ORDER.get(kind, -1) >= part, "malformed", f"a {kind} record where none may be")
        part = ORDER[kind]
        if kind == "end":
            right = decode("EvidenceEnd", content).number("records") == count
            must(right and next(rows, None) is None, "malformed", "another number of records")
            return file.report()
        file.take(kind, content)
    raise RefusalError("malformed", "a file without its end")


def _the(rows: Iterator[tuple[str, bytes]], kind: str) -> bytes:
    row = next(rows, None)
    must(row is not None and row[0] == kind, "malformed", f"no {kind} record in its place")
    return row[1] if row else b""


class _File:
    def __init__(self, network_id: bytes, anchor: bytes) -> None:
        self.network_id = network_id
        self.note = anchor
        self.claimed = note.parse(anchor)
        self.state: State | None = None
        self.last = -1
        self.seen: set[bytes] = set()
        self.signers: dict[int, list[bytes]] = {}
        self.answers = Answers()
        self.disclosing = Disclosing(self.answers)
        self.forks: list[tuple[int, int]] = []

    @property
    def known(self) -> State:
        if self.state is None:
            raise RefusalError("malformed", "a file that does not begin with the genesis")
        return self.state

    def take(self, kind: str, content: bytes) -> None:
        if kind == "directory":
            self._directory(decode("EvidenceDirectory", content))
        elif kind == "statement":
            self._statement(decode("EvidenceStatement", content))
        elif kind == "fork":
            self._fork(decode("EvidenceFork", content))
        elif kind == "disclosure":
            self.disclosing.begin(decode("EvidenceDisclosure", content))
        else:
            self.disclosing.chunk(content)

    def _shown(self, record: Record, statement: Statement) -> None:
        """Step 2."""
        index = record.number("index")
        must(index > self.last, "context", "records that are not in log order")
        self.last = index
        leaf, claimed = tree.leaf_hash(statement.entry()), self.claimed
        tree.included(leaf, index, claimed.size, record.every("proof"), claimed.root)

    def _directory(self, record: Record) -> None:
        """Step 3."""
        bundle, index = record.record("bundle"), record.number("index")
        raw, members = bundle.data("statement"), bundle.every("members")
        self._shown(record, parse(raw))
        if self.state is None:
            must(index == 0, "context", "the first Directory is not entry 0")
            self.state = State(chain.open_genesis(raw, members, self.network_id))
        else:
            self.state = self.state.after(raw, members, index)

    def _statement(self, record: Record) -> None:
        """Steps 4 and 5."""
        state, index = self.known, record.number("index")
        statement = parse(record.data("statement"))
        must(statement.type != "directory", "malformed", "a Directory without its members")
        self._shown(record, statement)
        self.signers[index] = []
        id_ = statement.id(self.network_id)
        try:
            must(id_ not in self.seen, "context", "an id that counted before")
            signed = authenticate(statement, state, index)
            if statement.log_class == 1:
                self.state = state.after(statement.raw, (), index)
        except RefusalError:
            return
        self.seen.add(id_)
        self.signers[index] = [block.key_id for block in statement.blocks]
        if statement.type == "header":
            self.answers.header(id_, index, read(statement.body))
        else:
            self.answers.take(signed, index)

    def _fork(self, record: Record) -> None:
        """Step 8."""
        older, newer = (self._checkpoint(record.data(name)) for name in ("older", "newer"))
        root, proof = record.data("root"), record.every("proof")
        if older.size == newer.size:
            alone = older.root != newer.root and not root and not proof
            must(alone, "log", "two notes of one size that are no fork")
        else:
            must(bool(root) and root != older.root, "log", "two notes that do not contradict each other")
            tree.extends(older.size, root, newer.size, newer.root, proof)
        self.forks.append((older.size, newer.size))

    def _checkpoint(self, data: bytes) -> note.Checkpoint:
        directory = self.known.directory
        checkpoint = note.parse(data)
        note.verify_log_line(checkpoint, directory.origin, directory.log_key(checkpoint.size).ed25519)
        return checkpoint

    def report(self) -> Report:
        """Steps 6, 7 and 9."""
        disclosed = self.disclosing.finish()
        state = self.known
        anchor = state.open_anchor(self.note)
        report = Report(self.network_id.hex(), state.directory.version, anchor.checkpoint.size)
        report.witnesses, report.relay_clock = anchor.witnesses, anchor.relay_clock
        for index, signers in self.signers.items():
            report.verdicts[index] = later_verdict(state, signers, index) if signers else INVALID
        report.answers = {id_.hex(): dict(one.answers) for id_, one in self.answers.headers.items()}
        report.forks, report.disclosed = self.forks, disclosed
        return report
