"""A monitor: what it alarms about, and what it does not (SPEC 12.6; threats R1 to R5, L1, D1, D8, H8)."""

from dataclasses import replace
from pathlib import Path

import pytest

from mce_exchange.audit.alarms import NEWS, Kind
from mce_exchange.audit.watch import Entry
from mce_exchange.directory.model import Role
from mce_exchange.errors import ContextError, StoreError
from mce_exchange.log.anchor import sign_anchor
from mce_exchange.log.checkpoint import Checkpoint
from mce_exchange.v1 import statement_pb2 as pb
from tests.audit.test_stages import SPEC
from tests.audit.watched import HOUR, Watched
from tests.core.chronicle import DAY, NOW
from tests.federation import LOG, RELAY_KEY


@pytest.fixture
def case(tmp_path: Path) -> Watched:
    return Watched(tmp_path)


def test_an_honest_log_raises_no_alarm(case: Watched) -> None:
    case.dated(0)
    case.deliver("es", place=0)
    case.deliver("pt", place=1)
    case.dated(600)
    second = case.send(2, previous=case.sealed.id)
    index = case.tree.size - 1
    case.mark(2, second, size=case.tree.size)
    case.void(3, b"v" * 32)
    third = case.send(4, previous=b"v" * 32, deadline=1)
    case.dated(1200)
    case.answer(second, index, refused=pb.REFUSAL_CODE_PREKEY_NOT_HELD)
    case.answer(second, index)
    case.overdue(third, 1200 + HOUR)
    case.dated(1300 + HOUR)
    case.dated(1301 + HOUR)
    for id_ in (case.sealed.id, second):
        case.erased(id_, "be")
    case.answer(third, index + 3)
    for day in range(1, 8):
        case.mark(4, third, size=case.tree.size)
        case.mark(1, case.sealed.id, size=case.tree.size, to="es")
        case.dated(day * DAY + 1400)
    for id_ in (case.sealed.id, second):
        case.erased(id_)
    case.dated(7 * DAY + 1400 + HOUR)
    assert case.kinds() == [Kind.OVERDUE]
    assert [one.text for one in case.found(news=True) if one.news] == [
        "Directory version 1: the network begins"
    ]
    assert case.watch.alarms.counts()[Kind.OVERDUE] == 1


def test_it_ends_anywhere_and_goes_on_from_there(case: Watched) -> None:
    case.dated(0)
    case.reopened()
    assert (case.watch.size, case.watch.now) == (case.tree.size, NOW)
    assert case.watch.state.directory.version == 1
    assert case.watch.state.prekey("pt")
    case.void(9)
    case.dated(DAY)
    assert case.watch.size == case.tree.size
    before = case.watch.size
    case.deliver("pt", place=1)

    def cut() -> object:
        yield from case.rows()
        raise StoreError("the disk is full")

    with pytest.raises(StoreError):
        case.watch.entries(cut(), case.tree.root)  # type: ignore[arg-type]  # a generator of entries
    case.reopened()
    # What came before the failure is there whole, or not at all; nothing twice.
    assert case.watch.size in (before, before + 1)
    case.dated(2 * DAY)
    assert case.watch.size == case.tree.size
    with pytest.raises(ContextError, match="comes next"):
        case.watch.entries([Entry(9999, bytes(34), None)], case.tree.root)


def test_another_networks_state_is_refused(case: Watched, tmp_path: Path) -> None:
    case.dated(0)
    case.watch.ledger.close()
    case.network_id = bytes(32)
    with pytest.raises(StoreError, match="another network"):
        case.open()


def test_l1_another_log_than_the_one_watched_is_an_alarm(case: Watched) -> None:
    assert case.watch.same(case.tree.root, 0)
    case.dated(0)
    assert case.watch.same(case.tree.root, case.tree.size)
    assert not case.watch.same(lambda size: bytes(32), case.tree.size)
    assert not case.watch.same(case.tree.root, case.tree.size - 1)
    assert case.kinds() == [Kind.FORK, Kind.ROLLED_BACK]


def test_l1_an_anchor_of_another_tree_is_an_alarm(case: Watched) -> None:
    other = Checkpoint(case.state.directory.origin, case.tree.size, b"o" * 32)
    case.dated(0, note=sign_anchor(other, time=NOW, ed25519=LOG[0], ml_dsa_44=LOG[1]))
    assert case.kinds() == [Kind.FORK]
    case.dated(0, note=b"no note")
    assert case.kinds() == [Kind.FORK, Kind.INVALID]
    case.void(9)
    with pytest.raises(ContextError, match="that were taken"):
        case.watch.anchor(case.anchor(), case.tree.root)


