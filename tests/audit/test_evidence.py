"""Evidence files: what they show, what they refuse, and what stays open (SPEC 12; threats E5, R5, L1, H8)."""

import io
from dataclasses import replace

import pytest

from mce_exchange.audit.answers import NOT_SHOWN
from mce_exchange.audit.build import Disclosure, Views
from mce_exchange.audit.records import Record, read_records
from mce_exchange.audit.report import Report
from mce_exchange.audit.verify import verify_evidence
from mce_exchange.directory.authority import Verdict
from mce_exchange.directory.model import Act, Role
from mce_exchange.errors import (
    ContextError,
    DecryptionError,
    DirectoryError,
    LimitError,
    LogError,
    MalformedError,
    MceError,
    SuiteError,
)
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.sign import Ed25519Key
from mce_exchange.v1 import evidence_pb2, statement_pb2
from tests.audit.case import PHOTO, Case, says
from tests.core.chronicle import BOARD
from tests.federation import LOG

CASE = Case()
CASE.deliver("es", place=0)
CASE.refuse("pt", place=1, code=statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD)


def verified(case: Case, *records: bytes) -> Report:
    return verify_evidence(io.BytesIO(b"".join(records)), network_id=case.network_id)


def test_it_shows_who_sent_what_to_whom_and_what_was_answered() -> None:
    report = CASE.report()
    [message] = report.messages
    assert (message.sender, message.index, message.verdict) == ("be", CASE.index, Verdict.VALID)
    assert message.recipients == {
        "es": f"delivered, entry {CASE.index + 1}",
        "pt": f"refused (prekey not held), entry {CASE.index + 2}, not final",
    }
    assert [fact.type for fact in report.facts] == ["prekey"] * 3 + ["delivered", "refused"]
    assert (report.directory_version, report.log_size) == (1, CASE.tree.size)
    assert CASE.report([CASE.index]).messages[0].recipients == {"es": NOT_SHOWN, "pt": NOT_SHOWN}


def test_the_first_final_answer_counts() -> None:
    case = Case()
    case.refuse("pt", place=1, code=statement_pb2.REFUSAL_CODE_PREKEY_NOT_HELD)
    first = case.deliver("pt", place=1)
    case.refuse("pt", place=1, code=statement_pb2.REFUSAL_CODE_BY_PERSON)
    assert case.report().messages[0].recipients["pt"] == f"delivered, entry {first}"


def test_r5_anothers_answer_and_one_of_another_place_are_worth_nothing() -> None:
    case = Case()
    by_another = case.deliver("es", place=1)
    elsewhere = case.deliver("pt", place=1, index=case.index + 1)
    beyond = case.deliver("pt", place=2)
    report = case.report()
    assert set(report.messages[0].recipients.values()) == {NOT_SHOWN}
    for index in (by_another, elsewhere, beyond):
        assert "worth nothing" in says(report, index)


def test_r1_what_counted_once_counts_no_more() -> None:
    case = Case()
    again = case.log(case.sealed.statement.raw)
    report = case.report()
    assert [one.index for one in report.messages] == [case.index]
    assert f"invalid: the same as entry {case.index}" in says(report, again)


def test_what_does_not_hold_is_logged_and_worth_nothing() -> None:
    case = Case()
    be = case.people["be"]
    stale = case.smuggle(case.prekey(be, epoch=7, previous=bytes(32)))
    forged = case.log(case.sign("void", _void("es"), be.key).raw)
    contest = statement_pb2.Contest(signers=[be.key.public.id], member="pt", statement_id=bytes(32))
    named = case.smuggle(case.sign("contest", contest.SerializeToString(), be.key).raw)
    report = case.report()
    assert [fact.index for fact in report.facts].count(named) == 1
    assert "invalid: be signs in the name of another" in says(report, named)
    assert "invalid: prekey epoch 7 does not follow" in says(report, stale)
    assert "invalid: be signs in the name of another" in says(report, forged)
    assert len(report.messages) == 1


def _void(sender: str) -> bytes:
    key = CASE.people["be"].key.public.id
    return statement_pb2.Void(signers=[key], sender=sender, recipient="pt", sequence=9).SerializeToString()


