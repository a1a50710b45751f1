"""Formats with one encoding: parse(encode(x)) == x, and encode(parse(b)) == b for every accepted b.

The second half is also asserted of every input that the fuzzer's targets accept; here hypothesis
comes from the values' side, and from bytes one change away from good ones.
"""

import io
import random
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mce_exchange import case, limits, padding, statement, wire
from mce_exchange.audit.records import KINDS, Record, read_records
from mce_exchange.case.codes import ExchangeStatus, Pap, ResponseStatus, Tlp, TranslationMethod
from mce_exchange.case.entities import Handling, LocalizedText
from mce_exchange.case.messages import CaseHeader, CaseMessage, InformationRequest, InformationResponse
from mce_exchange.directory.model import Act, Life, Member, Role, SigningKey, Status
from mce_exchange.directory.records import Bundle, decode_card, decode_member, encode_card, encode_member
from mce_exchange.errors import MceError
from mce_exchange.fingerprint import read_fingerprint, words
from mce_exchange.header import Core, Header, Recipient, Stream, Wrap, encode_header
from mce_exchange.log import note
from mce_exchange.log.checkpoint import Checkpoint, read_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Frontier
from mce_exchange.log.note import Note, Signature
from mce_exchange.statement import Block, Statement
from tests.federation import Person
from tests.fuzz import messages, world
from tests.fuzz.targets import TARGETS
from tests.fuzz.targets.formats import kinds, read

HASH = st.binary(min_size=limits.HASH, max_size=limits.HASH)
COUNT = st.integers(1, limits.TREE_SIZE)
ID = st.from_regex(r"[a-z0-9]([a-z0-9.-]{0,20}[a-z0-9])?", fullmatch=True)
NAME = st.text(
    st.characters(codec="utf-8", exclude_categories=["Z", "C"], exclude_characters="+"), min_size=1
)
PLAIN = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=40)
KEYS = st.sampled_from([key.public for key in world.keys().values()])


@st.composite
def notes(draw: st.DrawFn) -> Note:
    line = st.builds(Signature, NAME, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))
    text = "\n".join(draw(st.lists(PLAIN, min_size=1, max_size=3))) + "\n"
    return Note(text, tuple(draw(st.lists(line, min_size=1, max_size=4))))


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    block = st.builds(
        Block,
        HASH,
        st.binary(min_size=limits.ED25519_SIGNATURE, max_size=limits.ED25519_SIGNATURE),
        st.just(bytes(limits.ML_DSA_65_SIGNATURE)),
    )
    blocks = draw(st.lists(block, min_size=1, max_size=limits.SIGNATURES))
    return Statement(draw(st.sampled_from(list(statement.BODIES))), draw(st.binary()), tuple(blocks))


@st.composite
def members(draw: st.DrawFn) -> Member:
    life = st.builds(Life, added=st.integers(0, 4096), removed=st.integers(0, 4096))
    key = st.builds(SigningKey, public=KEYS, life=life, label=st.text(max_size=10))
    return Member(
        id=draw(ID),
        name=draw(PLAIN),
        country=draw(st.sampled_from(("", "BE", "PT"))),
        role=draw(st.sampled_from(Role)),
        status=draw(st.sampled_from(Status)),
        keys=tuple(draw(st.lists(key, min_size=1, max_size=3))),
        certificates=tuple(draw(st.lists(st.sampled_from([p.door for p in _people()]), max_size=2))),
        phone=draw(st.text(max_size=8)),
        policy=draw(st.dictionaries(st.sampled_from(Act), st.integers(1, 2))),
        board_keys=tuple(draw(st.lists(key, max_size=2))),
        board_threshold=draw(st.integers(0, 16)),
    )


def _people() -> list[Person]:
    return list(world.network().people.values())


@st.composite
def headers(draw: st.DrawFn) -> tuple[Core, tuple[Wrap, ...]]:
    sender, *others = draw(st.lists(ID, min_size=2, max_size=5, unique=True))
    numbers = [draw(COUNT) for _ in others]
    sizes = [padding.padded_size(draw(st.integers(0, 10**6)), payload=True)]
    sizes += [
        padding.padded_size(one, payload=False) for one in draw(st.lists(st.integers(0, 10**9), max_size=3))
    ]
    core = Core(
        signers=tuple(draw(st.lists(HASH, min_size=1, max_size=2))),
        message_ref=draw(HASH),
        sender=sender,
        recipients=tuple(
            Recipient(member=one, sequence=number, previous_id=draw(HASH) if number > 1 else b"")
            for one, number in zip(others, numbers, strict=True)
        ),
        directory_version=draw(st.integers(1, 4096)),
        directory_id=draw(HASH),
        streams=tuple(Stream(root=draw(HASH), padded_size=size, commitment=draw(HASH)) for size in sizes),
        created_minutes=draw(st.integers(1, 2**40)),
        lifetime_seconds=draw(st.integers(60, limits.LIFETIME_SECONDS)),
        deadline_class=draw(st.integers(0, 255)),
        urgent=draw(st.booleans()),
        supersedes=draw(st.one_of(st.just(b""), HASH)),
    )
    return core, tuple(Wrap(prekey_id=draw(HASH), digest=draw(HASH)) for _ in others)