def test_h8_a_log_whose_clock_goes_back_is_an_alarm(case: Watched) -> None:
    case.dated(DAY)
    case.dated(DAY + 60)
    assert case.watch.ledger.value("SELECT time FROM dated") == NOW + DAY
    case.dated(DAY)
    case.void(2)
    case.dated(DAY - 300)
    assert (case.kinds(), case.watch.now) == ([], NOW + DAY + 60)
    case.void(3)
    case.dated(0)
    assert case.kinds() == [Kind.ROLLED_BACK]
    case.watch.look(NOW + DAY + 7000, silent_seconds=3600)
    case.watch.look(NOW + DAY + 1000, silent_seconds=3600)
    assert case.kinds()[-1] is Kind.LOG_SILENT


def test_r2_withheld_bytes_are_an_alarm(case: Watched) -> None:
    case.hidden = {2, case.index}
    case.dated(0)
    assert [(one.kind, one.log_index) for one in case.found()] == [(Kind.WITHHELD, 2)]
    # An auditor is shown private ones, too.
    case.proceed(
        lambda draft: replace(
            draft, members=[replace(m, role=Role.AUDITOR) if m.id == "be" else m for m in draft.members]
        )
    )
    case.hidden = {case.deliver("es", place=0)}
    case.dated(600)
    assert case.kinds() == [Kind.WITHHELD, Kind.WITHHELD]


def test_what_does_not_count_is_an_alarm_with_its_entry(case: Watched) -> None:
    be = case.people["be"]
    forged = case.log(
        case.sign(
            "void",
            pb.Void(
                signers=[RELAY_KEY.public.id], sender="be", recipient="pt", sequence=5
            ).SerializeToString(),
            RELAY_KEY,
        ).raw
    )
    stale = case.smuggle(case.prekey(be, epoch=7, previous=bytes(32)))
    twice = case.log(case.sealed.statement.raw)
    case.exchanged = {case.log(case.raw[forged]): b"junk", case.log(case.raw[forged]): case.raw[0]}
    skipped = case.smuggle(case.genesis.statement)
    case.dated(0)
    indices = [one.log_index for one in case.found() if one.kind is Kind.INVALID]
    assert indices == [forged, stale, twice, *case.exchanged, skipped]


def test_r1_r2_numbers_are_used_once_and_none_is_left_out(case: Watched) -> None:
    case.dated(0)
    case.void(1)
    third = case.send(3)
    case.dated(60)
    assert case.kinds() == [Kind.NUMBER_USED]
    case.dated(700)
    assert case.kinds() == [Kind.NUMBER_USED, Kind.GAP]
    assert "number 2 of be to pt is missing" in case.found()[1].text
    # It comes after all, and is not the one that the third names.
    case.send(2, previous=case.sealed.id)
    case.dated(703)
    assert case.kinds()[2:] == [Kind.ORDER]
    case.mark(3, third)
    case.mark(4, third)
    case.mark(3, case.sealed.id, root=b"r" * 32)
    case.dated(2 * HOUR)
    assert case.kinds()[3:] == [Kind.MARK_FALSE, Kind.FORK, Kind.MARK_FALSE]


def test_r2_a_first_number_that_is_missing(case: Watched) -> None:
    key = case.people["es"].key
    body = pb.Void(signers=[key.public.id], sender="es", recipient="pt", sequence=2)
    case.log(case.sign("void", body.SerializeToString(), key).raw)
    case.dated(0)
    case.void(2)
    case.dated(700)
    case.void(3)
    case.dated(701)
    assert "number 1 of es to pt is missing" in case.found()[0].text


def test_r2_a_pair_that_falls_silent(case: Watched) -> None:
    case.dated(0)
    case.send(2, previous=case.sealed.id)
    case.dated(DAY)
    assert case.kinds() == []
    case.dated(DAY + 3 * HOUR)
    assert [(one.kind, one.about) for one in case.found()] == [(Kind.SILENT, f"be to pt since {NOW}")]
    # Who wrote long ago owes no mark.
    case.dated(40 * DAY)
    assert case.kinds().count(Kind.SILENT) == 1


