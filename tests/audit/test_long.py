"""Files of any length: one pass, all processors, memory that does not grow (SPEC 12.5)."""

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from mce_exchange.audit import answers
from mce_exchange.audit.ahead import ahead
from mce_exchange.audit.build import build
from mce_exchange.audit.records import Record
from mce_exchange.audit.report import Fact, Message
from mce_exchange.audit.verify import Reading, verify_evidence
from mce_exchange.directory import changes
from mce_exchange.directory.compose import new_key
from mce_exchange.errors import MalformedError, SuiteError
from mce_exchange.keys import PrivateKey
from mce_exchange.v1 import evidence_pb2, statement_pb2
from tests.audit.case import Case

MANY = 10_000


def marks(case: Case, count: int) -> None:
    """So many Statements in the log: be's to pt, each another."""
    key = case.people["be"].key
    for number in range(count):
        body = statement_pb2.HighWater(
            signers=[key.public.id],
            sender="be",
            recipient="pt",
            sequence=1 + number,
            header_id=case.sealed.id,
            log_size=1,
            log_root=case.tree.root(1),
        )
        case.log(case.sign("high-water", body.SerializeToString(), key).raw)


# What a process needs at most, beside what it needs to start.
SCRIPT = """
import json, sys
from mce_exchange.audit.verify import Reading
file, network_id = sys.argv[1:]
def most():
    # What getrusage says begins with the size of the process that made this one.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))
before = most()
with open(file, "rb") as source:
    reading = Reading(source, network_id=bytes.fromhex(network_id))
    report = reading.read()
    count = sum(1 for _ in reading.findings())
print(json.dumps([report.statements, count, most() - before]))
"""


def grown(folder: Path, case: Case) -> tuple[int, int, int]:
    """Statements, findings, KiB grown, of a process that verifies all of a case."""
    file = folder / f"{case.tree.size}.evidence"
    with file.open("wb") as sink:
        sink.writelines(
            build(
                iter(case.pieces()),
                network_id=case.network_id,
                tree=case.tree,
                anchor=case.anchor(),
                anchor_size=case.tree.size,
            )
        )
    command = [sys.executable, "-c", SCRIPT, str(file), case.network_id.hex()]
    ran = subprocess.run(command, capture_output=True, check=True, text=True)
    statements, findings, more = json.loads(ran.stdout)
    return statements, findings, more


def test_ten_thousand_statements_take_the_memory_of_a_thousand(tmp_path: Path) -> None:
    case = Case()
    marks(case, MANY // 10)
    few = grown(tmp_path, case)
    marks(case, MANY - MANY // 10)
    many = grown(tmp_path, case)
    assert (few[0], many[0]) == (case.index + MANY // 10, case.index + MANY)
    assert few[1] == few[0]
    assert many[1] == many[0]
    # The file is ten times as long, 40 MB: of it a few caches fill up.
    assert many[2] - few[2] < 8 * 1024, (few, many)


def test_findings_come_in_log_order_when_the_whole_file_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "_TOGETHER", 16)
    case = Case()
    marks(case, 40)
    later, _ = case.message(sequence=2)
    index = case.log(later.statement.raw)
    marks(case, 40)
    case.deliver("es", place=0)
    reading = Reading(io.BytesIO(b"".join(case.file())), network_id=case.network_id)
    report = reading.read()
    found = list(reading.findings())
    assert [one.index for one in found] == list(range(1, case.tree.size))
    assert [one.index for one in found if isinstance(one, Message)] == [case.index, index]
    assert report.statements == len(found)
    assert (report.messages, report.facts) == ((), ())
    whole = verify_evidence(io.BytesIO(b"".join(case.file())), network_id=case.network_id)
    assert whole.facts == tuple(one for one in found if isinstance(one, Fact))


def test_of_two_faults_in_a_long_file_the_first_is_told() -> None:
    case = Case()
    marks(case, 80)
    file = case.file()
    later, first = 70, 50
    broken = [*file]
    broken[later] = b"\x93"
    with pytest.raises(MalformedError, match="a kind and its bytes"):
        verify_evidence(io.BytesIO(b"".join(broken)), network_id=case.network_id)
    broken[first] = Record("statement", b"\x00").encode()
    with pytest.raises(MalformedError, match="EvidenceStatement"):
        verify_evidence(io.BytesIO(b"".join(broken)), network_id=case.network_id)
    unknown = case.raw[case.index].replace(b"\x06header", b"\x06headed")
    record = statement_record(unknown, case.index)
    broken[first] = record
    with pytest.raises(SuiteError):
        verify_evidence(io.BytesIO(b"".join(broken)), network_id=case.network_id)


def statement_record(raw: bytes, index: int) -> bytes:
    made = evidence_pb2.EvidenceStatement(statement=raw, index=index)
    return Record("statement", made.SerializeToString()).encode()


def test_a_key_that_a_later_directory_adds_is_known_in_its_turn() -> None:
    case = Case()
    key = PrivateKey.from_seed(bytes([61]) * 64)
    card = replace(case.state.directory.member("be"), keys=(new_key(key.public),))
    case.proceed(lambda draft: changes.renew(draft, card, version=2))
    sent = case.log(case.message(keys=[key], sequence=2)[0].statement.raw)
    case.people["be"].key = key
    marks(case, 40)
    report = case.report()
    assert [one.index for one in report.messages] == [case.index, sent]
    assert {str(one.verdict) for one in report.facts} == {"valid"}


def test_without_the_genesis_nothing_is_known() -> None:
    case = Case()
    marks(case, 40)
    file = [record for record in case.file() if not record.startswith(b"\x92\xa9directory")]
    with pytest.raises(MalformedError, match="begins with the genesis"):
        verify_evidence(io.BytesIO(b"".join(file)), network_id=case.network_id)


def test_what_waits_is_bounded_by_bytes_too() -> None:
    read: list[int] = []

    def items() -> Iterator[int]:
        for number in range(200):
            read.append(number)
            yield number

    def work(group: Sequence[int]) -> Callable[[], None]:
        return lambda: None

    made = ahead(items(), work, lambda _: 1024 * 1024)
    assert [next(made) for _ in range(3)] == [0, 1, 2]
    assert len(read) < 10
    assert list(made) == list(range(3, 200))


def test_a_file_is_written_on_from_where_it_stands() -> None:
    case = Case()
    whole = case.file()
    pieces = case.pieces()
    rest = build(
        pieces[3:],
        network_id=case.network_id,
        tree=case.tree,
        anchor=case.anchor(),
        anchor_size=case.tree.size,
        written=5,
    )
    assert whole[:5] + list(rest) == whole
