"""Verifying an evidence file: from a root fingerprint, offline, in one pass (SPEC section 12).

Begin, anchor, then everything in log order, each shown to stand in the anchor's tree: Directories
form the chain from the genesis, public Statements the public state, the others are judged by that
state at the end, so that a revocation in the file counts for what was signed before it. Whatever is
not in the file is "not shown": nothing is assumed, and an acknowledgement left out proves nothing.
"""

from collections.abc import Iterator
from typing import BinaryIO

from mce_exchange import limits, wire
from mce_exchange import statement as statements
from mce_exchange.audit.records import FORMAT, Record, read_records
from mce_exchange.audit.report import Fact, Message, Report
from mce_exchange.audit.says import code_words, fact_of, invalid, is_final
from mce_exchange.directory.authority import Signed, authenticate
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError, LimitError, LogError, MalformedError, SignatureError, SuiteError
from mce_exchange.header import Header, read_header
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.proof import verify_inclusion
from mce_exchange.primitives.verify import equal
from mce_exchange.statement import Statement
from mce_exchange.v1 import evidence_pb2, statement_pb2

NOT_SHOWN = "no answer is shown"
_MOST_STATEMENTS = 100_000


def verify_evidence(stream: BinaryIO, *, network_id: bytes) -> Report:
    """What a file proves in the network with this root fingerprint (32 bytes).

    Raises `ProtocolError`, `DirectoryError` or `LogError` at the first thing that is not what the log
    holds: a file with one false part proves nothing. A logged Statement whose signature does not count
    is reported as invalid.
    """
    records = read_records(stream)
    begin = _payload(records, "begin", evidence_pb2.EvidenceBegin)
    if begin.format != FORMAT:
        raise SuiteError(f"an evidence file of format {begin.format}")
    if not equal(begin.network_id, network_id):
        raise ContextError("this evidence belongs to another network than the fingerprint says")
    note = _payload(records, "anchor", evidence_pb2.EvidenceAnchor).note
    return _Reading(network_id, note).read(records)


def _payload(records: Iterator[Record], kind: str, message: type[wire.M]) -> wire.M:
    record = next(records, None)
    if record is None or record.kind != kind:
        raise MalformedError(f"an evidence file without its {kind} record in its place")
    return _parse(message, record)


def _parse(message: type[wire.M], record: Record) -> wire.M:
    return wire.parse(message, record.data, cap=limits.EVIDENCE_RECORD)


