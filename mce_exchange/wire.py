"""The one encoding of a signed body: checked on the wire, before any parser sees it (SPEC section 4).

A protobuf parser takes the last of two singular fields, drops what it does not know and accepts
long varints, so different bytes can mean the same and the same bytes different things to two
readers. `lint` leaves one encoding: fields ascending, singular ones once, one member of a oneof,
nothing unknown, nothing equal to its default, minimal varints, packed numbers, no groups, UTF-8,
every length and count within `fields` (threat E16). It reads only tags and lengths and allocates
nothing; `parse` then hands the same bytes to the parser.

A case body is written by newer and older software, so `keep_unknown` lets unknown fields, any
order and explicit defaults pass; all else holds (SPEC section 7).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import DecodeError, Message

from mce_exchange import limits
from mce_exchange.errors import LimitError, MalformedError
from mce_exchange.fields import FIELDS, Bound

M = TypeVar("M", bound=Message)

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_U32: Final = 2**32 - 1
_U64: Final = 2**64 - 1
_VARINT_MAX: Final[Mapping[int, int]] = {
    FieldDescriptor.TYPE_BOOL: 1,
    FieldDescriptor.TYPE_UINT32: _U32,
    FieldDescriptor.TYPE_SINT32: _U32,
    # A negative int32 or enum value takes ten bytes: no field of ours has one.
    FieldDescriptor.TYPE_INT32: 2**31 - 1,
    FieldDescriptor.TYPE_ENUM: 2**31 - 1,
    FieldDescriptor.TYPE_UINT64: _U64,
    FieldDescriptor.TYPE_INT64: _U64,
    FieldDescriptor.TYPE_SINT64: _U64,
}
_FIXED: Final[Mapping[int, int]] = {
    FieldDescriptor.TYPE_DOUBLE: _FIXED64,
    FieldDescriptor.TYPE_FIXED64: _FIXED64,
    FieldDescriptor.TYPE_SFIXED64: _FIXED64,
    FieldDescriptor.TYPE_FLOAT: _FIXED32,
    FieldDescriptor.TYPE_FIXED32: _FIXED32,
    FieldDescriptor.TYPE_SFIXED32: _FIXED32,
}
_FREE: Final[Mapping[str, Bound]] = {}
_WIDTH: Final = {_FIXED64: 8, _FIXED32: 4}


@dataclass(frozen=True, slots=True)
class _Field:
    """A field, flat: this is read for every field of every body."""

    name: str
    wire_type: int
    packed: bool
    text: bool
    explicit: bool
    largest: int
    values: frozenset[int] | None
    message: Descriptor | None
    oneof: str | None
    low: int
    high: int
    most: int
    least: int
    form: re.Pattern[bytes] | None


@dataclass(frozen=True, slots=True)
class _Schema:
    """Fields by number; those that have to be there."""

    name: str
    fields: Mapping[int, _Field]
    needed: tuple[tuple[int, _Field], ...]


@cache
def _schema(descriptor: Descriptor, keep_unknown: bool) -> _Schema:
    # A strict message without a row in the table is a defect of ours: KeyError at first use.
    bounds = _FREE if keep_unknown else FIELDS[descriptor.full_name]
    fields = {field.number: _field(field, bounds, keep_unknown) for field in descriptor.fields}
    needed = tuple((number, one) for number, one in fields.items() if one.least and not one.packed)
    return _Schema(descriptor.name, fields, needed)


def _field(field: FieldDescriptor, bounds: Mapping[str, Bound], keep_unknown: bool) -> _Field:
    most = limits.CONTENT if field.is_repeated else 1
    bound = Bound(0, _U64, 0, most) if keep_unknown else bounds[field.name]
    length = field.type in (field.TYPE_BYTES, field.TYPE_STRING, field.TYPE_MESSAGE)
    wire_type = _LENGTH if length else _FIXED.get(field.type, _VARINT)
    oneof = field.containing_oneof
    holds: Any = bound.holds.DESCRIPTOR if bound.holds else field.message_type
    return _Field(
        name=field.full_name.removeprefix("mce_exchange.v1."),
        wire_type=wire_type,
        packed=field.is_repeated and not length,
        text=field.type == field.TYPE_STRING,
        explicit=keep_unknown or field.has_presence or (field.is_repeated and length),
        largest=_VARINT_MAX.get(field.type, _U64),
        # A newer sender may know more values of a code list than we do.
        values=None
        if keep_unknown or field.enum_type is None
        else frozenset(field.enum_type.values_by_number),
        message=holds,
        oneof=oneof.name if oneof is not None else None,
        low=bound.low,
        high=bound.high,
        most=bound.most,
        least=bound.least,
        form=bound.form,
    )


def lint(kind: type[Message], data: bytes, *, cap: int, keep_unknown: bool = False) -> None:
    """`MalformedError` or `LimitError` unless `data`, at most `cap` bytes, is the one encoding of `kind`."""
    if len(data) > cap:
        raise LimitError(f"{kind.DESCRIPTOR.name}: {len(data)} bytes, at most {cap}")
    descriptor: Any = kind.DESCRIPTOR
    _message(descriptor, data, 0, len(data), keep_unknown, 1)


def parse(kind: type[M], data: bytes, *, cap: int, keep_unknown: bool = False) -> M:
    """`lint`, then the message; the same errors."""
    lint(kind, data, cap=cap, keep_unknown=keep_unknown)
    return read(kind, data)


def read(kind: type[M], data: bytes) -> M:
    """The message in bytes that have passed `lint`; `MalformedError` if they are none."""
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError:
        raise MalformedError(f"{kind.DESCRIPTOR.name}: not protobuf") from None
    return message


def _message(descriptor: Descriptor, data: bytes, at: int, end: int, keep_unknown: bool, depth: int) -> None:
    if depth > limits.NESTING:
        raise LimitError(f"nested deeper than {limits.NESTING}")
    schema = _schema(descriptor, keep_unknown)
    fields = schema.fields
    seen: dict[int, int] = {}
    oneofs: set[str] = set()
    before = 0
    while at < end:
        tag = data[at]
        at += 1
        if tag > 0x7F:
            tag, at = _varint(data, at - 1, end)
        number = tag >> 3
        field = fields.get(number)
        if field is None:
            if not keep_unknown or not 0 < number < 2**29:
                raise MalformedError(f"{schema.name}: unknown field {number}")
            at = _skip(tag & 7, data, at, end)
            continue
        if number < before and not keep_unknown:
            raise MalformedError(f"{field.name}: fields are not in ascending order")
        before = number
        count = seen[number] = seen.get(number, 0) + 1
        if count > 1 and (field.packed or count > field.most):
            # A singular field given twice is an ambiguity, a list too long only a list too long.
            if field.most == 1 or field.packed:
                raise MalformedError(f"{field.name}: given more than once")
            raise LimitError(f"{field.name}: more than {field.most}")
        if field.oneof is not None:
            if field.oneof in oneofs:
                raise MalformedError(f"{field.name}: a second member of {field.oneof}")
            oneofs.add(field.oneof)
        if tag & 7 != (_LENGTH if field.packed else field.wire_type):
            raise MalformedError(f"{field.name}: wire type {tag & 7}")
        if field.wire_type != _LENGTH and not field.packed:
            at = _scalar(field, data, at, end)
            continue
        if at < end and (size := data[at]) < 0x80:
            at += 1
        else:
            size, at = _varint(data, at, end)
        stop = at + size
        if stop > end:
            raise MalformedError(f"{field.name}: longer than what holds it")
        if field.packed:
            _packed(field, data, at, stop)
        elif size < field.low or size > field.high or not (size or field.explicit):
            kind = LimitError if size > field.high else MalformedError
            raise kind(f"{field.name}: {size} bytes, not {field.low} to {field.high}")
        elif field.message is not None:
            _message(field.message, data, at, stop, keep_unknown, depth + 1)
        elif field.text:
            _text(field, data[at:stop])
        at = stop
    for number, field in schema.needed:
        if seen.get(number, 0) < field.least:
            raise MalformedError(f"{field.name}: missing")


def _scalar(field: _Field, data: bytes, at: int, end: int) -> int:
    if field.wire_type != _VARINT:
        return _fixed(field, data, at, end)
    number, at = _varint(data, at, end)
    if not number and not field.explicit:
        raise MalformedError(f"{field.name}: a default value on the wire")
    _number(field, number)
    return at


def _text(field: _Field, text: bytes) -> None:
    try:
        str(text, "utf-8")
    except UnicodeDecodeError:
        raise MalformedError(f"{field.name}: not UTF-8") from None
    if field.form and not field.form.fullmatch(text):
        raise MalformedError(f"{field.name}: characters that may not stand there")


def _packed(field: _Field, data: bytes, at: int, end: int) -> None:
    if at == end and not field.explicit:
        raise MalformedError(f"{field.name}: empty")
    count = 0
    while at < end:
        if count == field.most:
            raise LimitError(f"{field.name}: more than {field.most}")
        count += 1
        if field.wire_type == _VARINT:
            number, at = _varint(data, at, end)
            _number(field, number)
        else:
            at += _WIDTH[field.wire_type]
            if at > end:
                raise MalformedError(f"{field.name}: cut short")


def _number(field: _Field, number: int) -> None:
    if number > field.largest or (field.values is not None and number not in field.values):
        raise MalformedError(f"{field.name}: {number} is not a value of this field")
    if not field.low <= number <= field.high:
        kind = LimitError if number > field.high else MalformedError
        raise kind(f"{field.name}: {number}, not {field.low} to {field.high}")


def _fixed(field: _Field, data: bytes, at: int, end: int) -> int:
    stop = at + _WIDTH[field.wire_type]
    if stop > end:
        raise MalformedError(f"{field.name}: cut short")
    if not field.explicit and not any(data[at:stop]):
        raise MalformedError(f"{field.name}: a default value on the wire")
    return stop


def _skip(wire_type: int, data: bytes, at: int, end: int) -> int:
    if wire_type == _VARINT:
        return _varint(data, at, end)[1]
    if wire_type == _LENGTH:
        size, at = _varint(data, at, end)
    elif wire_type in _WIDTH:
        size = _WIDTH[wire_type]
    else:
        raise MalformedError("a group or an unknown wire type")
    if at + size > end:
        raise MalformedError("an unknown field longer than what holds it")
    return at + size


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    value = shift = 0
    while at < end:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if (not byte and shift) or value > _U64:
                raise MalformedError("a varint that is not minimal")
            return value, at
        shift += 7
        if shift > 63:
            raise MalformedError("a varint of more than ten bytes")
    raise MalformedError("cut short")
