"""Mutation of protobuf by its wire format: fields are moved, lengths lie, numbers take second encodings.

Works without a schema: whatever reads as fields is taken for fields, so it goes into nested messages
and now and then into bytes that are none, which does no harm.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

VARINT, FIXED64, LENGTH, START, END, FIXED32 = range(6)
NUMBERS: Final = (
    *(0, 1, 2, 3, 7, 127, 128, 255, 256, 4096, 65535, 65536),
    *(2**31 - 1, 2**31, 2**32 - 1, 2**32, 2**40, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, 2**64, 2**69),
)
_SIZES: Final = (0, 1, 2, 31, 32, 33, 63, 64, 65, 128, 255, 256, 257, 1024, 1952, 3309)
_TEXTS: Final = (
    b"",
    b"\0",
    b"be",
    b"\xff",
    b"\xc0\x80",
    b"\xed\xa0\x80",
    b"\xf4\x90\x80\x80",
    "e\N{COMBINING ACUTE ACCENT}".encode(),
    "\N{RIGHT-TO-LEFT OVERRIDE}a".encode(),
    b"../x",
    b"A" * 200,
)
_DEEP: Final = 6
_SHORT: Final = 24


@dataclass(frozen=True, slots=True)
class Field:
    """One field: `value` is a number, or the bytes of a length-delimited or fixed field.

    `longer` bytes are added to the tag's, the length's or the number's varint without changing it;
    `lie` is added to the length.
    """

    number: int
    wire_type: int
    value: int | bytes
    longer: tuple[int, int] = (0, 0)
    lie: int = 0


def read(data: bytes) -> list[Field] | None:
    """The fields, or None if the bytes are not just fields."""
    fields, at = [], 0
    while at < len(data):
        tag, at = _read_varint(data, at)
        kind = tag & 7
        if at < 0 or not tag >> 3:
            return None
        value: int | bytes
        if kind == VARINT:
            value, at = _read_varint(data, at)
            if at < 0:
                return None
        elif kind == LENGTH:
            size, at = _read_varint(data, at)
            if at < 0 or at + size > len(data):
                return None
            value, at = data[at : at + size], at + size
        elif kind in (FIXED64, FIXED32):
            size = 8 if kind == FIXED64 else 4
            value, at = data[at : at + size], at + size
            if at > len(data):
                return None
        else:
            return None
        fields.append(Field(tag >> 3, kind, value))
    return fields


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Value and next place; the place is -1 if there is no whole varint."""
    value = shift = 0
    while at < len(data) and shift < 70:
        value |= (data[at] & 0x7F) << shift
        at += 1
        if data[at - 1] < 0x80:
            return value, at
        shift += 7
    return 0, -1


