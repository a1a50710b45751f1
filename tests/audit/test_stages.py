"""Every stage of a message: what proves it, its event, and exactly what it asserts (SPEC section 12.4)."""

from pathlib import Path

import pytest

from mce_exchange import statement as statements
from mce_exchange.audit import stages
from mce_exchange.audit.ledger import Ledger
from mce_exchange.audit.subjects import header_ids
from mce_exchange.errors import MalformedError, StoreError
from mce_exchange.v1 import statement_pb2 as pb
from tests.audit.case import Case, says
from tests.federation import RELAY_KEY

SPEC = Path(__file__).resolve().parents[2] / "SPEC.md"


def test_the_spec_has_the_table_that_the_library_follows() -> None:
    section = SPEC.read_text("utf-8").partition("### 12.4 ")[2].partition("\n### ")[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")][1:]
    assert rows == [[s.name, s.proof, s.event, s.asserts, s.asserts_not] for s in stages.TABLE]
    assert {stages.of_refusal(code) for code in pb.RefusalCode.values() if code} <= set(stages.TABLE)


def _erasure(case: Case, author: str) -> bytes:
    key = RELAY_KEY if author == "relay" else case.people[author].key
    what = pb.ERASED_PART_CIPHERTEXT if author == "relay" else pb.ERASED_PART_CONTENT_KEY
    body = pb.Erasure(
        signers=[key.public.id], author=author, what=what, header_ids=[case.sealed.id], anchor=case.anchor()
    )
    return case.sign("erasure", body.SerializeToString(), key).raw


def _rewrap(case: Case, author: str = "be") -> bytes:
    key = case.people[author].key
    prekey = case.state.prekey("pt")
    assert prekey
    body = pb.ReWrap(
        signers=[key.public.id],
        header_id=case.sealed.id,
        recipient_index=1,
        prekey_id=prekey.id,
        wrap_digest=bytes(32),
    )
    return case.sign("re-wrap", body.SerializeToString(), key).raw


def test_a_message_shows_every_stage_that_it_reached() -> None:
    case = Case()
    case.deliver("es", place=0)
    case.refuse("pt", place=1, code=pb.REFUSAL_CODE_PREKEY_NOT_HELD)
    case.log(_rewrap(case))
    case.relay_says("overdue", pb.Overdue(header_id=case.sealed.id, recipient="pt", anchor=case.anchor()))
    case.refuse("pt", place=1, code=pb.REFUSAL_CODE_CANNOT_OPEN)
    case.log(_erasure(case, "relay"))
    own = case.log(_erasure(case, "be"))
    report = case.report()
    [message] = report.messages
    assert (message.stage, message.event) == ("accepted", "A.1 SubmissionAcceptance")
    assert [(one.stage, one.event[:3], one.author, one.recipient) for one in message.steps] == [
        ("delivered", "E.1", "es", "es"),
        ("refused for now", "non", "pt", "pt"),
        ("re-wrapped", "non", "be", ""),
        ("overdue", "C.5", "relay", "pt"),
        ("refused", "E.2", "pt", "pt"),
        ("erased", "non", "relay", ""),
        ("erased", "non", "be", ""),
    ]
    assert [one.entry for one in message.steps] == list(range(case.index + 1, own + 1))
    assert {str(one.verdict) for one in message.steps} == {"valid"}
    assert "be says that it destroyed the content key of 1 message(s)" in says(report, own)


def test_who_is_no_party_of_that_kind_adds_no_stage() -> None:
    case = Case()
    id_, code = case.sealed.id, pb.UndeliverableCode.values()[1]
    for other in ("be", "gb"):
        case.relay_says("overdue", pb.Overdue(header_id=id_, recipient=other, anchor=case.anchor()))
        case.relay_says("undeliverable", pb.Undeliverable(header_id=id_, recipient=other, code=code))
    case.log(_rewrap(case, "es"))
    report = case.report()
    assert report.messages[0].steps == ()
    assert [fact.type for fact in report.facts][-5:] == ["overdue", "undeliverable"] * 2 + ["re-wrap"]


def test_a_step_by_a_key_that_was_revoked_later_is_disputed() -> None:
    case = Case()
    cut = case.anchor()
    case.deliver("es", place=0)
    es = case.people["es"]
    case.revoke(es.key, es.second, cut=cut, member="es")
    assert [str(one.verdict) for one in case.report().messages[0].steps] == ["disputed"]


def test_a_contest_is_shown_beside_what_it_contests() -> None:
    case = Case()
    be = case.people["be"]
    id_ = statements.decode(case.raw[1]).id(case.network_id)
    index = case.contest("be", be.key, of=id_)
    other = case.contest("be", be.key, of=bytes(32))
    report = case.report()
    assert says(report, 1).endswith(f"contested by be, entry {index}")
    assert says(report, index).endswith("was not made by it; it contests entry 1")
    assert says(report, other).endswith("what it contests is not shown")
    genesis = statements.decode(case.raw[0]).id(case.network_id)
    about_directory = case.contest("be", be.key, of=genesis)
    assert says(case.report(), about_directory).endswith("it contests entry 0")


def _void(case: Case, annulled: bytes) -> statements.Statement:
    key = case.people["be"].key
    body = pb.Void(
        signers=[key.public.id], sender="be", recipient="pt", sequence=9, annulled_id=annulled
    ).SerializeToString()
    return case.sign("void", body, key)


def test_evidence_is_gathered_by_the_messages_that_a_statement_speaks_of() -> None:
    case = Case()
    case.deliver("es", place=0)
    case.refuse("pt", place=1, code=pb.REFUSAL_CODE_POLICY)
    case.log(_rewrap(case))
    case.relay_says("overdue", pb.Overdue(header_id=case.sealed.id, recipient="pt", anchor=case.anchor()))
    case.log(_erasure(case, "relay"))
    case.log(_void(case, case.sealed.id).raw)
    for raw in case.raw[case.index :]:
        assert header_ids(statements.decode(raw), case.network_id) == (case.sealed.id,)
    assert header_ids(_void(case, b""), case.network_id) == ()
    assert header_ids(statements.decode(case.raw[1]), case.network_id) == ()
    [void] = [fact for fact in case.report().facts if fact.type == "void"]
    assert void.header_id == case.sealed.id.hex()
    with pytest.raises(MalformedError):
        header_ids(statements.Statement("void", b"\x00", ()), case.network_id)


def test_a_ledger_is_a_transaction_at_a_time_and_its_faults_are_the_stores(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "ledger.db")
    with ledger.write():
        ledger.run("INSERT INTO seen VALUES (?, 1)", b"id")
    with pytest.raises(StoreError, match="IntegrityError"), ledger.write():
        ledger.many("INSERT INTO seen VALUES (?, 2)", [(b"other",), (b"id",)])
    assert ledger.value("SELECT count(*) FROM seen") == 1
    assert ledger.value("SELECT log_index FROM seen WHERE id = ?", b"other") is None
    ledger.close()
    (tmp_path / "ledger.db").write_bytes(b"damaged " * 1000)
    with pytest.raises(StoreError):
        Ledger(tmp_path / "ledger.db")
