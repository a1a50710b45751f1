"""Mutations that keep the form around what they change: tagged bodies, Statements, notes, text, records.

Each maker gives a function of an input and a random source. None signs: where an input has to get
past a signature, its target signs what an insider could have written (`world.sign`).
"""

import base64
import io
import random
from collections.abc import Callable, Sequence
from functools import cache
from typing import Final

import msgpack

from mce_exchange import limits, statement
from tests.fuzz import wireform
from tests.fuzz.target import Mutator, tagged, untagged
from tests.fuzz.wireform import noise

Seeds = Callable[[], Sequence[bytes]]

TEXT_TOKENS: Final = (
    *(
        b"\0",
        b"\n",
        b"\n\n",
        b"\r\n",
        b"\t",
        b" ",
        b"\x7f",
        b"\x1b[31m",
        b"\xff",
        b"\xc0\xaf",
        b"\xed\xa0\x80",
    ),
    *(
        t.encode()
        for t in ("\u00a0", "\u0663", "\u200b", "\u202e", "\u2028", "\ufeff", "e\u0301", "\U000e0001")
    ),
    *(b"0", b"-1", b"00", b"9" * 20, b"9" * 5000, b"1e999", b"NaN", b"=", b"A" * 300),
)


def wire(seeds: Seeds) -> Mutator:
    """A message on the wire."""
    stock = cache(lambda: wireform.Stock(seeds()))
    return lambda data, rng: wireform.mutate(data, rng, stock())


def tagged_wire(seeds: Seeds) -> Mutator:
    """A tagged message; now and then under another tag."""
    stock = cache(lambda: wireform.Stock([untagged(one)[1] for one in seeds()]))

    def change(data: bytes, rng: random.Random) -> bytes:
        name, body = untagged(data)
        if rng.random() < 0.02:
            name = untagged(rng.choice(seeds()))[0]
        return tagged(name, wireform.mutate(body, rng, stock()))

    return change


def framed(seeds: Seeds) -> Mutator:
    """Several tagged messages, each behind its length in four bytes."""
    parts = cache(lambda: tuple(part for one in seeds() for part in frames(one)))
    inner = tagged_wire(parts)

    def change(data: bytes, rng: random.Random) -> bytes:
        held = frames(data)
        if not held or rng.random() < 0.05:
            return noise(data, rng)
        at, what = rng.randrange(len(held)), rng.randrange(8)
        if what == 0:
            del held[at]
        elif what == 1:
            held.insert(at, rng.choice(held))
        elif what == 2:
            held.insert(at, rng.choice(parts()))
        elif what == 3:
            held.append(held.pop(at))
        else:
            held[at] = inner(held[at], rng)
        return frame(held)

    return change


def frames(data: bytes) -> list[bytes]:
    """The messages behind their lengths; the last may be cut short."""
    held, at = [], 0
    while at + 4 <= len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        held.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return held


