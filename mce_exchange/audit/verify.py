"""Verifying an evidence file: from a root fingerprint, offline, in one pass (SPEC section 12).

Begin, anchor, then everything in log order, each shown to stand in the anchor's tree: Directories
form the chain from the genesis, public Statements the public state, and each Statement is judged by
the state at its own index; what the file shows of revocations counts for what was signed before them.
Whatever is not in the file is "not shown": nothing is assumed, and an acknowledgement left out proves
nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from heapq import merge
from typing import BinaryIO

from mce_exchange import limits, wire
from mce_exchange import statement as statements
from mce_exchange.audit.ahead import ahead, verifying
from mce_exchange.audit.answers import Answers
from mce_exchange.audit.disclosed import Disclosing
from mce_exchange.audit.forks import check_fork
from mce_exchange.audit.ledger import Ledger
from mce_exchange.audit.records import FORMAT, Record, read_records
from mce_exchange.audit.report import Disclosed, Fact, Fork, Message, Report
from mce_exchange.directory.authority import Signed
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError, LimitError, MalformedError, MceError, ProtocolError, SuiteError
from mce_exchange.log import note as notes
from mce_exchange.log.checkpoint import Checkpoint, read_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.proof import verify_inclusion
from mce_exchange.primitives.verify import equal
from mce_exchange.statement import Statement
from mce_exchange.v1 import evidence_pb2

Take = Callable[[bytes, int, bytes], None]
"""What is disclosed, piece by piece: header id, stream, data. Whole only once a report has come."""

_MOST_LISTED = 100_000
_ORDER = {"directory": 0, "statement": 0, "fork": 1, "disclosure": 2, "chunk": 2, "end": 3}


def verify_evidence(stream: BinaryIO, *, network_id: bytes, take: Take | None = None) -> Report:
    """What a file proves in the network with this root fingerprint (32 bytes).

    Raises `ProtocolError`, `DirectoryError` or `LogError` at the first thing that is not what the log
    holds: a file with one false part proves nothing. A logged Statement that does not count is reported
    as invalid. `take` gets what is disclosed. `LimitError` for more than a report may list: see `Reading`.
    """
    reading = Reading(stream, network_id=network_id, take=take)
    report = reading.read()
    if report.statements > _MOST_LISTED:
        raise LimitError(
            f"{report.statements} Statements, and a report lists {_MOST_LISTED}: write a list to a file"
        )
    findings = list(reading.findings())
    return replace(
        report,
        messages=tuple(one for one in findings if isinstance(one, Message)),
        facts=tuple(one for one in findings if isinstance(one, Fact)),
    )


def _no_key(key_id: bytes) -> None:
    """Before the genesis nobody is known."""


def _nowhere(header_id: bytes, stream: int, data: bytes) -> None:
    """Where nobody asked for the content."""


def _payload(records: Iterator[Record], kind: str, message: type[wire.M]) -> wire.M:
    record = next(records, None)
    if record is None or record.kind != kind:
        raise MalformedError(f"an evidence file without its {kind} record in its place")
    return _parse(message, record)


def _parse(message: type[wire.M], record: Record) -> wire.M:
    return wire.parse(message, record.data, cap=limits.EVIDENCE_RECORD)


@dataclass(slots=True)
class _Item:
    """A record, and what of it was read ahead."""

    record: Record
    message: evidence_pb2.EvidenceStatement | None = None
    statement: Statement | None = None


class Reading:
    """One pass over a file of any length, in the memory of a few records: the rest stands in a ledger.

    `read`, and if it returns, `findings`. What the anchor claims is used at once and believed at the end,
    when the last Directory has named the keys that may sign it; nothing is reported before.
    """

    def __init__(self, stream: BinaryIO, *, network_id: bytes, take: Take | None = None) -> None:
        """Begin and anchor; raises as `verify_evidence` does."""
        self._records = read_records(stream)
        begin = _payload(self._records, "begin", evidence_pb2.EvidenceBegin)
        if begin.format != FORMAT:
            raise SuiteError(f"an evidence file of format {begin.format}")
        if not equal(begin.network_id, network_id):
            raise ContextError("this evidence belongs to another network than the fingerprint says")
        self._network_id = network_id
        self._note = _payload(self._records, "anchor", evidence_pb2.EvidenceAnchor).note
        self._claimed: Checkpoint = read_checkpoint(notes.parse(self._note).text)
        self._state: PublicState | None = None
        self._answers = Answers(network_id, Ledger())
        self._disclosing = Disclosing(self._answers, take or _nowhere)
        self._forks: list[Fork] = []
        self._part = 0
        self._last = -1
        self._count = 2
        self._statements = 0

    def read(self) -> Report:
        """Everything but messages and facts."""
        items = ahead(map(_Item, self._records), self._ahead, lambda item: len(item.record.data))
        for item in items:
            record = item.record
            self._count += 1
            if _ORDER.get(record.kind, -1) < self._part:
                raise MalformedError(f"a {record.kind} record where none may be")
            self._part = _ORDER[record.kind]
            if record.kind == "end":
                return self._end(_parse(evidence_pb2.EvidenceEnd, record), items)
            self._record(item)
        raise MalformedError("an evidence file without its end: it was cut off")

    def findings(self) -> Iterator[Message | Fact]:
        """Messages and everything else in log order, by what the whole file shows of revocations."""
        return merge(
            self._answers.messages(self._known), self._answers.facts(self._known), key=lambda one: one.index
        )

    def _ahead(self, items: Sequence[_Item]) -> Callable[[], None]:
        """Signatures by keys that the file has shown so far."""
        found = []
        for item in items:
            # What does not parse is refused in its turn, after what stands before it.
            with suppress(ProtocolError):
                if item.record.kind == "statement":
                    message = _parse(evidence_pb2.EvidenceStatement, item.record)
                    item.statement = statements.decode(message.statement)
                    item.message = message
                    found.append(item.statement)
        find_key = self._state.find_key if self._state else _no_key
        return verifying(found, self._network_id, find_key)

    def _record(self, item: _Item) -> None:
        record = item.record
        if record.kind == "directory":
            self._directory(_parse(evidence_pb2.EvidenceDirectory, record))
        elif record.kind == "statement":
            message = item.message or _parse(evidence_pb2.EvidenceStatement, record)
            self._statement(message, item.statement or statements.decode(message.statement))
        elif record.kind == "fork":
            self._forks.append(check_fork(_parse(evidence_pb2.EvidenceFork, record), self._known))
        elif record.kind == "disclosure":
            self._disclosing.begin(_parse(evidence_pb2.EvidenceDisclosure, record))
        else:
            self._disclosing.chunk(record.data)

    @property
    def _known(self) -> PublicState:
        if self._state is None:
            raise MalformedError("an evidence file begins with the genesis")
        return self._state

    def _directory(self, record: evidence_pb2.EvidenceDirectory) -> None:
        bundle = Bundle(record.bundle.statement, tuple(record.bundle.members))
        decoded = statements.decode(bundle.statement)
        self._shown(record.index, decoded, list(record.proof))
        self._answers.directory(decoded, record.index)
        if self._state is None:
            if record.index:
                raise ContextError("the first Directory of an evidence file is the genesis, entry 0")
            self._state = PublicState.genesis(bundle, network_id=self._network_id)
        else:
            self._state = self._state.after(bundle.statement, members=bundle.members, index=record.index)

    def _statement(self, record: evidence_pb2.EvidenceStatement, decoded: Statement) -> None:
        state = self._known
        self._statements += 1
        if decoded.type == statements.DIRECTORY:
            raise MalformedError("a Directory without its member records")
        self._shown(record.index, decoded, list(record.proof))
        signed = self._answers.judge(decoded, record.index, state)
        if decoded.public and isinstance(signed, Signed):
            try:
                self._state = state.after(record.statement, index=record.index)
            except MceError as error:
                # Logged, and passed over by everybody.
                self._answers.passed_over(decoded, record.index, error)
            else:
                self._answers.counts(signed, record.index)

    def _shown(self, index: int, decoded: Statement, proof: list[bytes]) -> None:
        if index <= self._last:
            raise ContextError("records that are not in log order")
        self._last = index
        leaf = LogEntry(decoded.public, decoded.digest).leaf_hash
        verify_inclusion(leaf, index, self._claimed.size, self._claimed.root, proof)

    def _end(self, end: evidence_pb2.EvidenceEnd, more: Iterator[_Item]) -> Report:
        if end.records != self._count or next(more, None) is not None:
            raise MalformedError("an evidence file with more or fewer records than its end says")
        disclosed: tuple[Disclosed, ...] = self._disclosing.finish()
        # By the last Directory shown: it names the keys for this size.
        anchor = self._known.open_anchor(self._note)
        self._state = state = self._known.skipped(anchor.checkpoint.size)
        return Report(
            network_id=self._network_id.hex(),
            network_name=state.directory.name,
            exercise=state.directory.exercise,
            directory_version=state.directory.version,
            log_size=anchor.checkpoint.size,
            time=anchor.time,
            witnesses=anchor.text,
            witnessed=anchor.witnessed,
            statements=self._statements,
            forks=tuple(self._forks),
            disclosed=disclosed,
        )
