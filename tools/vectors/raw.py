"""Protobuf by hand: bodies that no serialiser would write."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

VARINT: Final = 0
FIXED64: Final = 1
LENGTH: Final = 2
FIXED32: Final = 5
LITERAL: Final = -1


@dataclass(frozen=True)
class Field:
    """One field as it stands on the wire; a `LITERAL` stands as its bytes."""

    number: int
    kind: int
    value: int | bytes

    def encode(self) -> bytes:
        """Tag and value."""
        if self.kind == LITERAL:
            return _bytes(self.value)
        tag = varint(self.number << 3 | self.kind)
        if isinstance(self.value, int):
            return tag + varint(self.value)
        return tag + (varint(len(self.value)) if self.kind == LENGTH else b"") + self.value


Fields = list[Field]
Change = Callable[[Fields], Fields]


def varint(value: int, *, longer: int = 0) -> bytes:
    """The minimal varint, or one that is `longer` bytes longer."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(longer):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def parse(data: bytes) -> Fields:
    """The fields of a well-formed message of varints and lengths."""
    found: Fields = []
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        value, at = _varint(data, at)
        if tag & 7 == VARINT:
            found.append(Field(tag >> 3, VARINT, value))
        else:
            found.append(Field(tag >> 3, LENGTH, data[at : at + value]))
            at += value
    return found


def encode(fields: Sequence[Field]) -> bytes:
    """The message."""
    return b"".join(field.encode() for field in fields)


def change(data: bytes, path: Sequence[tuple[int, int]], how: Change) -> bytes:
    """The message with the one at `path` (field number and occurrence, from the outside in) changed."""
    fields = parse(data)
    if not path:
        return encode(how(fields))
    (number, nth), *rest = path
    place = position(fields, number, nth)
    fields[place] = Field(number, LENGTH, change(_bytes(fields[place].value), rest, how))
    return encode(fields)


def value(data: bytes, *path: tuple[int, int]) -> bytes:
    """The bytes of the field at `path`."""
    for number, nth in path:
        fields = parse(data)
        data = _bytes(fields[position(fields, number, nth)].value)
    return data


def position(fields: Sequence[Field], number: int, nth: int = 0) -> int:
    """Where the nth field of this number stands."""
    return [place for place, field in enumerate(fields) if field.number == number][nth]


def put(number: int, value: int | bytes, nth: int = 0) -> Change:
    """Give the field this value, or insert it in its place."""

    def how(fields: Fields) -> Fields:
        made = Field(number, VARINT if isinstance(value, int) else LENGTH, value)
        if sum(field.number == number for field in fields) > nth:
            place = position(fields, number, nth)
            return [*fields[:place], made, *fields[place + 1 :]]
        place = sum(field.number <= number for field in fields)
        return [*fields[:place], made, *fields[place:]]

    return how


def drop(number: int, nth: int = 0) -> Change:
    """Leave the field out."""

    def how(fields: Fields) -> Fields:
        place = position(fields, number, nth)
        return [*fields[:place], *fields[place + 1 :]]

    return how


def again(number: int, times: int = 1) -> Change:
    """Let the field's last occurrence stand that many times more."""

    def how(fields: Fields) -> Fields:
        place = max(place for place, field in enumerate(fields) if field.number == number)
        return [*fields[: place + 1], *[fields[place]] * times, *fields[place + 1 :]]

    return how


def literally(number: int, data: bytes, nth: int = 0) -> Change:
    """Let these bytes stand where the field stood."""

    def how(fields: Fields) -> Fields:
        place = position(fields, number, nth)
        return [*fields[:place], Field(number, LITERAL, data), *fields[place + 1 :]]

    return how


def append(data: bytes) -> Change:
    """Let these bytes stand at the end."""
    return lambda fields: [*fields, Field(0, LITERAL, data)]


def swap(number: int) -> Change:
    """Let the field's first occurrence and what follows it change places."""

    def how(fields: Fields) -> Fields:
        place = position(fields, number)
        return [*fields[:place], fields[place + 1], fields[place], *fields[place + 2 :]]

    return how


def _bytes(value: int | bytes) -> bytes:
    if isinstance(value, int):
        raise TypeError("a number where bytes stand")
    return value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at
