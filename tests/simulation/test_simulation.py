"""Histories: every misdeed its alarm in time, no false one, nothing lost, nothing forged taken."""

from collections.abc import Iterator

import pytest

from tests.simulation.misdeeds import CATALOGUE
from tests.simulation.running import Runs, runs

SEEDS = 250
AT_ONCE = 50


@pytest.fixture(scope="module")
def played() -> Iterator[Runs]:
    with runs() as found:
        yield found


@pytest.mark.parametrize("first", range(1, SEEDS + 1, AT_ONCE))
def test_histories_of_a_relay_that_lies(played: Runs, first: int) -> None:
    told = [one for seed in range(first, first + AT_ONCE) if (one := played.told(seed))]
    assert not told, "\n".join(told)


@pytest.mark.parametrize("misdeed", CATALOGUE)
def test_each_misdeed_is_noticed_alone(played: Runs, misdeed: str) -> None:
    told = [one for seed in range(1, 4) if (one := played.told(seed, [misdeed]))]
    assert not told, "\n".join(told)
