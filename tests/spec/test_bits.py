"""Any flipped bit of any artefact is refused, or changes nothing that was verified (the library)."""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mce_exchange.errors import MceError
from tests.reader.vectors import Vector, load
from tests.spec.library import judge

FOLDER = Path(__file__).resolve().parents[1] / "vectors" / "mce1"
GOOD = sorted(path for path in FOLDER.glob("*.json") if path.stem != "network")
# Every bit of what is at most this long; of longer bytes those at both ends, and some between.
WHOLE = 40
ENDS, BETWEEN = 12, {"envelope": 25, "evidence": 60, "directory": 20}
# Not an artefact: the recipient's own key, and what the reader pins.
OWN = {"x_wing_seed", "network_id"}


def places(given: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], bytes]]:
    """Where bytes stand in an input."""
    if isinstance(given, dict):
        for key, value in given.items():
            if key not in OWN and key != "recipient":
                yield from places(value, (*path, key))
    elif isinstance(given, list):
        for at, value in enumerate(given):
            yield from places(value, (*path, at))
    elif isinstance(given, str) and given:
        yield path, bytes.fromhex(given)


def bits(data: bytes, kind: str) -> list[int]:
    every = range(8 * len(data))
    if len(data) <= WHOLE:
        return list(every)
    ends = [*every[: 8 * ENDS], *every[-8 * ENDS :]]
    return ends[:: 9 if kind in BETWEEN else 1] + random.Random(len(data)).sample(
        every, BETWEEN.get(kind, 80)
    )


def put(given: Any, path: tuple[Any, ...], value: str) -> Any:
    if not path:
        return value
    first, *rest = path
    if isinstance(given, dict):
        return {**given, first: put(given[first], tuple(rest), value)}
    return [put(one, tuple(rest), value) if at == first else one for at, one in enumerate(given)]


def outcome(vector: Vector, by: Callable[[Vector], Any]) -> Any:
    try:
        return by(vector)
    except MceError:
        return None


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_a_flipped_bit_is_refused_or_changes_no_result(path: Path) -> None:
    vector = load(path)
    good = judge(vector)
    tried = 0
    for where, data in places(vector.input):
        for bit in bits(data, vector.kind):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            found = outcome(replace(vector, input=put(vector.input, where, flipped.hex())), judge)
            assert found in (None, good), json.dumps([where, bit])
            tried += 1
    assert tried > 60