def test_d8_a_later_revocation_disputes_what_the_key_signed_since_its_cut() -> None:
    case = Case()
    be = case.people["be"]
    cut = case.anchor()
    second, _ = case.message(sequence=2)
    later = case.log(second.statement.raw)
    case.revoke(be.key, be.second, cut=cut)
    after = case.log(case.message(sequence=3)[0].statement.raw)
    report = case.report()
    assert [(one.index, one.verdict) for one in report.messages] == [
        (case.index, Verdict.VALID),
        (later, Verdict.DISPUTED),
    ]
    assert "invalid: signed by a key of be that does not count" in says(report, after)
    # A file that leaves the revocation out cannot show it: the report says as of what.
    assert case.report([case.index, later]).messages[1].verdict is Verdict.VALID


def test_d8_a_recovery_disputes_like_a_revocation() -> None:
    case = Case()
    cut = case.anchor()
    later = case.log(case.message(sequence=2)[0].statement.raw)
    case.publish(case.recovery(*BOARD[:2], cut=cut))
    assert [one.verdict for one in case.report([case.index, later, later + 1]).messages] == [
        Verdict.VALID,
        Verdict.DISPUTED,
    ]


def test_policy_and_role_are_those_of_the_version_in_force() -> None:
    case = Case()
    alone, _ = case.message(urgent=True, sequence=2)
    before = case.log(alone.statement.raw)
    changed = case.proceed(lambda draft: replace(draft, default_policy={Act.URGENT: 2}))
    refused = case.log(case.message(urgent=True, sequence=3)[0].statement.raw)
    be = case.people["be"]
    both = case.log(case.message(urgent=True, sequence=4, keys=[be.key, be.second])[0].statement.raw)
    auditor = case.proceed(
        lambda draft: replace(
            draft, members=[replace(m, role=Role.AUDITOR) if m.id == "be" else m for m in draft.members]
        )
    )
    report = case.report([case.index, before, changed, refused, both, auditor])
    assert [one.index for one in report.messages] == [case.index, before, both]
    assert "invalid: be needs two persons" in says(report, refused)


def test_r5_an_overdue_that_an_earlier_answer_refutes() -> None:
    case = Case()
    true = case.relay_says("overdue", _overdue(case, "pt"))
    answered = case.deliver("es", place=0)
    case.log(case.sign("void", _void("be"), case.people["be"].key).raw)
    lie = case.relay_says("overdue", _overdue(case, "es"))
    report = case.report()
    assert says(report, true).endswith(f"stood in the log at size {true}")
    assert says(report, lie).endswith(f"refuted by entry {answered}")


def _overdue(case: Case, recipient: str) -> statement_pb2.Overdue:
    return statement_pb2.Overdue(header_id=case.sealed.id, recipient=recipient, anchor=case.anchor())


def test_who_was_not_served_is_shown_so() -> None:
    case = Case()
    body = statement_pb2.Undeliverable(
        header_id=case.sealed.id, recipient="pt", code=statement_pb2.UNDELIVERABLE_CODE_NO_PREKEY
    )
    index = case.relay_says("undeliverable", body)
    assert case.report().messages[0].recipients["pt"] == f"undeliverable (no prekey), entry {index}"


# Disclosure.


@pytest.mark.parametrize("stream", [0, 1])
def test_one_stream_is_disclosed_and_nothing_else(stream: int) -> None:
    taken: list[bytes] = []
    file = b"".join(CASE.file(disclosures=[CASE.disclosure(stream)]))
    report = verify_evidence(
        io.BytesIO(file), network_id=CASE.network_id, take=lambda _, __, piece: taken.append(piece)
    )
    [one] = report.disclosed
    assert (one.header_id, one.stream, one.size) == (CASE.sealed.id.hex(), stream, len(b"".join(taken)))
    assert b"".join(taken) == PHOTO if stream else b"synthetic case" in b"".join(taken)
    assert "disclosed" in report.lines()[-1]
    assert CASE.secrets[1 - stream] not in file


def _chunks(disclosure: Disclosure) -> list[bytes]:
    return list(disclosure.chunks)


ONE = CASE.disclosure(1)


