"""A report on a period: what it counts, what it hides, and that nothing in it acts (SPEC 12.8; H11)."""

import base64
import io
import re
from dataclasses import replace

import pytest

from mce_exchange.audit.alarms import Alarm, Kind
from mce_exchange.audit.page import page
from mce_exchange.audit.survey import FEW, Survey, survey
from mce_exchange.audit.verify import verify_evidence
from tests.audit.watched import HOUR, Watched
from tests.core.chronicle import DAY, NOW

END = NOW + 400 * DAY


def no_proof(alarm: Alarm) -> bytes:
    return b""


@pytest.fixture(scope="module")
def case(tmp_path_factory: pytest.TempPathFactory) -> Watched:
    """Nine messages of be to pt and one to es and pt: six answered, one late, one never."""
    made = Watched(tmp_path_factory.mktemp("survey"))
    made.dated(0)
    made.dated(60)
    before, ids = made.sealed.id, []
    for sequence in range(2, 10):
        before = made.send(sequence, previous=before, deadline=1)
        ids.append((before, made.tree.size - 1))
    made.dated(120)
    for id_, index in ids[:5]:
        made.answer(id_, index)
    made.dated(300)
    made.answer(*ids[5])
    made.dated(30 * HOUR / 60)
    for id_, _ in ids[6:]:
        made.overdue(id_, 2 * HOUR)
    made.dated(2 * HOUR)
    made.answer(*ids[6])
    made.dated(5 * HOUR)
    for id_, _ in ids[:6]:
        made.erased(id_)
        made.erased(id_, "be")
    made.proceed(lambda draft: draft)
    made.dated(8 * DAY)
    made.void(20)
    made.dated(9 * DAY)
    return made


def test_it_counts_and_hides_what_is_few(case: Watched) -> None:
    found = survey(case.watch, 0, END, prove=no_proof)
    assert (found.about, found.log_size) == (5, case.tree.size)
    assert {(one.sender, one.recipient): one.text for one in found.flows} == {
        ("BE", "ES"): FEW,
        ("BE", "PT"): "5",
    }
    answered = {one.name: one.count for one in found.answered}
    assert answered["up to 10 minutes"] == 5
    # One came after hours, and three never: that there were some is said, and not how many.
    assert answered["up to 6 hours"] is None
    assert (answered["not answered"], answered["up to 72 hours"]) == (None, 0)
    assert [(one.name, one.text) for one in found.overdue] == [("deadline class 1", FEW)]
    assert {one.name: one.text for one in found.late_by}["never, so far"] == FEW
    erasures = {one.name: one.count for one in found.erasures}
    assert erasures["ciphertext, by the relay: erased, and said so"] == 5
    assert erasures["content key, by the sender: erased, and said so"] == 5
    assert [one.kind for one in found.changes] == [Kind.DIRECTORY] * 2
    assert {one.alarm.kind for one in found.anomalies} >= {Kind.OVERDUE, Kind.GAP, Kind.SILENT}
    values = found.to_json()
    assert values["flows"][0]["count"] is None
    assert values["anomalies"][0]["proof"] == 0


def test_no_hidden_count_is_the_difference_of_two_tables(case: Watched) -> None:
    found = survey(case.watch, 0, END, prove=no_proof)
    tables = (found.flows, found.answered, found.overdue, found.late_by, found.erasures)
    counts = [one.count for table in tables for one in table]
    # Each message stands in several tables: exact sums of two would tell what "fewer than 5" does not.
    assert None in counts
    assert {count % 5 for count in counts if count is not None} == {0}


def test_a_period_has_what_was_logged_in_it(case: Watched) -> None:
    found = survey(case.watch, NOW + 5 * HOUR, END, prove=no_proof)
    assert (found.about, found.flows, found.overdue) == (0, (), ())
    text = page(found)
    assert "<svg" not in text
    assert "None." in text
    unknown = replace(case.watch.state.directory.members["pt"], country="")
    directory = replace(
        case.watch.state.directory, members={**case.watch.state.directory.members, "pt": unknown}
    )
    state = case.watch.state
    case.watch.state = replace(state, directory=directory)
    try:
        flows = survey(case.watch, 0, END, prove=no_proof).flows
    finally:
        case.watch.state = state
    assert ("BE", "no country") in {(one.sender, one.recipient) for one in flows}


def proven(case: Watched) -> Survey:
    def prove(alarm: Alarm) -> bytes:
        return b"".join(case.file()) if alarm.kind is Kind.OVERDUE else b""

    return survey(case.watch, 0, END, prove=prove)


def test_each_proof_is_a_file_that_anybody_verifies(case: Watched) -> None:
    found = proven(case)
    text = page(found)
    links = re.findall(r'<a download="([^"]+)" href="data:application/octet-stream;base64,([^"]+)">', text)
    assert len(links) == sum(one.alarm.kind is Kind.OVERDUE for one in found.anomalies)
    for name, data in links:
        assert name.startswith("overdue-")
        report = verify_evidence(io.BytesIO(base64.b64decode(data)), network_id=case.network_id)
        assert report.messages
    assert "in the log as watched" in text


def test_h11_nothing_in_the_page_acts(case: Watched) -> None:
    naughty = '<script>alert(1)</script>"\u202e\x1b[31m'
    found = replace(
        proven(case),
        network=naughty,
        flows=tuple(replace(one, sender=naughty) for one in proven(case).flows),
        changes=tuple(replace(one, text=naughty) for one in proven(case).changes),
        anomalies=tuple(
            replace(one, alarm=replace(one.alarm, text=naughty)) for one in proven(case).anomalies
        ),
    )
    text = page(found)
    assert "<script" not in text
    assert not {"\u202e", "\x1b"} & set(text)
    assert "default-src 'none'" in text
    assert not re.search(r'(?:src|href)="(?!data:application/octet-stream;base64,)', text)
