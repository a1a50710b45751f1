"""The wire lint leaves one encoding of a signed body (threats E16, H2)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mce_exchange import limits, wire
from mce_exchange.errors import LimitError, MalformedError
from mce_exchange.fields import FIELDS
from mce_exchange.v1 import directory_pb2, envelope_pb2, evidence_pb2, log_pb2, statement_pb2

ID = bytes(range(32))
CAP = limits.STATEMENT_BODY


def delivered(items: int = 1) -> statement_pb2.Delivered:
    return statement_pb2.Delivered(
        signers=[ID],
        member="be",
        items=[statement_pb2.DeliveredItem(header_id=ID, index=300, recipient_index=1)] * items,
    )


GOOD = delivered().SerializeToString()
SIGNER = b"\x0a\x20" + ID
MEMBER = b"\x12\x02be"
ITEM = b"\x1a\x27\x0a\x20" + ID + b"\x10\xac\x02\x18\x01"


def test_good_bytes_pass_and_parse_to_the_same_message() -> None:
    assert GOOD == SIGNER + MEMBER + ITEM
    assert wire.parse(statement_pb2.Delivered, GOOD, cap=CAP) == delivered()


FAULTS: list[tuple[str, bytes, type[Exception]]] = [
    ("duplicate_singular", SIGNER + MEMBER + MEMBER + ITEM, MalformedError),
    ("fields_descending", MEMBER + SIGNER + ITEM, MalformedError),
    ("unknown_field", GOOD + b"\xf8\x07\x01", MalformedError),
    ("field_number_zero", GOOD + b"\x00\x01", MalformedError),
    ("group", GOOD + b"\x23\x24", MalformedError),
    ("long_varint_length", SIGNER + b"\x12\x82\x00be" + ITEM, MalformedError),
    ("long_varint_tag", SIGNER + b"\x92\x00\x02be" + ITEM, MalformedError),
    ("varint_of_eleven_bytes", SIGNER + MEMBER + b"\x1a" + b"\x80" * 10 + b"\x01", MalformedError),
    ("varint_above_64_bits", SIGNER + MEMBER + b"\x1a" + b"\xff" * 9 + b"\x7f", MalformedError),
    ("wrong_wire_type", SIGNER + b"\x10\x02" + ITEM, MalformedError),
    ("missing_signer", MEMBER + ITEM, MalformedError),
    ("missing_item", SIGNER + MEMBER, MalformedError),
    ("empty_text", SIGNER + b"\x12\x00" + ITEM, MalformedError),
    ("not_utf8", SIGNER + b"\x12\x02\xff\xfe" + ITEM, MalformedError),
    ("id_of_31_bytes", b"\x0a\x1f" + ID[:31] + MEMBER + ITEM, MalformedError),
    ("id_of_33_bytes", b"\x0a\x21" + ID + b"\0" + MEMBER + ITEM, LimitError),
    ("default_value", SIGNER + MEMBER + b"\x1a\x24\x0a\x20" + ID + b"\x10\x00", MalformedError),
    ("cut_short", GOOD[:-1], MalformedError),
    ("cut_in_tag", GOOD + b"\x80", MalformedError),
    ("giant_length", SIGNER + b"\x12\xff\xff\xff\xff\xff\xff\xff\xff\x7f", MalformedError),
    ("three_signers", SIGNER * 3 + MEMBER + ITEM, LimitError),
    ("too_many_items", SIGNER + MEMBER + ITEM * (limits.ACK_ITEMS + 1), LimitError),
    (
        "value_above_range",
        SIGNER + MEMBER + b"\x1a\x27\x0a\x20" + ID + b"\x10\x01\x18\x7f",
        MalformedError,
    ),
]


@pytest.mark.parametrize(("fault", "data", "error"), FAULTS, ids=[fault for fault, _, _ in FAULTS])
def test_e16_every_other_encoding_is_refused(fault: str, data: bytes, error: type[Exception]) -> None:
    with pytest.raises((MalformedError, LimitError)) as caught:
        wire.lint(statement_pb2.Delivered, data, cap=CAP)
    assert caught.type is error, fault


def test_e16_control_the_parser_alone_would_take_them() -> None:
    twice = SIGNER + MEMBER + b"\x12\x02pt" + ITEM
    assert statement_pb2.Delivered.FromString(twice).member == "pt"
    assert statement_pb2.Delivered.FromString(GOOD + b"\xf8\x07\x01").member == "be"
    assert statement_pb2.Delivered.FromString(SIGNER + b"\x12\x82\x00be" + ITEM).member == "be"


def test_an_unknown_code_is_refused() -> None:
    item = statement_pb2.RefusedItem(header_id=ID, code=statement_pb2.RefusalCode.ValueType(99))
    body = statement_pb2.Refused(signers=[ID], member="be", items=[item])
    with pytest.raises(MalformedError, match="99"):
        wire.lint(statement_pb2.Refused, body.SerializeToString(), cap=CAP)


def test_packed_numbers_must_be_packed_and_not_empty() -> None:
    key = statement_pb2.SigningKey(ed25519=ID, ml_dsa_65=bytes(limits.ML_DSA_65_PUBLIC), added_version=1)
    body = directory_pb2.Directory(
        version=2,
        previous=ID,
        name="x",
        root_keys=[key],
        root_threshold=1,
        members_root=ID,
        log_keys=[directory_pb2.LogKey(ed25519=ID, ml_dsa_44=bytes(limits.ML_DSA_44_PUBLIC))],
        relays=[directory_pb2.RelayRecord(id="r", address="a:1", keys=[key], certificates=[b"c"])],
        earlier_indices=[0],
        quorum=directory_pb2.Quorum(),
        issued_minutes=1,
        expires_minutes=2,
    )
    good = body.SerializeToString()
    wire.lint(directory_pb2.Directory, good, cap=CAP)
    packed = b"\x72\x01\x00"
    assert good.count(packed) == 1
    for bad in (b"\x70\x00", b"\x72\x00", packed + packed, b"\x72\x02\x80\x00"):
        with pytest.raises(MalformedError):
            wire.lint(directory_pb2.Directory, good.replace(packed, bad), cap=CAP)
    # A quorum of 0 of 0 is said, never left out: one meaning has one encoding.
    with pytest.raises(MalformedError, match="quorum"):
        wire.lint(directory_pb2.Directory, good.replace(b"\x6a\x00", b""), cap=CAP)


def test_the_core_of_a_header_is_linted_too() -> None:
    with pytest.raises(MalformedError, match="HeaderCore"):
        wire.lint(envelope_pb2.Header, b"\x0a\x03\xf8\x07\x01\x12\x00", cap=CAP)


def test_the_cap_comes_first() -> None:
    with pytest.raises(LimitError, match="at most"):
        wire.lint(statement_pb2.Delivered, b"\xff" * (CAP + 1), cap=CAP)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_declared_error_or_the_one_encoding(data: bytes) -> None:
    try:
        parsed = wire.parse(statement_pb2.Delivered, data, cap=CAP)
    except (MalformedError, LimitError):
        return
    assert parsed.SerializeToString(deterministic=True) == data


@given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
def test_a_flipped_bit_is_refused_or_changes_the_message(at: int, bit: int) -> None:
    flipped = bytearray(GOOD)
    flipped[at] ^= 1 << bit
    try:
        parsed = wire.parse(statement_pb2.Delivered, bytes(flipped), cap=CAP)
    except (MalformedError, LimitError):
        return
    assert parsed != delivered()
    assert parsed.SerializeToString(deterministic=True) == bytes(flipped)


def test_every_field_of_every_signed_message_has_its_row() -> None:
    for module in (statement_pb2, envelope_pb2, directory_pb2, evidence_pb2, log_pb2):
        for message in module.DESCRIPTOR.message_types_by_name.values():
            rows = FIELDS[message.full_name]
            assert list(rows) == [field.name for field in message.fields], message.name