def test_d8_a_disputed_signature_and_changes_of_keys_are_told(case: Watched) -> None:
    case.dated(0)
    be = case.people["be"]
    cut = case.anchor()
    case.send(2, previous=case.sealed.id)
    case.revoke(be.key, be.second, cut=cut)
    case.contest("be", be.second)
    case.publish(case.suspension("es"))
    case.dated(600)
    assert case.kinds() == [Kind.CONTEST]
    told = [one.text for one in case.found(news=True) if one.kind is Kind.KEYS]
    assert told == ["be: a key is revoked", "es: a member is suspended"]


def test_d8_what_is_signed_between_cut_and_revocation_is_disputed(case: Watched) -> None:
    case.dated(0)
    be = case.people["be"]
    case.revoke(be.key, be.second, cut=case.anchor())
    case.dated(600)
    # As a home that has obeyed a revocation earlier than its entry would have it.
    state = case.watch.state
    revoked = replace(state.revoked[be.key.public.id], index=case.tree.size + 5)
    case.watch.state = replace(state, revoked={be.key.public.id: revoked})
    case.void(5)
    case.dated(700)
    assert Kind.DISPUTED in case.kinds()


def test_the_directory_ends(case: Watched) -> None:
    case.dated(0)
    end = case.state.directory.expires_minutes * 60 - NOW
    case.dated(end - 91 * DAY)
    assert Kind.STALE not in case.kinds()
    case.dated(end - 20 * DAY)
    case.dated(end - 19 * DAY)
    assert [one.text for one in case.found() if one.kind is Kind.STALE] == [
        "Directory version 1 expires in 20 days"
    ]


def test_l1_witnesses_that_stay_away(tmp_path: Path) -> None:
    class Witnessed(Watched):
        WITNESSED = True

    case = Witnessed(tmp_path)
    case.dated(0, note=case.cosigned(0, "be", "es"))
    case.dated(600)
    case.dated(DAY)
    assert case.kinds() == []
    case.dated(DAY + 700)
    assert case.kinds() == [Kind.NOT_WITNESSED]


def test_alarms_are_shown_until_they_are_seen(case: Watched) -> None:
    case.hidden = {1}
    case.dated(0)
    assert len(list(case.watch.alarms.all(unseen=True))) == 2
    with case.watch.ledger.write():
        case.watch.alarms.mark_seen()
    assert list(case.watch.alarms.all(unseen=True)) == []
    assert len(list(case.watch.alarms.all())) == 2
    assert len(list(case.watch.alarms.all(since=NOW, until=NOW + 1))) == 2
    assert list(case.watch.alarms.all(until=NOW)) == []


def test_many_entries_are_verified_ahead_and_judged_in_order(case: Watched) -> None:
    case.dated(0)
    for sequence in range(2, 90):
        case.void(sequence)
    forged = case.log(case.raw[case.index].replace(b"\x06header", b"\x04void", 1))
    case.exchanged = {case.tree.size - 3: b"junk"}
    case.hidden = {case.tree.size - 2}
    case.watch.entries(case.rows(), case.tree.root)
    case.dated(1)
    found = [(one.kind, one.log_index) for one in case.found() if one.kind is not Kind.GAP]
    assert found == [(Kind.INVALID, forged - 2), (Kind.INVALID, forged)]


def test_what_needs_no_watching_is_passed(case: Watched) -> None:
    case.dated(DAY)
    case.clock(0.5)
    key, prekey = case.people["be"].key, case.state.prekey("pt")
    assert prekey
    body = pb.ReWrap(
        signers=[key.public.id],
        header_id=case.sealed.id,
        recipient_index=1,
        prekey_id=prekey.id,
        wrap_digest=bytes(32),
    )
    case.log(case.sign("re-wrap", body.SerializeToString(), key).raw)
    gone = pb.Erasure(
        signers=[key.public.id],
        author="be",
        what=pb.ERASED_PART_CONTENT,
        header_ids=[case.sealed.id],
        anchor=case.anchor(),
    )
    case.log(case.sign("erasure", gone.SerializeToString(), key).raw)
    case.dated(DAY + 60)
    assert case.kinds() == []
    assert case.watch.now == NOW + DAY + 60


def test_the_spec_names_every_alarm() -> None:
    section = SPEC.read_text("utf-8").partition("### 12.6 ")[2].partition("\n### ")[0]
    named = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert sorted(named) == sorted(kind for kind in Kind if kind not in NEWS)
