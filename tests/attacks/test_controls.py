"""Negative controls: a test that passes without the defence it is about shows nothing."""

import pytest

from tests.attacks.defences import DEFENCES
from tests.attacks.run import fails_without


@pytest.mark.parametrize("number", range(len(DEFENCES)), ids=lambda n: f"{DEFENCES[n].id}-{n}")
def test_the_attack_works_without_its_defence(number: int) -> None:
    assert fails_without(number)
