"""What hotlines write: case messages as bytes and as JSON, dates, text that people read."""

import json
import unicodedata
from functools import cache
from typing import Final

from mce_exchange import case
from mce_exchange.case.dates import read_edtf
from mce_exchange.errors import CaseError, UsageError
from mce_exchange.fingerprint import read_fingerprint, words
from mce_exchange.text import neutralise, one_line, safe_name
from tests.fuzz import mutate
from tests.fuzz.story import cases
from tests.fuzz.target import BYTES, MIB, Target

_JSON: Final = tuple(
    token.encode()
    for token in (
        *(
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "null",
            "true",
            "[" * 1000,
            '{"a":' * 1000,
            "1e400",
            "-0",
            "1.5",
            '""',
        ),
        *('"\\ud800"', '"\\u0000"', "NaN", "Infinity", '"9999-12-31T23:59:59Z"', '"0001-01-01T00:00:00Z"'),
        *('"2026-01-01T00:00:00.000000000000Z"', '"header"', '"unknown"', '"mask"', '"a,b"', '"AAAA"', "99"),
    )
)
_EDTF: Final = (b"2014", b"201X", b"-05", b"-31", b"~", b"?", b"%", b"/", b"0000", b"9999-12-31", b"..")
_TEXT: Final = (b"../", b"..\\", b"con", b".", b"CON.txt", b"lpt1", b"x" * 300, b"a.b", b"\xcc\x81", b"=1+1")


def _case(data: bytes) -> None:
    """As a recipient reads it: checked, shown, written again."""
    message = case.decode(data)
    case.has_unknown(message)
    shown = case.render(message)
    assert neutralise(shown) == shown
    if message.body is not None:
        assert case.decode(case.encode(message)) == message
        case.to_json(message)
    case.check_bytes(data)


def _json(data: bytes) -> None:
    """As `mce send` reads it."""
    message = case.from_json(data.decode(errors="surrogateescape"))
    if message.body is not None:
        assert case.from_json(case.to_json(message)) == message
    case.check(message)
    case.encode(message)


def _date(data: bytes) -> None:
    span = read_edtf(data.decode(errors="replace"), path="birth_date")
    assert span.first <= span.last
    assert data.isascii()


def _text(data: bytes) -> None:
    """Shown and used as a file name, nothing in it acts (threats H6, H11)."""
    text = data.decode(errors="surrogateescape")
    for shown in (neutralise(text), one_line(text)):
        assert not any(unicodedata.category(c) in {"Cc", "Cf", "Cs", "Co", "Cn"} for c in shown if c != "\n")
    assert "\n" not in one_line(text)
    name = safe_name(text, number=1)
    assert 0 < len(name.encode()) <= 130
    assert not set(name) & set('/\\:*?"<>|\0\n')
    assert name == name.strip(" .")
    assert name == unicodedata.normalize("NFC", name)


def _fingerprint(data: bytes) -> None:
    found = read_fingerprint(data.decode(errors="replace"))
    assert len(found) == 32
    assert read_fingerprint(found.hex()) == read_fingerprint(words(found)) == found


@cache
def _texts() -> tuple[bytes, ...]:
    return tuple(case.to_json(case.decode(one)).encode() for one in cases())


@cache
def _dates() -> tuple[bytes, ...]:
    return (b"2014", b"2014-05", b"2014-05-31", b"201X", b"2014~", b"2014-05?/2015-01-01%")


@cache
def _names() -> tuple[bytes, ...]:
    return tuple(
        name.encode()
        for name in (
            "photo.jpg",
            "../../x.pdf",
            "e\u0301.png",
            "con.txt",
            "a" * 200 + ".jpeg",
            "\u202egpj.exe",
        )
    )


@cache
def _fingerprints() -> tuple[bytes, ...]:
    return (bytes(32).hex().encode(), words(b"\x5a" * 32).encode())


@cache
def _name_tokens() -> tuple[bytes, ...]:
    """Every field name of a case message."""
    found: set[bytes] = set()
    held = [json.loads(text) for text in _texts()]
    while held:
        one = held.pop()
        if isinstance(one, dict):
            found |= {f'"{name}"'.encode() for name in one}
            held += one.values()
        elif isinstance(one, list):
            held += one
    return tuple(sorted(found))


TARGETS: Final = (
    Target(
        name="case",
        run=_case,
        errors=(*BYTES, CaseError),
        seeds=cases,
        mutate=mutate.wire(cases),
        share=700,
        longest=MIB,
    ),
    Target(
        name="case-json",
        run=_json,
        errors=(*BYTES, CaseError),
        seeds=_texts,
        mutate=mutate.text(_texts, _JSON),
        share=1000,
    ),
    Target(
        name="date",
        run=_date,
        errors=(CaseError,),
        seeds=_dates,
        mutate=mutate.text(_dates, _EDTF),
        share=12000,
        longest=1024,
    ),
    Target(
        name="text",
        run=_text,
        errors=(),
        seeds=_names,
        mutate=mutate.text(_names, _TEXT),
        share=3000,
        longest=512,
    ),
    Target(
        name="fingerprint",
        run=_fingerprint,
        errors=(UsageError,),
        seeds=_fingerprints,
        mutate=mutate.text(_fingerprints, (b"abandon", b"zoo", b"00", b"ff")),
        share=3000,
        longest=4096,
    ),
)