@pytest.mark.parametrize(
    ("disclosure", "error"),
    [
        (replace(ONE, secret=CASE.secrets[0]), DecryptionError),
        (replace(ONE, stream=0), DecryptionError),
        (replace(ONE, stream=2), ContextError),
        (replace(ONE, header_id=bytes(32)), ContextError),
        (replace(ONE, chunks=_chunks(ONE)[:1]), ContextError),
        (replace(ONE, chunks=_chunks(ONE)[1:]), DecryptionError),
        (replace(ONE, chunks=[*_chunks(ONE), b"more"]), MalformedError),
        (replace(ONE, chunks=[_chunks(ONE)[0][:-1], *_chunks(ONE)[1:]]), DecryptionError),
        (replace(ONE, chunks=[bytes(len(_chunks(ONE)[0])), *_chunks(ONE)[1:]]), DecryptionError),
    ],
    ids=[
        "another_secret",
        "another_stream",
        "no_stream",
        "no_message",
        "chunk_missing",
        "first_chunk_missing",
        "chunk_too_many",
        "chunk_cut",
        "chunk_exchanged",
    ],
)
def test_e5_a_false_disclosure_refuses_the_file(disclosure: Disclosure, error: type[MceError]) -> None:
    with pytest.raises(error):
        verified(CASE, *CASE.file(disclosures=[disclosure]))


# Forks.


def _views(case: Case, older: int) -> Views:
    """The log as it is, and another one that leaves out what stands at the end of the older."""
    leaves = [case.tree.root(1)] + [bytes([i]) * 32 for i in range(case.tree.size - 1)]
    other = Tree(leaves)
    origin = case.state.directory.origin
    return Views(
        older=sign_checkpoint(Checkpoint(origin, older, other.root(older)), LOG[0]),
        newer=case.signed_checkpoint(),
        root=case.tree.root(older) if older < case.tree.size else b"",
        proof=tuple(case.tree.consistency_proof(older, case.tree.size)),
    )


@pytest.mark.parametrize("older", [2, CASE.tree.size])
def test_l1_two_views_are_proof_of_the_relays_fault(older: int) -> None:
    report = verified(CASE, *CASE.file(forks=[_views(CASE, older)]))
    assert [(one.older, one.newer) for one in report.forks] == [(older, CASE.tree.size)]
    assert "FORK" in report.lines()[-1]


def _not_forks() -> dict[str, Views]:
    true = _views(CASE, 2)
    same = CASE.signed_checkpoint()
    origin = CASE.state.directory.origin
    honest = sign_checkpoint(Checkpoint(origin, 2, CASE.tree.root(2)), LOG[0])
    stranger = sign_checkpoint(Checkpoint(origin, 2, bytes(32)), Ed25519Key.from_seed(b"s" * 32))
    return {
        "one_view": Views(older=same, newer=same),
        "consistent": replace(true, older=honest),
        "no_root": replace(true, root=b""),
        "no_proof": replace(true, proof=()),
        "another_root": replace(true, root=bytes(32)),
        "superfluous_root": replace(_views(CASE, CASE.tree.size), root=bytes(32)),
        "newer_first": Views(older=true.newer, newer=true.older, root=true.root, proof=true.proof),
        "another_key": replace(true, older=stranger),
    }


@pytest.mark.parametrize("fault", _not_forks())
def test_l1_nobody_is_accused_without_proof(fault: str) -> None:
    with pytest.raises(LogError):
        verified(CASE, *CASE.file(forks=[_not_forks()[fault]]))


# The file.


def test_a_file_cut_anywhere_proves_nothing() -> None:
    records = CASE.file()
    for count in range(len(records)):
        with pytest.raises(MalformedError):
            verified(CASE, *records[:count])
    with pytest.raises(MalformedError):
        verified(CASE, b"".join(records)[:-1])
    with pytest.raises(MalformedError):
        verified(CASE, *records, b"\xc0")


def test_records_stand_in_their_order() -> None:
    begin, anchor, genesis, *rest = CASE.file(disclosures=[CASE.disclosure(0)])
    *statements, secret, chunk, end = rest
    for wrong in (
        [anchor, begin, genesis, end],
        [begin, genesis, anchor, end],
        [begin, anchor, begin, end],
        [begin, anchor, *statements, end],
        [begin, anchor, end],
        [begin, anchor, genesis, chunk, end],
        [begin, anchor, genesis, *statements[::-1], end],
        [begin, anchor, genesis, *statements[:4], secret, chunk, *statements[4:], end],
        [begin, anchor, genesis, genesis, end],
    ):
        with pytest.raises((MalformedError, ContextError)):
            verified(CASE, *_numbered(wrong))


