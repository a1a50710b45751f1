"""Negative controls: a test that passes without the defence it is about shows nothing."""

import pytest

from tests.attacks.defences import DEFENCES
from tests.attacks.run import FAILS, outcome
from tests.attacks.table import faults, rows


def test_every_attack_has_its_test_and_its_control() -> None:
    assert list(faults()) == []
    assert len(rows()) >= 30


@pytest.mark.parametrize("number", range(len(DEFENCES)), ids=lambda n: f"{DEFENCES[n].id}-{n}")
def test_the_attack_works_without_its_defence(number: int) -> None:
    assert outcome(number) == FAILS
