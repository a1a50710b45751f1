"""A monitor: what is due when; nobody is accused for what may have been in time (SPEC 9.4, 9.6, 12.6)."""

from pathlib import Path

import pytest

from mce_exchange.audit.alarms import Kind
from mce_exchange.audit.terms import Rules
from mce_exchange.v1 import statement_pb2 as pb
from tests.audit.watched import HOUR, Watched
from tests.core.chronicle import DAY, NOW


@pytest.fixture
def case(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_r5_an_overdue_that_is_missing(case: Watched) -> None:
    case.dated(0)
    id_ = case.send(2, previous=case.sealed.id, deadline=1)
    case.dated(600)
    case.void(3)
    case.dated(600 + HOUR)
    assert Kind.OVERDUE_MISSING not in case.kinds()
    case.void(4)
    case.dated(601 + 2 * HOUR)
    [alarm] = [one for one in case.found() if one.kind is Kind.OVERDUE_MISSING]
    assert (alarm.header_id, alarm.about) == (id_.hex(), f"{id_.hex()} pt")
    case.void(5)
    case.dated(602 + 9 * HOUR)
    assert case.kinds().count(Kind.OVERDUE_MISSING) == 1


def test_r5_an_overdue_that_is_false(case: Watched) -> None:
    case.dated(0)
    plain = case.send(2, previous=case.sealed.id)
    early = case.send(3, previous=plain, deadline=1)
    answered = case.send(4, previous=early, deadline=1)
    index = case.tree.size - 1
    case.dated(600)
    case.overdue(plain, 9 * HOUR)
    case.overdue(early, HOUR - 100)
    case.answer(answered, index)
    case.overdue(answered, HOUR + 1000)
    case.overdue(b"x" * 32, HOUR)
    case.dated(700)
    assert case.kinds() == [Kind.OVERDUE_FALSE] * 3
    assert "before any deadline" in case.found()[1].text
    assert "who answered in entry" in case.found()[2].text


def test_what_expires_unanswered_is_told_for_each_recipient(case: Watched) -> None:
    case.dated(0)
    case.deliver("es", place=0)
    body = pb.Undeliverable(header_id=case.sealed.id, recipient="pt", code=pb.UNDELIVERABLE_CODE_MAILBOX_FULL)
    case.relay_says("undeliverable", body)
    case.send(2, previous=case.sealed.id, lifetime=DAY)
    case.dated(600)
    case.void(3)
    case.dated(DAY + 700)
    assert [one.about[65:] for one in case.found() if one.kind is Kind.UNANSWERED] == ["pt"]


def test_erasure_too_early_and_too_late(case: Watched) -> None:
    case.dated(0)
    expired = case.send(2, previous=case.sealed.id, lifetime=DAY)
    hurried = case.send(3, previous=expired)
    case.dated(600)
    case.erased(hurried)
    case.erased(hurried)
    case.dated(DAY)
    [early] = [one for one in case.found() if one.kind is Kind.ERASED_EARLY]
    assert early.header_id == hurried.hex()
    case.void(4)
    case.dated(8 * DAY)
    case.erased(expired)
    case.void(5)
    case.dated(9 * DAY + 700)
    late = [one.text for one in case.found() if one.kind is Kind.NOT_ERASED]
    assert late == ["be has not said that it erased the content key"]
    case.erased(expired, "es")
    case.send(6, lifetime=DAY)
    case.dated(10 * DAY)
    case.void(7)
    case.dated(30 * DAY)
    late = [one.text for one in case.found() if one.kind is Kind.NOT_ERASED]
    assert late[1:] == [
        "the relay has not said that it erased the ciphertext",
        "be has not said that it erased the content key",
    ]


def test_rules_are_the_relays(case: Watched) -> None:
    case.watch.ledger.close()
    case.watch = case.open(Rules(grace=60, erasure_slack=60))
    case.dated(0)
    case.deliver("es", place=0)
    case.deliver("pt", place=1)
    case.dated(600)
    case.erased(case.sealed.id)
    case.erased(case.sealed.id, "be")
    case.dated(700)
    case.void(2)
    case.dated(800)
    assert [kind for kind in case.kinds() if kind in (Kind.ERASED_EARLY, Kind.NOT_ERASED)] == []


def test_clocks_in_the_log_date_it_too(case: Watched) -> None:
    case.watch.entries(case.rows(), case.tree.root)
    case.clock(0.5)
    case.void(2)
    case.clock(0.1, anchor=case.anchor(int(NOW + DAY + 10)))
    case.watch.entries(case.rows(), case.tree.root)
    assert case.watch.now == NOW + DAY + 10
    case.dated(DAY + 20)
    assert case.kinds() == []