def varint(value: int, longer: int = 0) -> bytes:
    """A varint, not minimal if `longer`."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    for _ in range(longer):
        out[-1] |= 0x80
        out.append(0)
    return bytes(out)


def write(fields: Sequence[Field]) -> bytes:
    """The bytes, with whatever lies the fields hold."""
    return b"".join(map(_write, fields))


def _write(field: Field) -> bytes:
    tag = varint(field.number << 3 | field.wire_type, field.longer[0])
    if isinstance(field.value, int):
        return tag + varint(field.value, field.longer[1])
    if field.wire_type != LENGTH:
        return tag + field.value
    return tag + varint(max(0, len(field.value) + field.lie), field.longer[1]) + field.value


class Stock:
    """What good messages hold, at all depths: fields to splice in, and values that mean something elsewhere.

    So an id, a member or a key stands where another one is expected, which no flipped bit brings about.
    """

    def __init__(self, messages: Sequence[bytes] = ()) -> None:
        self.fields: list[Field] = []
        self._by_length: dict[int, list[bytes]] = {}
        self._short: list[bytes] = []
        for data in messages:
            self._take(read(data) or [], 0)

    def _take(self, fields: list[Field], depth: int) -> None:
        for field in fields:
            self.fields.append(field)
            if isinstance(field.value, bytes):
                held = self._by_length.setdefault(len(field.value), [])
                if field.value not in held:
                    held.append(field.value)
                    if len(field.value) <= _SHORT:
                        self._short.append(field.value)
                if depth < _DEEP:
                    self._take(read(field.value) or [], depth + 1)

    def other(self, value: bytes, rng: random.Random) -> bytes:
        """A known value of the same length, or for a short one a short one."""
        same = self._by_length.get(len(value), [])
        if len(same) > 1 and (len(value) > _SHORT or rng.random() < 0.5):
            return rng.choice(same)
        return rng.choice(self._short) if self._short and len(value) <= _SHORT else value


def mutate(data: bytes, rng: random.Random, stock: Stock | None = None) -> bytes:
    """One to four changes."""
    fields = read(data)
    if fields is None:
        return noise(data, rng)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        fields = _change(fields, rng, stock or _EMPTY, 0)
    return write(fields)


def _change(fields: list[Field], rng: random.Random, stock: Stock, depth: int) -> list[Field]:
    if fields and depth < _DEEP and rng.random() < 0.7:
        # Where most bytes are, most fields are.
        weights = [len(one.value) + 4 if isinstance(one.value, bytes) else 4 for one in fields]
        [at] = rng.choices(range(len(fields)), weights)
        inner = fields[at].value
        within = (
            read(inner) if isinstance(inner, bytes) and fields[at].wire_type == LENGTH and inner else None
        )
        if within:
            changed = replace(fields[at], value=write(_change(within, rng, stock, depth + 1)))
            return [*fields[:at], changed, *fields[at + 1 :]]
    return rng.choice(_CHANGES)(list(fields), rng, stock)


_Change = Callable[[list[Field], random.Random, Stock], list[Field]]


def _duplicate(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        at = rng.randrange(len(fields))
        copies = rng.choice((1, 1, 1, 2, 70))
        fields[at:at] = [fields[at]] * copies
    return fields


def _drop(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        del fields[rng.randrange(len(fields))]
    return fields


def _swap(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        a, b = rng.randrange(len(fields)), rng.randrange(len(fields))
        fields[a], fields[b] = fields[b], fields[a]
    return fields


def _insert(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    """Mostly one that the message may have, in its place; else one that no message has."""
    number = (
        rng.randint(1, 20) if rng.random() < 0.8 else rng.choice((0, 18999, 19000, 2**29 - 1, 2**29, 2**60))
    )
    kind = rng.choice((VARINT, VARINT, LENGTH, LENGTH, LENGTH, FIXED64, FIXED32, START, END, 6, 7))
    value: int | bytes = b"\1" * {FIXED64: 8, FIXED32: 4}.get(kind, rng.choice((0, 1, 32)))
    if kind in (VARINT, START, END):
        value = rng.choice((1, rng.choice(NUMBERS)))
    fields.insert(rng.randint(0, len(fields)), Field(number, kind, value))
    return sorted(fields, key=lambda one: one.number) if rng.random() < 0.8 else fields


def _value(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        at = rng.randrange(len(fields))
        held = fields[at].value
        if isinstance(held, int):
            fields[at] = replace(fields[at], value=_other(held, rng))
        else:
            known = rng.random() < 0.5
            fields[at] = replace(fields[at], value=stock.other(held, rng) if known else _bytes(held, rng))
    return fields


def _other(held: int, rng: random.Random) -> int:
    """A number that is odd, near, or of any length."""
    what = rng.randrange(3)
    if what == 0:
        return rng.choice(NUMBERS)
    if what == 1:
        return max(0, rng.choice((held - 1, held + 1, held * 2, held // 2, -held)))
    return rng.getrandbits(rng.choice((4, 8, 8, 16, 32, 63)))


def _bytes(held: bytes, rng: random.Random) -> bytes:
    what = rng.randrange(7)
    if what == 0:
        return rng.choice(_TEXTS)
    if what == 1:
        size = rng.choice(_SIZES)
        return (held * (size // max(1, len(held)) + 1))[:size] if held else bytes(size)
    if what == 2:
        return held[:-1]
    if what == 3:
        return held + rng.choice((b"\0", b"\x80", b" ", held))
    if what == 4:
        return bytes(len(held))
    return noise(held, rng)


def _lie(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        at = rng.randrange(len(fields))
        far = rng.choice((-1, 1, 2**20, 2**31, 2**32 - 1, 2**62, 2**63))
        longer = rng.choice(((0, 0), (1, 0), (0, 1), (0, 9)))
        lie = far if longer == (0, 0) else 0
        fields[at] = replace(fields[at], lie=lie, longer=longer)
    return fields


def _number(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        at = rng.randrange(len(fields))
        fields[at] = replace(fields[at], number=max(0, fields[at].number + rng.choice((-1, 1, 8, 32))))
    return fields


def _kind(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    """Another wire type: also packed numbers apart, or a single number packed."""
    if fields:
        at = rng.randrange(len(fields))
        field = fields[at]
        if isinstance(field.value, int):
            fields[at] = replace(
                field, wire_type=LENGTH, value=varint(field.value) * rng.choice((1, 2, 5000))
            )
        else:
            fields[at] = replace(field, wire_type=VARINT, value=rng.choice(NUMBERS))
    return fields


def _nest(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    if fields:
        at = rng.randrange(len(fields))
        value = fields[at].value
        inner = value if isinstance(value, bytes) else varint(value)
        for _ in range(rng.choice((1, 2, 9, 200))):
            inner = varint(fields[at].number << 3 | LENGTH) + varint(len(inner)) + inner
        fields[at] = replace(fields[at], wire_type=LENGTH, value=inner)
    return fields


def _splice(fields: list[Field], rng: random.Random, stock: Stock) -> list[Field]:
    given = stock.fields or fields
    if given:
        one = rng.choice(given)
        places = [at for at, field in enumerate(fields) if field.number == one.number]
        if places and rng.random() < 0.7:
            fields[rng.choice(places)] = one
        else:
            fields.insert(rng.randint(0, len(fields)), one)
    return fields


_EMPTY: Final = Stock()
_CHANGES: Final[tuple[_Change, ...]] = (
    *(_duplicate, _drop, _swap, _insert, _lie, _number, _kind, _nest, _splice, _splice),
    *(_value,) * 8,
)


def noise(data: bytes, rng: random.Random) -> bytes:
    """Flip, overwrite, cut or repeat some bytes."""
    out = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 8))):
        at = rng.randint(0, len(out))
        what = rng.randrange(5)
        if what == 0 and at < len(out):
            out[at] ^= 1 << rng.randrange(8)
        elif what == 1 and at < len(out):
            out[at] = rng.choice((0, 1, 0x7F, 0x80, 0xFF, rng.randrange(256)))
        elif what == 2:
            out[at:at] = rng.randbytes(rng.choice((1, 2, 8)))
        elif what == 3:
            del out[at : at + rng.choice((1, 2, 8, 64))]
        else:
            out[at:at] = out[at : at + rng.choice((1, 4, 32))]
    return bytes(out)
