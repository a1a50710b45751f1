"""What a signature, a suite, a leaf and a name count for, and nothing else (E10, E12, E16, L8, H5)."""

import pytest

from mce_exchange import case, limits, statement, wire
from mce_exchange import header as headers
from mce_exchange.directory.records import name_is_plain
from mce_exchange.errors import MalformedError, ProtocolError, SignatureError, SuiteError
from mce_exchange.keys import PrivateKey
from mce_exchange.log.entry import LogEntry
from mce_exchange.sealing import open_message, seal_streams
from mce_exchange.statement import Block, Statement
from mce_exchange.v1 import case_pb2, envelope_pb2, statement_pb2
from tests.audit.case import Case
from tests.node.conftest import SCENARIO

ANNA = PrivateKey.from_seed(b"a" * 64)
NETWORK, OTHER = bytes(32), b"\1" * 32
BODY = b"any body"
TYPES = tuple(statement.BODIES)


def block(type_: str, network: bytes = NETWORK) -> Block:
    message = statement.signed_bytes(network, type_, ANNA.public.id, BODY)
    return Block(ANNA.public.id, *ANNA.sign(message, context=type_.encode()))


def holds(type_: str, made: Block, network: bytes = NETWORK) -> bool:
    try:
        statement.verify(
            Statement(type_, BODY, (made,)),
            network_id=network,
            find_key={ANNA.public.id: ANNA.public}.get,
        )
    except SignatureError:
        return False
    return True


@pytest.mark.parametrize("type_", TYPES)
def test_e10_of_all_pairs_of_types_only_the_diagonal_holds(type_: str) -> None:
    made = block(type_)
    assert [other for other in TYPES if holds(other, made)] == [type_]
    assert not holds(type_, made, OTHER)


def test_e10_an_id_belongs_to_one_type_and_network() -> None:
    ids = {statement.statement_id(network, type_, BODY) for type_ in TYPES for network in (NETWORK, OTHER)}
    assert len(ids) == 2 * len(TYPES)


@pytest.mark.parametrize("suite", [2, 255, 2**31])
def test_e12_no_other_suite_is_read(suite: int) -> None:
    sealed = Case().sealed
    header = envelope_pb2.Header.FromString(sealed.statement.body)
    core = envelope_pb2.HeaderCore.FromString(header.core)
    core.suite = suite
    header.core = core.SerializeToString(deterministic=True)
    with pytest.raises(SuiteError, match=f"suite {suite}"):
        headers.read_header(Statement("header", header.SerializeToString(deterministic=True), ()))


def test_e14_what_compresses_well_is_as_large_as_what_does_not() -> None:
    sizes = set()
    for content in (bytes(7000), bytes(range(256)) * 28, b"no" * 3500):
        sizes.add(len(seal_streams(sender="be", recipients=["pt"], content=content[:7000]).payload))
    assert sizes == {8192 + limits.TAG}


def test_e16_unknown_fields_in_a_case_are_kept_byte_for_byte() -> None:
    known = case.encode(SCENARIO.update())
    # A newer sender's field in the message, and one in a part of it.
    pb = case_pb2.CaseMessage.FromString(known)
    inner = pb.header.SerializeToString() + b"\xaa\x3f\x03new"
    newer = b"\x0a" + _length(inner) + inner + known[len(_first_field(known)) :] + b"\xaa\x3f\x05newer"
    read = case.decode(newer)
    assert case.encode(read) == newer
    assert "Newer software" in case.render(read)
    case.check_bytes(newer)
    with pytest.raises(MalformedError):
        wire.parse(case_pb2.CaseMessage, newer + b"\x23", cap=limits.CONTENT, keep_unknown=True)


def _length(data: bytes) -> bytes:
    made, left = b"", len(data)
    while left > 0x7F:
        made, left = made + bytes([left & 0x7F | 0x80]), left >> 7
    return made + bytes([left])


def _first_field(data: bytes) -> bytes:
    head = case_pb2.CaseMessage.FromString(data).header.SerializeToString()
    first = b"\x0a" + _length(head) + head
    assert data.startswith(first)
    return first


def test_l8_a_leaf_tells_nothing_to_whoever_guesses_the_body() -> None:
    body = statement_pb2.Contest(
        signers=[ANNA.public.id], member="be", statement_id=bytes(32)
    ).SerializeToString()
    once, again = (statement.sign("contest", body, network_id=NETWORK, keys=[ANNA]) for _ in range(2))
    leaves = {LogEntry(one.public, one.digest).leaf_hash for one in (once, again)}
    assert len(leaves) == 2
    guessed = Statement("contest", body, ())
    assert LogEntry(True, guessed.digest).leaf_hash not in leaves


def test_l8_a_header_cannot_be_guessed_either() -> None:
    case_ = Case()
    one, other = (case_.message(sequence=2)[0] for _ in range(2))
    assert one.header.core.message_ref != other.header.core.message_ref
    assert one.id != other.id
    assert open_message(
        one.header,
        recipient="pt",
        wrap=one.wraps[1],
        key=case_.people["pt"].kem,
        payload=one.payload,
    ).content


NAUGHTY = [
    "",
    ".",
    "..",
    "../be",
    "be/..",
    "be\n",
    "be\0",
    "be\x1b[2J",
    "Be",
    "bé",
    "b\u0435",
    "be ",
    " be",
    "-be",
    "be.",
    "be'; DROP TABLE entry; --",
    '"be"',
    "be\u202e",
    "${jndi:ldap://x}",
    "%n%n",
    "be,pt",
    "a" * 65,
]


@pytest.mark.parametrize("name", NAUGHTY)
def test_h5_no_id_says_more_than_a_name(name: str) -> None:
    """Ids stand in SQL, logs, metrics, paths and terminals: nothing else than a plain name ever comes in."""
    assert not name_is_plain(name) or len(name) > limits.MEMBER_ID
    for body in (
        statement_pb2.Void(signers=[bytes(32)], sender=name, recipient="pt", sequence=1),
        statement_pb2.Void(signers=[bytes(32)], sender="be", recipient=name, sequence=1),
    ):
        with pytest.raises(ProtocolError, match="Void"):
            wire.lint(statement_pb2.Void, body.SerializeToString(), cap=1000)


@pytest.mark.parametrize("name", ["be", "be-2", "hotline.example", "a", "0", "a" * 64])
def test_plain_ids_pass(name: str) -> None:
    body = statement_pb2.Void(signers=[bytes(32)], sender=name, recipient="pt", sequence=1)
    wire.lint(statement_pb2.Void, body.SerializeToString(), cap=1000)