def _numbered(records: list[bytes]) -> list[bytes]:
    """With the end that counts them."""
    end = evidence_pb2.EvidenceEnd(records=len(records)).SerializeToString()
    return [*records[:-1], Record("end", end).encode()]


def test_a_directory_that_does_not_follow_refuses_the_file() -> None:
    case = Case()
    changed = case.proceed(lambda draft: replace(draft, name="another"))
    file = case.file([changed, case.index])
    assert verified(case, *file).directory_version == 2
    other = Case()
    raw = other.next(lambda draft: draft)
    case.raw[changed] = raw.statement
    with pytest.raises((DirectoryError, LogError)):
        verified(case, *case.file([changed]))


def test_e12_another_format_or_network_is_refused() -> None:
    _, *rest = CASE.file()
    for format_, network, error in ((2, CASE.network_id, SuiteError), (1, bytes(32), ContextError)):
        begin = evidence_pb2.EvidenceBegin(format=format_, network_id=network).SerializeToString()
        with pytest.raises(error):
            verified(CASE, Record("begin", begin).encode(), *rest)


def test_l7_an_entry_that_the_anchor_does_not_hold_refuses_the_file() -> None:
    file = CASE.file()
    records = list(read_records(io.BytesIO(b"".join(file))))
    for number, record in enumerate(records):
        if record.kind != "statement":
            continue
        shown = evidence_pb2.EvidenceStatement.FromString(record.data)
        shown.proof[0] = bytes(32)
        forged = [*file]
        forged[number] = Record("statement", shown.SerializeToString()).encode()
        with pytest.raises(LogError):
            verified(CASE, *forged)


def test_h2_a_record_has_a_cap_before_it_is_held() -> None:
    huge = b"\x92\xa9statement\xc6\xff\xff\xff\xff"
    with pytest.raises((LimitError, MalformedError)):
        verified(CASE, *CASE.file()[:3], huge, bytes(1000))


@pytest.mark.parametrize(
    "raw",
    [
        b"\x93\xa3end\xc4\x01\x08\xc0",
        b"\xdc\x00\x02\xa3end\xc4\x02\x08\x08",
        b"\x92\xd9\x03end\xc4\x02\x08\x08",
        b"\x92\xa3end\xc5\x00\x02\x08\x08",
        b"\x92\xa3end\xa2\x08\x08",
        b"\x92\xa5final\xc4\x02\x08\x08",
        b"\x81\xa3end\xc4\x02\x08\x08",
        b"\xc1",
    ],
    ids=["three", "long_array", "long_text", "long_bytes", "text_for_bytes", "unknown", "map", "reserved"],
)
def test_there_is_one_encoding_of_a_record(raw: bytes) -> None:
    with pytest.raises(MalformedError):
        verified(CASE, *CASE.file()[:-1], raw)


FILE = b"".join(Case().file())


@pytest.mark.parametrize("bit", range(5, len(FILE) * 8, 3989))
def test_any_flipped_bit_refuses_the_file(bit: int) -> None:
    flipped = bytearray(FILE)
    flipped[bit // 8] ^= 1 << bit % 8
    with pytest.raises(MceError):
        verify_evidence(io.BytesIO(bytes(flipped)), network_id=CASE.network_id)


class Witnessed(Case):
    """Three witnesses, two of which make a quorum."""

    WITNESSED = True


@pytest.mark.parametrize(("names", "enough"), [((), False), (("be",), False), (("be", "pt"), True)])
def test_an_anchor_below_its_quorum_is_reported_so(names: tuple[str, ...], enough: bool) -> None:
    case = Witnessed()
    case.anchor = lambda time=0: case.cosigned(1, *names)  # type: ignore[method-assign]  # these witnesses only
    report = case.report()
    assert report.witnessed is enough
    assert any("BELOW THE QUORUM" in line for line in report.lines()) is not enough
    assert f"{len(names)} of 3 witnesses (quorum 2)" in report.witnesses
