"""Every bound of the field table has a vector that breaks it, or a reason why it has none."""

import re
from pathlib import Path

from mce_exchange.fields import FIELDS
from tests.reader.schema import Field, messages
from tests.reader.vectors import load

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "mce1" / "faults"

REASONS = {
    "MemberCard.member": "a card is handed over by file before a network exists: client.joining reads it",
    "EvidenceDirectory.bundle": "14 MiB, and the cap of the record that holds it",
}


def _largest(message: str) -> int:
    """The most bytes that the bounds inside a message allow."""
    total = 0
    for field in messages()[message].values():
        if field.numeric:
            size = 1 if field.type == "bool" else len(_varint(field.high or 2**32 - 1))
        elif field.type in messages():
            size = min(field.high or 0, _largest(field.type))
        else:
            size = field.high or 0
        head = 1 + (field.number > 15)
        total += field.most * (size + head + (0 if field.numeric else len(_varint(size))))
    return total


def _varint(value: int) -> bytes:
    return bytes((value.bit_length() + 6) // 7 or 1)


def _caps() -> dict[str, list[str]]:
    """For each field, the words that a vector of each of its caps begins with."""
    found: dict[str, list[str]] = {}
    for message, fields in messages().items():
        for field in fields.values():
            name = f"{message}.{field.name}"
            found[name] = [f"{name} {words}" for words in _words(field)]
    return found


def _words(field: Field) -> list[str]:
    words = []
    if field.most > 1:
        words.append(f"stands {field.most + 1} times")
    if field.enum is not None:
        words.append("has a value that nobody knows")
    elif field.numeric and field.type != "bool" and field.high is not None:
        words.append("is one above its bound")
    elif not field.numeric and not (field.type in messages() and _largest(field.type) <= (field.high or 0)):
        words.append("is a byte longer than its bound")
    return words


def test_every_cap_has_a_vector_or_a_reason() -> None:
    said = {load(path).says for path in FOLDER.glob("*/*.json")}
    missing = {
        name: lacking
        for name, words in _caps().items()
        if name not in REASONS and (lacking := [one for one in words if one not in said])
    }
    assert missing == {}


def test_no_reason_stands_for_a_field_that_is_covered_or_gone() -> None:
    said = {load(path).says for path in FOLDER.glob("*/*.json")}
    caps = _caps()
    assert [name for name in REASONS if name not in caps or set(caps[name]) <= said] == []


def test_the_reader_has_the_bounds_of_the_library() -> None:
    ours = {name.removeprefix("mce_exchange.v1."): row for name, row in FIELDS.items()}
    for message, fields in messages().items():
        for field in fields.values():
            bound = ours[message][field.name]
            assert (bound.low, bound.least, bound.most) == (field.low, field.least, field.most)
            assert bound.high == (2**63 - 1 if field.high is None else field.high)


def test_every_expected_code_is_one_of_section_11() -> None:
    spec = (FOLDER.parents[3] / "SPEC.md").read_text("utf-8")
    codes = set(re.findall(r"^\| `(\w+)` \|", spec.partition("## 11 Errors")[2].partition("###")[0], re.M))
    assert {load(path).expect for path in FOLDER.glob("*/*.json")} <= codes


def test_there_are_as_many_faults_as_promised() -> None:
    count = {group.name: len(list(group.glob("*.json"))) for group in FOLDER.iterdir()}
    assert count["envelope"] >= 150
    assert count["directory"] >= 60
    assert count["log"] >= 60
