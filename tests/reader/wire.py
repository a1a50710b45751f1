"""The one encoding of a protobuf body (SPEC 4.1), decoded with the field table of section 10."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .refusal import RefusalError, must
from .schema import Field, limit, messages

VARINT, LENGTH = 0, 2
# 4.1: ids of members and relays, names of witnesses, countries.
ID = rb"[a-z0-9]([a-z0-9.-]*[a-z0-9])?"
FORMS = {
    **dict.fromkeys(("id", "member", "sender", "recipient", "recipients", "author"), ID),
    "WitnessKey.name": rb"[a-z0-9]([a-z0-9./-]*[a-z0-9])?",
    "country": rb"[A-Z]{2}",
}


@dataclass(frozen=True)
class Record:
    """A decoded message: every field's values in order; absent ones read as the proto3 default."""

    name: str
    values: dict[str, list["bytes | int | Record"]]

    def has(self, name: str) -> bool:
        return bool(self.values[name])

    def every(self, name: str) -> list[bytes]:
        return [value for value in self.values[name] if isinstance(value, bytes)]

    def numbers(self, name: str) -> list[int]:
        return [value for value in self.values[name] if isinstance(value, int)]

    def records(self, name: str) -> list["Record"]:
        return [value for value in self.values[name] if isinstance(value, Record)]

    def data(self, name: str) -> bytes:
        return self.every(name)[0] if self.has(name) else b""

    def text(self, name: str) -> str:
        return self.data(name).decode()

    def texts(self, name: str) -> list[str]:
        return [value.decode() for value in self.every(name)]

    def number(self, name: str) -> int:
        return self.numbers(name)[0] if self.has(name) else 0

    def record(self, name: str) -> "Record":
        return self.records(name)[0]


def decode(name: str, data: bytes, depth: int = 1) -> Record:
    """Refuses everything but the one encoding within the bounds."""
    must(depth <= limit("nesting"), "limit", "nested too deep")
    fields = messages()[name]
    values: dict[str, list[bytes | int | Record]] = {field.name: [] for field in fields.values()}
    last = 0
    at = 0
    while at < len(data):
        tag, at = varint(data, at)
        number, kind = tag >> 3, tag & 7
        must(kind in (VARINT, LENGTH), "malformed", f"{name}: wire type {kind}")
        must(number in fields, "malformed", f"{name}: unknown field {number}")
        field = fields[number]
        must(number >= last, "malformed", f"{name}.{field.name}: out of order")
        several = field.repeated and not field.numeric and field.most > 1
        must(number > last or several, "malformed", f"{field.name}: twice")
        last = number
        packed = field.repeated and field.numeric
        must(kind == (VARINT if field.numeric and not packed else LENGTH), "malformed", "wire type")
        if kind == VARINT:
            value, at = varint(data, at)
            must(value != 0, "malformed", f"{field.name}: a default value on the wire")
            values[field.name].append(_number(field, value))
            continue
        size, at = varint(data, at)
        must(size <= len(data) - at, "malformed", f"{field.name}: longer than what holds it")
        part, at = data[at : at + size], at + size
        if packed:
            must(bool(part), "malformed", f"{field.name}: empty")
            for value in _packed(part):
                values[field.name].append(_number(field, value))
        else:
            values[field.name].append(_part(name, field, part, depth))
        must(len(values[field.name]) <= field.most, "limit", f"{field.name}: too many")
    for field in fields.values():
        must(len(values[field.name]) >= field.least, "malformed", f"{name}.{field.name}: missing")
    return Record(name, values)


def _part(name: str, field: Field, part: bytes, depth: int) -> "bytes | Record":
    must(field.high is None or len(part) <= field.high, "limit", f"{field.name}: {len(part)} bytes")
    must(len(part) >= field.low, "malformed", f"{field.name}: {len(part)} bytes")
    if field.type in messages():
        return decode(field.type, part, depth + 1)
    if field.type == "string":
        try:
            part.decode("utf-8", "strict")
        except UnicodeDecodeError:
            raise RefusalError("malformed", f"{field.name}: not UTF-8") from None
        form = FORMS.get(f"{name}.{field.name}", FORMS.get(field.name))
        fits = form is None or re.fullmatch(form, part) is not None
        must(fits, "malformed", f"{field.name}: letters that may not stand there")
    return part


def _number(field: Field, value: int) -> int:
    if field.enum is not None:
        must(value in field.enum, "malformed", f"{field.name}: unknown value {value}")
    if field.type == "bool":
        must(value == 1, "malformed", f"{field.name}: a boolean that is {value}")
    if field.type == "uint32":
        must(value < 1 << 32, "malformed", f"{field.name}: more than 32 bits")
    must(field.high is None or value <= field.high, "limit", f"{field.name}: {value}")
    must(value >= field.low, "malformed", f"{field.name}: {value}")
    return value


def _packed(part: bytes) -> Iterator[int]:
    at = 0
    while at < len(part):
        value, at = varint(part, at)
        yield value


def varint(data: bytes, at: int) -> tuple[int, int]:
    """A minimal varint of at most 64 bits, and where it ends."""
    value = shift = 0
    while True:
        must(at < len(data), "malformed", "cut short")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            must(byte != 0 or shift == 7, "malformed", "a varint that is not minimal")
            must(value < 1 << 64, "malformed", "a varint of more than 64 bits")
            return value, at
        must(shift < 70, "malformed", "a varint of more than ten bytes")
