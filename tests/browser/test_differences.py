"""Library and browser on what nobody wrote by hand; and each of the page's defences, taken out."""

import inspect
import io
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from playwright.sync_api import Browser

from mce_exchange.audit.report import Report
from mce_exchange.audit.verify import Take, verify_evidence
from mce_exchange.errors import MceError
from tests.audit import case, test_evidence, test_stages
from tests.browser.chromium import chromium
from tests.browser.judging import FOLDER, Judge
from tests.reader.vectors import Vector, load
from tests.spec.library import judge as by_library
from tests.spec.test_bits import places, put

# The library's words and SPEC's.
NOT_SHOWN = ("no answer is shown", "not shown")
FLIPS = 6
# Of the files that one test of the library makes.
MOST = 25
ALIKE = ("evidence", "anchor", "checkpoint", "receipt", "consistency", "statement", "public", "directory")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


def flipped() -> Iterator[Vector]:
    """Good vectors, each with one bit of one of its artefacts flipped."""
    drawn = random.Random(6)
    for path in sorted(FOLDER.glob("*.json")):
        vector = load(path)
        if vector.kind not in ALIKE:
            continue
        where = list(places(vector.input))
        for _ in range(FLIPS):
            at, data = drawn.choice(where)
            changed = bytearray(data)
            changed[drawn.randrange(len(data))] ^= 1 << drawn.randrange(8)
            yield replace(vector, input=put(vector.input, at, changed.hex()))


def library_says(vector: Vector) -> str:
    try:
        by_library(vector)
    except MceError as error:
        return error.code
    return "accept"


def test_a_flipped_bit_is_judged_alike(browser: Browser, tmp_path: Path) -> None:
    vectors = list(flipped())
    said = Judge.opened(browser, tmp_path).of(vectors)
    wrong = [
        (vector.path.stem, ours, theirs)
        for vector, theirs in zip(vectors, said, strict=True)
        if (ours := library_says(vector)) != theirs["code"]
    ]
    assert wrong == []
    assert sum(one["code"] != "accept" for one in said) > 100


def scenarios() -> Iterator[Callable[[], None]]:
    """The library's own tests of evidence that ask for nothing."""
    for module in (test_evidence, test_stages):
        for name, test in vars(module).items():
            if name.startswith("test_") and not inspect.signature(test).parameters:
                yield test


def test_the_librarys_own_cases_are_judged_alike(
    browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    judged: list[tuple[bytes, bytes, Report | str]] = []

    def verify(stream: BinaryIO, *, network_id: bytes, take: Take | None = None) -> Report:
        file = stream.read()
        try:
            said = verify_evidence(io.BytesIO(file), network_id=network_id, take=take)
        except MceError as error:
            judged.append((file, network_id, error.code))
            raise
        judged.append((file, network_id, said))
        return said

    for module in (case, test_evidence):
        monkeypatch.setattr(module, "verify_evidence", verify)
    every: list[tuple[bytes, bytes, Report | str]] = []
    for scenario in scenarios():
        judged.clear()
        scenario()
        every += judged[:MOST]
    given = [
        {"kind": "evidence", "input": {"network_id": id_.hex(), "file": file.hex()}} for file, id_, _ in every
    ]
    found = Judge.opened(browser, tmp_path).call("judge", given)
    assert len(found) > 40
    for (_, _, ours), theirs in zip(every, found, strict=True):
        if isinstance(ours, str):
            assert theirs["code"] == ours, theirs
        else:
            assert theirs["code"] == "accept", theirs
            alike(ours, theirs["values"])


def alike(ours: Report, theirs: dict[str, Any]) -> None:
    """The same verdicts, answers and stages, whatever the words."""
    verdicts = {str(one.index): str(one.verdict) for one in ours.facts}
    verdicts |= {str(one.index): str(one.verdict) for one in ours.messages}
    assert theirs["verdicts"] == verdicts
    assert theirs["witnessed"] == ours.witnessed
    assert theirs["log_size"] == ours.log_size
    assert theirs["directory_version"] == ours.directory_version
    assert theirs["forks"] == [[one.older, one.newer] for one in ours.forks]
    assert theirs["disclosed"] == [
        {"header_id": one.header_id, "stream": one.stream, "sha256": one.sha256} for one in ours.disclosed
    ]
    answers = {one.header_id: dict(one.recipients) for one in ours.messages}
    assert theirs["answers"] == {
        id_: {member: re.sub(r", entry \d+", "", says).replace(*NOT_SHOWN) for member, says in places.items()}
        for id_, places in answers.items()
    }
    for message, steps in zip(ours.messages, theirs["steps"], strict=True):
        mine = [[s.entry, s.stage, s.event, s.author, s.recipient, str(s.verdict)] for s in message.steps]
        # A void is an entry of its own in the library's report, and a stage of the message too on the page.
        assert sorted(mine) == sorted(step for step in steps if step[1] != "void")
    for fact in ours.facts:
        for words in ("worth nothing", "refuted by entry", "it contests entry", "contested by"):
            assert (words in fact.says) == (words in theirs["said"][str(fact.index)]), fact


# A defence as it stands in the script, what is left of it, and the fault that then gets through.
CONTROLS = {
    "a key of small order": (
        "must(verifier.admits(ed25519),",
        "must(true,",
        "directory/key-small-order",
    ),
    "the Ed25519 half": ("must(classical, ", "must(true, ", "envelope/signature-ed25519-zeros"),
    "the ML-DSA half": ("must(quantum, ", "must(true, ", "envelope/signature-ml-dsa-zeros"),
    "a threshold": ("must(counts[at] >= asked,", "must(true,", "directory/threshold-one-of-two"),
    "one encoding": (
        "must(byte !== 0 || place === 0n,",
        "must(true,",
        "envelope/wire-value-not-minimal",
    ),
    "an inclusion proof": (
        'must(same(hash, root), "log", "an inclusion',
        'must(true, "log", "an inclusion',
        "log/receipt-proof-bit-flipped",
    ),
    "a disclosed root": ("must(ours, ", "must(true, ", "log/disclosure-another-plaintext"),
    "a fork's proof": (
        "await mustFollow({ size: older.size, root: fork.root }, newer, fork.proof);",
        "",
        "log/fork-proof-cut",
    ),
    "an auditor": ("must(!auditor,", "must(true,", "envelope/authority-an-auditor"),
    "a suspension": (
        "must(active && !state.isSuspended(key.holder),",
        "must(active,",
        "envelope/authority-suspended",
    ),
    "a quorum": ("n < 2 * k && k <= n)", "k <= n)", "directory/quorum-of-half"),
}


@pytest.mark.parametrize("name", CONTROLS)
def test_without_its_defence_a_fault_gets_through(browser: Browser, tmp_path: Path, name: str) -> None:
    old, new, fault = CONTROLS[name]
    vector = load(FOLDER / "faults" / f"{fault}.json")
    (said,) = Judge.opened(browser, tmp_path, (old, new)).of([vector])
    assert said["code"] != vector.expect, said
    assert not said["code"].startswith("fault"), said