def frame(parts: Sequence[bytes]) -> bytes:
    """The reverse."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def statements(seeds: Seeds) -> Mutator:
    """A framed Statement: its type, body, lengths and blocks."""
    stock = cache(lambda: wireform.Stock([statement.decode(one).body for one in seeds()]))

    def change(data: bytes, rng: random.Random) -> bytes:
        try:
            read = statement.decode(data)
        except Exception:  # not framed any more: bytes it is
            return noise(data, rng)
        type_, body, blocks = read.type, read.body, list(read.blocks)
        what = rng.randrange(8)
        if what < 3:
            body = wireform.mutate(body, rng, stock())
        elif what == 3:
            type_ = rng.choice((*statement.BODIES, "Header", "x", "x" * 33))
        elif what == 4:
            blocks = [rng.choice(blocks) for _ in range(rng.choice((0, 1, 2, 16, 17)))]
        elif what == 5:
            blocks.append(statement.decode(rng.choice(seeds())).blocks[0])
        elif what == 6:
            at = rng.randrange(len(blocks))
            blocks[at] = statement.Block(
                *(noise(part, rng)[: len(part)].ljust(len(part), b"\0") for part in _parts(blocks[at]))
            )
        raw = statement.Statement(type_, body[: 2**32 - 1], tuple(blocks[:255])).raw
        return noise(raw, rng) if what == 7 else raw

    return change


def _parts(block: statement.Block) -> tuple[bytes, bytes, bytes]:
    return block.signer, block.ed25519, block.ml_dsa_65


def text(seeds: Seeds, tokens: Sequence[bytes] = ()) -> Mutator:
    """Lines, and tokens that mean something somewhere."""
    known = (*TEXT_TOKENS, *tokens)

    def change(data: bytes, rng: random.Random) -> bytes:
        for _ in range(rng.choice((1, 1, 2, 4))):
            what = rng.randrange(6)
            if what == 0:
                data = _lines(data, rng, rng.choice(seeds()))
            elif what == 1:
                data = noise(data, rng)
            elif what == 2:
                data = data.replace(rng.choice(known), rng.choice(known), 1)
            elif what == 3:
                data = _digits(data, rng)
            else:
                at = rng.randint(0, len(data))
                cut = rng.choice((0, 0, 1, 4))
                token = rng.choice(known)
                times = rng.choice((1, 1, 1, 2, 300)) if len(token) < 16 else 1
                data = data[:at] + token * times + data[at + cut :]
        return data

    return change


def _lines(data: bytes, rng: random.Random, other: bytes) -> bytes:
    lines = data.split(b"\n")
    at = rng.randrange(len(lines))
    what = rng.randrange(4)
    if what == 0:
        lines.insert(at, lines[rng.randrange(len(lines))])
    elif what == 1:
        del lines[at]
    elif what == 2:
        lines[at] = rng.choice(other.split(b"\n"))
    else:
        to = rng.randrange(len(lines))
        lines[at], lines[to] = lines[to], lines[at]
    return b"\n".join(lines)


def _digits(data: bytes, rng: random.Random) -> bytes:
    """Another number where one stands."""
    places = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if not places:
        return data
    at = rng.choice(places)
    return data[:at] + str(rng.choice(wireform.NUMBERS)).encode() + data[at + 1 :]


def notes(seeds: Seeds) -> Mutator:
    """A signed note: its lines, and what the base64 at their ends holds."""
    lines = text(seeds, ("\u2014 ".encode(), b"w1 ", b"\n\n", b"+", b"=="))

    def change(data: bytes, rng: random.Random) -> bytes:
        if rng.random() < 0.5:
            return lines(data, rng)
        parts = data.split(b"\n")
        at = rng.randrange(len(parts))
        head, _, tail = parts[at].rpartition(b" ")
        try:
            held = base64.b64decode(tail, validate=True)
        except ValueError:
            return lines(data, rng)
        parts[at] = head + b" " * bool(head) + base64.b64encode(noise(held, rng))
        return b"\n".join(parts)

    return change


def records(seeds: Seeds) -> Mutator:
    """A stream of msgpack records `[kind, bytes]`: their order, kinds, messages and encodings."""

    def change(data: bytes, rng: random.Random) -> bytes:
        try:
            held = list(msgpack.Unpacker(io.BytesIO(data), max_buffer_size=limits.MIB * 64))
        except Exception:  # not msgpack any more
            return noise(data, rng)
        what = rng.randrange(7)
        at = rng.randrange(max(1, len(held)))
        if not held or what == 0:
            return noise(data, rng)
        one = held[at]
        if what == 1 and isinstance(one, list) and len(one) == 2 and isinstance(one[1], bytes):
            held[at] = [one[0], wireform.mutate(one[1], rng)]
        elif what == 2:
            del held[at]
        elif what == 3:
            held.insert(at, rng.choice(held))
        elif what == 4:
            to = rng.randrange(len(held))
            held[at], held[to] = held[to], held[at]
        elif what == 5:
            held[at] = rng.choice(_VALUES)
        elif isinstance(one, list) and one:
            held[at] = [rng.choice((*_VALUES, "end", "begin", "chunk", "statement")), *one[1:]]
        packed = [msgpack.packb(value) for value in held]
        if rng.random() < 0.1:
            packed.insert(at, rng.choice(_RAW))
        return b"".join(packed)

    return change


_VALUES: Final[tuple[object, ...]] = (
    [],
    {},
    None,
    True,
    -1,
    2**63,
    1.5,
    "x",
    "x" * 33,
    b"",
    [[]],
    [{}, b""],
    ["end", "x"],
    {"a": 1},
)
_RAW: Final = (
    b"\xdd\xff\xff\xff\xff",  # an array of 2^32 - 1
    b"\xdf\xff\xff\xff\xff",  # a map
    b"\x92\xa3end\xc6\xff\xff\xff\xff",  # a record of 4 GiB
    b"\xc9\xff\xff\xff\xff\x01",  # an extension
    b"\x92\xd9\x03end\xc4\x00",  # a longer form of a short text
    b"\x91" * 2000,  # nesting
    b"\xc1",
    b"\xd6\xff\x00\x00\x00\x00",  # a timestamp
)
