"""Every vector by the browser's verifier: the values that it gives, or the code of the library and reader."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.chromium import chromium
from tests.browser.judging import FOLDER, VECTORS, Judge
from tests.reader.vectors import Vector, load

# What no evidence file holds: wraps, what is under way, private keys. There the header is looked at alone.
BEYOND = ("opening-", "payload-", "wrap-", "re-wrap-")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    with chromium() as browser:
        yield Judge.opened(browser, tmp_path_factory.mktemp("judge"))


def judged(page: Judge, paths: list[Path]) -> list[tuple[Vector, dict[str, Any]]]:
    vectors = [one for one in map(load, paths) if one.kind not in ("network", "entry")]
    return list(zip(vectors, page.of(vectors), strict=True))


def shared(derived: Any, held: Any) -> Any:
    """Of what the vector holds, what the browser derives too."""
    if isinstance(derived, dict) and isinstance(held, dict):
        return {key: shared(one, held[key]) for key, one in derived.items() if key in held}
    if isinstance(derived, list) and isinstance(held, list) and len(derived) == len(held):
        return [shared(one, other) for one, other in zip(derived, held, strict=True)]
    return held


def readable(values: Any) -> Any:
    """Refusal codes stand as numbers in the vectors, as words in the browser."""
    return json.loads(
        json.dumps(values)
        .replace('"refused (prekey not held), not final"', '"refused 1"')
        .replace('"refused (by person)"', '"refused 7"')
    )


def test_every_good_vector_gives_its_values(page: Judge) -> None:
    found = judged(page, sorted(FOLDER.glob("*.json")))
    assert len(found) > 30
    for vector, said in found:
        assert said["code"] == "accept", (vector.path.name, said)
        values = readable(said["values"])
        told = {name: one for name, one in values.items() if name in vector.values}
        assert told == shared(told, vector.values), vector.path.name
        # More than an empty agreement.
        assert told or vector.kind in ("consistency", "receipt")


@pytest.mark.parametrize("folder", ["directory", "envelope", "log", "statement"])
def test_every_fault_is_refused_with_its_code(page: Judge, folder: str) -> None:
    found = judged(page, sorted((FOLDER / "faults" / folder).glob("*.json")))
    assert len(found) > 150
    wrong = {
        vector.path.stem: (vector.expect, said)
        for vector, said in found
        if said["code"] != (vector.expect if not beyond(vector) else "accept")
    }
    assert wrong == {}


def beyond(vector: Vector) -> bool:
    return vector.kind == "envelope" and vector.path.stem.startswith(BEYOND)


def test_e8_of_the_published_edge_cases_one_key_is_admitted_and_holds(page: Judge) -> None:
    cases = json.loads(gzip.decompress((VECTORS / "cctv" / "ed25519.json.gz").read_bytes()))
    given = [{"key": one["key"], "sig": one["sig"], "msg": one["msg"].encode().hex()} for one in cases]
    taken = page.call("holds", given)
    assert len(taken) == len(cases) == 914
    assert [one["flags"] for one, held in zip(cases, taken, strict=True) if held] == [None]
