"""Every vector, by the library and by the reader: the same values, or the same code."""

from pathlib import Path
from typing import Any

import pytest

from mce_exchange.errors import MceError
from tests.reader.judge import judge as by_reader
from tests.reader.refusal import RefusalError
from tests.reader.vectors import Vector, load
from tests.spec.library import judge as by_library

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "mce1"
GOOD = sorted(FOLDER.glob("*.json"))
FAULTS = sorted((FOLDER / "faults").glob("*/*.json"))


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def merged(held: Any, derived: Any) -> Any:
    """`held` with what else was derived: the library need not give every value in between."""
    if isinstance(held, dict) and isinstance(derived, dict):
        return held | {key: merged(held.get(key), one) for key, one in derived.items()}
    if isinstance(held, list) and isinstance(derived, list) and len(held) == len(derived):
        return [merged(one, other) for one, other in zip(held, derived, strict=True)]
    return derived


def library_says(vector: Vector) -> tuple[str, str]:
    """Code, and of a Directory's fault the finer one."""
    try:
        by_library(vector)
    except MceError as error:
        cause = error.__cause__
        return error.code, cause.code if vector.cause and isinstance(cause, MceError) else vector.cause
    return "accept", ""


def reader_says(vector: Vector) -> tuple[str, str]:
    try:
        by_reader(vector)
    except RefusalError as refused:
        return refused.code, refused.cause if vector.cause else ""
    return "accept", ""


@pytest.mark.parametrize("path", GOOD, ids=_name)
def test_both_derive_every_value_of_a_good_vector(path: Path) -> None:
    vector = load(path)
    assert vector.values
    assert by_reader(vector) == vector.values
    assert merged(vector.values, by_library(vector)) == vector.values


@pytest.mark.parametrize("path", FAULTS, ids=_name)
def test_both_refuse_a_fault_with_its_code(path: Path) -> None:
    vector = load(path)
    expected = vector.expect, vector.cause
    assert (library_says(vector), reader_says(vector)) == (expected, expected)
