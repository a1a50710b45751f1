"""Faults of the one encoding: every rule of SPEC 4.1, and every bound of section 10 for an envelope."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from google.protobuf.descriptor import FieldDescriptor

from mce_exchange.fields import FIELDS, Bound
from mce_exchange.statement import Statement
from mce_exchange.v1 import directory_pb2, envelope_pb2, evidence_pb2, log_pb2, statement_pb2
from tools.vectors import raw
from tools.vectors.envelope_base import CORE, Base
from tools.vectors.files import Fault, Faults
from tools.vectors.raw import Field, varint

_ANY: Final = 2**63 - 1
_GROUP, _END = 3, 4


def encoding(base: Base) -> Faults:
    """What a lenient parser takes: each is genuine, signed, and has a second reading."""

    def fault(name: str, says: str, how: raw.Change, *path: tuple[int, int]) -> Fault:
        return Fault(
            name=f"wire-{name}",
            expect="malformed",
            section="4.1",
            says=says,
            input={"statement": base.with_core(how, *path)},
        )

    def outer(name: str, says: str, how: raw.Change, *path: tuple[int, int]) -> Fault:
        made = base.with_body(how, *path)
        return Fault(
            name=f"wire-{name}", expect="malformed", section="4.1", says=says, input={"statement": made}
        )

    sender = b"be"
    yield fault("fields-out-of-order", "two fields in descending order", raw.swap(3))
    yield fault("repeated-field-split", "a repeated field in two places", _split_signers(base))
    yield outer("core-behind-wraps", "the core behind the wraps", raw.swap(1))
    yield fault("nested-out-of-order", "descending fields in a nested message", raw.swap(1), (5, 0))
    yield fault("unknown-field", "a field that the schema does not have", raw.append(varint(14 << 3) + b"\1"))
    yield outer(
        "unknown-field-outside", "an unknown field beside the wraps", raw.append(varint(3 << 3) + b"\1")
    )
    yield fault(
        "unknown-field-nested", "an unknown field of a stream", raw.append(varint(4 << 3) + b"\1"), (8, 0)
    )
    yield fault("field-number-0", "a field with number 0", lambda f: [Field(0, raw.LITERAL, b"\0\1"), *f])
    yield fault("group", "a group", raw.append(varint(14 << 3 | _GROUP) + varint(14 << 3 | _END)))
    yield fault("wire-type-6", "a wire type that does not exist", raw.append(bytes([14 << 3 | 6])))
    yield fault("fixed32", "a number as fixed32", raw.literally(2, bytes([2 << 3 | 5, 1, 0, 0, 0])))
    yield fault("fixed64", "a number as fixed64", raw.literally(9, bytes([9 << 3 | 1]) + bytes([1] * 8)))
    yield fault("number-as-bytes", "a number as bytes", raw.literally(2, bytes([2 << 3 | 2, 1, 1])))
    yield fault("bytes-as-number", "a text as a number", raw.literally(4, bytes([4 << 3, 1])))
    yield fault("tag-not-minimal", "a tag in two bytes", raw.literally(2, varint(2 << 3, longer=1) + b"\1"))
    yield fault(
        "length-not-minimal",
        "a length in two bytes",
        raw.literally(4, b"\x22" + varint(2, longer=1) + sender),
    )
    yield fault("value-not-minimal", "a value in two bytes", raw.literally(2, b"\x10" + varint(1, longer=1)))
    yield fault(
        "varint-of-11-bytes", "a varint of eleven bytes", raw.literally(2, b"\x10" + varint(1, longer=10))
    )
    yield fault("varint-above-64-bits", "a varint of 65 bits", raw.literally(9, b"\x48" + varint(1 << 64)))
    yield fault("varint-cut", "the core ends inside a varint", raw.append(b"\x60\x80"))
    yield fault(
        "length-beyond-the-end", "a field longer than what holds it", raw.append(b"\x6a\x20" + bytes(31))
    )
    yield fault("value-missing", "the core ends after a tag", raw.append(b"\x60"))
    yield fault("not-utf-8", "a sender that is not UTF-8", raw.put(4, b"b\xff"))
    yield fault("utf-8-overlong", "a text with an overlong form", raw.put(4, b"\xc1\xa2e"))
    yield fault("utf-8-surrogate", "a text with a surrogate", raw.put(4, b"\xed\xa0\x80"))
    yield fault("boolean-2", "a boolean that is 2", raw.put(12, 2))
    yield fault("boolean-false", "a boolean that is 0: a default value", raw.put(12, 0))
    yield fault("number-default", "a deadline class of 0: a default value", raw.put(11, 0))
    yield fault("bytes-default", "an empty `supersedes`: a default value", raw.put(13, b""))
    yield fault("uint32-of-33-bits", "a suite that is 1 in its low 32 bits", raw.put(2, (1 << 32) + 1))
    yield outer("empty-core", "a core of no bytes", raw.put(1, b""))
    yield outer("core-is-no-message", "a core that is no message", raw.put(1, b"\xff" * 40))


def _split_signers(base: Base) -> raw.Change:
    second = Field(1, raw.LENGTH, bytes(32))
    return lambda fields: [fields[0], fields[1], second, *fields[2:]]


@dataclass(frozen=True)
class _Place:
    message: str
    title: str
    path: tuple[tuple[int, int], ...]
    outside: bool = False


_PLACES: Final = (
    _Place("Header", "header", (), outside=True),
    _Place("WrapCommitment", "commitment", ((2, 1),), outside=True),
    _Place("HeaderCore", "core", ()),
    _Place("Recipient", "recipient", ((5, 1),)),
    _Place("Stream", "stream", ((8, 1),)),
)


def bounds(base: Base) -> Faults:
    """Each field of the header above, below and without its bounds.

    They are not signed again: a reader looks at the encoding before the signatures (4.3).
    """
    good = base.sealed.statement
    for place in _PLACES:
        path = place.path if place.outside else (*CORE, *place.path)
        current = base.body if place.outside else base.core
        for name, expect, says, how in variants(place.message, raw.value(current, *place.path)):
            yield Fault(
                name=f"{place.title}-{name}",
                expect=expect,
                section="10",
                says=f"{place.message}.{says}",
                input={"statement": Statement("header", raw.change(base.body, path, how), good.blocks).raw},
            )


Variant = tuple[str, str, str, raw.Change]


def variants(message: str, current: bytes, *, room: int = 1 << 24) -> Iterator[Variant]:
    """Name, code, words and change for every bound of every field of a message, as far as it stays
    within the `room` that whatever holds it has.
    """
    for name, expect, says, how in _variants(message, current):
        if len(raw.change(current, (), how)) <= room:
            yield name, expect, says, how


def _variants(message: str, current: bytes) -> Iterator[Variant]:
    row: Mapping[str, Bound] = FIELDS[f"mce_exchange.v1.{message}"]
    descriptor = _descriptor(message)
    present = {field.number for field in raw.parse(current)}
    for field, bound in row.items():
        made = descriptor[field]
        slug, number = field.replace("_", "-"), made.number
        if number in present:
            yield from _how_often(field, slug, number, bound)
        if made.message_type is None and not (made.is_repeated and made.cpp_type in _NUMBERS):
            yield from _how_large(field, slug, made, bound)


_NUMBERS: Final = {
    FieldDescriptor.CPPTYPE_UINT32,
    FieldDescriptor.CPPTYPE_UINT64,
    FieldDescriptor.CPPTYPE_ENUM,
    FieldDescriptor.CPPTYPE_BOOL,
}


def _how_often(field: str, slug: str, number: int, bound: Bound) -> Iterator[Variant]:
    if bound.least:
        yield f"{slug}-missing", "malformed", f"{field} is missing", _without(number)
    if bound.most == 1:
        yield f"{slug}-twice", "malformed", f"{field} stands twice", raw.again(number)
    elif bound.most < _MANY:
        many = f"{field} stands {bound.most + 1} times"
        yield f"{slug}-too-many", "limit", many, _times(number, bound.most + 1)


_MANY: Final = 2_000


def _how_large(field: str, slug: str, made: FieldDescriptor, bound: Bound) -> Iterator[Variant]:
    number = made.number
    if made.cpp_type in _NUMBERS:
        if made.enum_type is not None:
            most = max(made.enum_type.values_by_number)
            says = f"{field} has a value that nobody knows"
            yield f"{slug}-unknown", "malformed", says, raw.put(number, most + 1)
        elif made.cpp_type != FieldDescriptor.CPPTYPE_BOOL and bound.high < _ANY:
            says = f"{field} is one above its bound"
            yield f"{slug}-too-large", "limit", says, raw.put(number, bound.high + 1)
        if bound.low > 1:
            says = f"{field} is one below its bound"
            yield f"{slug}-too-small", "malformed", says, raw.put(number, bound.low - 1)
        return
    if bound.form:
        says = f"{field} has letters that may not stand there"
        yield f"{slug}-with-other-letters", "malformed", says, raw.put(number, b"_" * bound.low)
    if bound.high < _BIG:
        says = f"{field} is a byte longer than its bound"
        yield f"{slug}-too-long", "limit", says, raw.put(number, b"a" * (bound.high + 1))
    says = f"{field} is a byte shorter than its bound"
    yield f"{slug}-too-short", "malformed", says, raw.put(number, b"a" * (bound.low - 1))


_BIG: Final = 2_000_000


def _without(number: int) -> raw.Change:
    return lambda fields: [field for field in fields if field.number != number]


def _times(number: int, times: int) -> raw.Change:
    def how(fields: raw.Fields) -> raw.Fields:
        count = sum(field.number == number for field in fields)
        return raw.again(number, times - count)(fields)

    return how


def _descriptor(message: str) -> Mapping[str, FieldDescriptor]:
    return _described()[message]


def _described() -> dict[str, Mapping[str, FieldDescriptor]]:
    files = (envelope_pb2, directory_pb2, evidence_pb2, log_pb2, statement_pb2)
    return {
        name: message.fields_by_name
        for one in files
        for name, message in one.DESCRIPTOR.message_types_by_name.items()
    }