@st.composite
def cases(draw: st.DrawFn) -> CaseMessage:
    times = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda one: one.replace(tzinfo=UTC))
    text = st.builds(
        LocalizedText,
        text=st.text(max_size=20),
        language=st.text(max_size=5),
        method=st.sampled_from(TranslationMethod),
    )
    header = CaseHeader(
        message_id=draw(st.text(max_size=9)),
        exchange_status=draw(st.sampled_from(ExchangeStatus)),
        sender_id=draw(ID),
        recipient_ids=tuple(draw(st.lists(ID, max_size=3))),
        sent_at=draw(times),
        default_language="en",
        handling=Handling(tlp=draw(st.sampled_from(Tlp)), pap=draw(st.sampled_from(Pap))),
        reply_by=draw(st.one_of(st.none(), times)),
        case_id=draw(st.one_of(st.none(), st.text(max_size=5))),
    )
    said = tuple(draw(st.lists(text, max_size=3)))
    if draw(st.booleans()):
        return CaseMessage(
            header=header,
            body=InformationRequest(
                request_id="1", questions=said, paths=tuple(draw(st.lists(st.text(max_size=9), max_size=3)))
            ),
        )
    status = draw(st.sampled_from(ResponseStatus))
    return CaseMessage(header=header, body=InformationResponse(request_id="1", status=status, answers=said))


@given(notes())
def test_a_note_is_what_it_was(made: Note) -> None:
    assert note.parse(made.encode()) == made


@given(NAME, st.integers(0, limits.TREE_SIZE), HASH)
def test_a_checkpoint_is_what_it_was(origin: str, size: int, root: bytes) -> None:
    made = Checkpoint(origin, size, root)
    assert read_checkpoint(made.text) == made


@given(st.booleans(), HASH)
def test_a_log_entry_is_what_it_was(public: bool, digest: bytes) -> None:
    made = LogEntry(public, digest)
    assert LogEntry.decode(made.encode()) == made


@given(st.lists(HASH, max_size=40))
def test_a_frontier_is_what_it_was(leaves: list[bytes]) -> None:
    made = Frontier()
    for leaf in leaves:
        made.append(leaf)
    again = Frontier.decode(made.encode())
    assert (again.size, again.root) == (made.size, made.root)


@given(statements())
def test_a_statement_is_what_it_was(made: Statement) -> None:
    assert statement.decode(made.raw) == made


@given(members())
def test_a_member_record_is_what_it_was(made: Member) -> None:
    assert decode_member(encode_member(made)) == made
    assert decode_card(encode_card(made)) == made


@given(st.binary(min_size=1, max_size=100), st.lists(st.binary(min_size=1, max_size=50), max_size=4))
def test_a_bundle_is_what_it_was(raw: bytes, records: list[bytes]) -> None:
    made = Bundle(raw, tuple(records))
    assert Bundle.decode(made.encode()) == made


@given(headers())
def test_a_header_is_what_it_was(made: tuple[Core, tuple[Wrap, ...]]) -> None:
    core, wraps = made
    read_: Header = read(encode_header(core.encode(), wraps))
    assert (read_.core, read_.wraps) == (core, wraps)


@given(st.lists(st.builds(Record, st.sampled_from(KINDS), st.binary(max_size=60)), max_size=6))
def test_evidence_records_are_what_they_were(made: list[Record]) -> None:
    stream = io.BytesIO(b"".join(one.encode() for one in made))
    assert list(read_records(stream)) == made


@given(cases())
def test_a_case_message_is_what_it_was_in_bytes_and_in_json(made: CaseMessage) -> None:
    assert case.decode(case.encode(made)) == made
    assert case.from_json(case.to_json(made)) == made


@given(HASH)
def test_a_fingerprint_is_what_it_was(made: bytes) -> None:
    assert read_fingerprint(made.hex()) == read_fingerprint(words(made)) == made


@pytest.mark.parametrize("name", sorted(kinds()))
@settings(max_examples=25)
@given(data=st.data())
def test_what_the_wire_accepts_is_written_so_by_every_encoder(name: str, data: st.DataObject) -> None:
    made = data.draw(messages.body(kinds()[name]))
    try:
        parsed = wire.parse(kinds()[name], made, cap=limits.EVIDENCE_RECORD)
    except MceError:
        return
    assert parsed.SerializeToString(deterministic=True) == made


ENCODED: dict[str, Callable[[bytes], bytes]] = {
    "note": lambda data: note.parse(data).encode(),
    "checkpoint": lambda data: read_checkpoint(data.decode()).text.encode(),
    "entry": lambda data: LogEntry.decode(data).encode(),
    "statement": lambda data: statement.decode(data).raw,
    "member-record": lambda data: encode_member(decode_member(data)),
    "member-card": lambda data: encode_card(decode_card(data)),
    "directory-file": lambda data: Bundle.decode(data).encode(),
    "evidence-records": lambda data: b"".join(one.encode() for one in read_records(io.BytesIO(data))),
}


@pytest.mark.parametrize("name", ENCODED)
@given(seed=st.integers(0, 2**64), steps=st.integers(1, 3))
def test_accepted_bytes_are_the_only_ones(name: str, seed: int, steps: int) -> None:
    """From bytes a few changes away from good ones."""
    rng = random.Random(seed)
    data = rng.choice(TARGETS[name].seeds())
    for _ in range(steps):
        data = TARGETS[name].mutate(data, rng)
    try:
        again = ENCODED[name](data)
    except (MceError, UnicodeDecodeError):
        return
    assert again == data
