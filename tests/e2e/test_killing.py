"""Promise 10 on real processes: 50 kills under load lose nothing and double nothing (threats R4, R5)."""

import secrets
from pathlib import Path

import pytest

from tests.e2e.killing import VICTIMS, Killing, Record, judge


def test_r4_r5_fifty_kills_under_load(tmp_path: Path) -> None:
    seed = secrets.randbelow(10**9)
    killing = Killing(tmp_path, seed)
    problems = killing.run(50)
    assert not problems, f"seed {seed}: {problems[:20]}"
    assert killing.kills.total() == 50
    assert set(killing.kills) == set(VICTIMS)
    # Under load: nearly every kill met messages on their way.
    assert sum(one > 0 for one in killing.in_flight) > 40, killing.summary()


@pytest.mark.parametrize(
    "recipient, problem",
    [
        ([], "1 was handed over and is lost"),
        ([("given", "1")], "1 was handed over and is lost"),
        ([("given", "1"), ("acknowledged", "1"), ("given", "1")], "1 was given after its acknowledgement"),
        ([("given", "1"), ("acknowledged", "1"), ("acknowledged", "1")], "1 was acknowledged twice"),
    ],
)
def test_what_is_lost_or_doubled_is_seen(recipient: Record, problem: str) -> None:
    assert judge([("sent", "1")], recipient) == [problem]


def test_given_again_until_it_is_acknowledged_is_no_problem() -> None:
    assert judge([("sent", "1")], [("given", "1"), ("given", "1"), ("acknowledged", "1")]) == []