class _Reading:
    """One pass over a file. Proofs wait for the anchor, whose key the last Directory names."""

    def __init__(self, network_id: bytes, note: bytes) -> None:
        self._network_id = network_id
        self._note = note
        self._state: PublicState | None = None
        self._proofs: list[tuple[bytes, int, list[bytes]]] = []
        self._last = -1
        self._count = 2
        self._given: list[tuple[int, Statement]] = []

    def read(self, records: Iterator[Record]) -> Report:
        for record in records:
            self._count += 1
            if record.kind == "directory":
                self._directory(_parse(evidence_pb2.EvidenceDirectory, record))
            elif record.kind == "statement":
                self._statement(_parse(evidence_pb2.EvidenceStatement, record))
            elif record.kind == "end":
                end = _parse(evidence_pb2.EvidenceEnd, record)
                if end.records != self._count or next(records, None) is not None:
                    raise MalformedError("an evidence file with more or fewer records than its end says")
                return self._report()
            else:
                raise MalformedError(f"a {record.kind} record where none may be")
        raise MalformedError("an evidence file without its end: it was cut off")

    def _directory(self, record: evidence_pb2.EvidenceDirectory) -> None:
        bundle = Bundle(record.bundle.statement, tuple(record.bundle.members))
        if self._state is None:
            if record.index:
                raise ContextError("the first Directory of an evidence file is the genesis, entry 0")
            self._state = PublicState.genesis(bundle, network_id=self._network_id)
        else:
            self._state = self._state.after(bundle.statement, members=bundle.members, index=record.index)
        self._next(record.index)
        self._pending(record.index, statements.decode(bundle.statement), list(record.proof))

    def _statement(self, record: evidence_pb2.EvidenceStatement) -> None:
        if self._state is None:
            raise ContextError("an evidence file begins with the genesis")
        self._next(record.index)
        decoded = statements.decode(record.statement)
        self._pending(record.index, decoded, list(record.proof))
        if decoded.public:
            self._state = self._state.after(record.statement, index=record.index)
        self._given.append((record.index, decoded))

    def _next(self, index: int) -> None:
        if index <= self._last:
            raise ContextError("records that are not in log order")
        self._last = index

    def _pending(self, index: int, decoded: Statement, proof: list[bytes]) -> None:
        if len(self._proofs) == _MOST_STATEMENTS:
            raise LimitError(f"more than {_MOST_STATEMENTS} Statements: verify them in several files")
        self._proofs.append((LogEntry(decoded.public, decoded.digest).leaf_hash, index, proof))

    def _report(self) -> Report:
        if self._state is None:
            raise MalformedError("an evidence file without a Directory")
        # By the last Directory shown: it names the log key for this size.
        anchor = self._state.open_anchor(self._note)
        for leaf, index, proof in self._proofs:
            verify_inclusion(leaf, index, anchor.checkpoint.size, anchor.checkpoint.root, proof)
        state = self._state.skipped(anchor.checkpoint.size)
        messages: dict[bytes, tuple[Message, Header]] = {}
        facts: list[Fact] = []
        for index, decoded in self._given:
            try:
                signed = authenticate(decoded, state=state, index=index)
            except SignatureError as error:
                # Logged is not valid: the entry stands there, and is worth nothing.
                facts.append(invalid(decoded, index, error))
                continue
            if decoded.type == statements.HEADER:
                message, header = _message(signed, index, self._network_id)
                messages[decoded.id(self._network_id)] = message, header
            else:
                _answers(signed, index, messages)
                facts.append(fact_of(signed, index))
        directory = state.directory
        return Report(
            network_id=self._network_id.hex(),
            network_name=directory.name,
            exercise=directory.exercise,
            directory_version=directory.version,
            log_size=anchor.checkpoint.size,
            time=anchor.time,
            witnesses=anchor.text,
            messages=tuple(message for message, _ in messages.values()),
            facts=tuple(facts),
        )


def _message(signed: Signed, index: int, network_id: bytes) -> tuple[Message, Header]:
    header = read_header(signed.statement)
    message = Message(
        header_id=signed.statement.id(network_id).hex(),
        index=index,
        sender=signed.author,
        verdict=signed.verdict,
        created_minutes=header.core.created_minutes,
        recipients={recipient.member: NOT_SHOWN for recipient in header.core.recipients},
    )
    return message, header


def _answers(signed: Signed, index: int, messages: dict[bytes, tuple[Message, Header]]) -> None:
    """Enter an acknowledgement at the recipient it is by; by another, or of another place, it is a fault."""
    body = signed.body
    items: list[tuple[bytes, int, int, str, bool]]
    if isinstance(body, statement_pb2.Delivered):
        says = f"delivered, entry {index}"
        items = [(one.header_id, one.index, one.recipient_index, says, True) for one in body.items]
    elif isinstance(body, statement_pb2.Refused):
        items = []
        for one in body.items:
            says = f"refused ({code_words(one.code)}), entry {index}"
            items.append((one.header_id, one.index, one.recipient_index, says, is_final(one.code)))
    else:
        return
    for header_id, header_index, position, says, final in items:
        if header_id not in messages:
            continue
        message, header = messages[header_id]
        recipients = header.core.recipients
        if header_index != message.index or position >= len(recipients):
            raise LogError("an acknowledgement of another entry than the header's")
        member = recipients[position].member
        if member != signed.author:
            raise ContextError(f"{signed.author} acknowledges for {member}")
        # The first final one counts, and records come in log order.
        if message.recipients[member] == NOT_SHOWN or "prekey not held" in message.recipients[member]:
            message.recipients[member] = says if final else f"{says}, not final"
