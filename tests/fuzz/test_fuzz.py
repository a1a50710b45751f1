"""The fuzzer in the test run: regressions, 200,000 inputs, and planted defects that it has to find.

In processes of their own: what is fuzzed is instrumented, measured and sometimes killed.
"""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from mce_exchange.errors import MceError
from tests.fuzz.engine import CORPUS
from tests.fuzz.targets import DECLARED, TARGETS

ROOT = Path(__file__).resolve().parent.parent.parent


def fuzz(*arguments: str) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_every_parser_takes_200_000_inputs_and_raises_only_what_it_declares() -> None:
    code, told = fuzz("--inputs", "200000", "--seed", "1")
    assert code == 0, told
    total = re.search(r"^total (\d+) inputs, 0 defects", told, re.MULTILINE)
    assert total, told
    assert int(total[1]) >= 200_000
    for name in TARGETS:
        assert len(re.findall(rf"^{name} ", told, re.MULTILINE)) == 2, name


def test_every_planted_defect_is_found_by_every_engine() -> None:
    code, told = fuzz("--planted")
    assert code == 1, told
    assert "planted defects missed: 0" in told


def test_declared_errors_are_narrow_and_of_the_tree() -> None:
    for name, errors in DECLARED.items():
        assert all(issubclass(error, MceError) for error in errors), name
        # Whoever declares a base class declares everything below it.
        assert not any(error.__subclasses__() and error.__module__ != MceError.__module__ for error in errors)
        assert MceError not in errors, name


@pytest.mark.parametrize("path", sorted(CORPUS.iterdir()) if CORPUS.exists() else [], ids=lambda p: p.name)
def test_every_regression_file_has_a_target_and_a_name(path: Path) -> None:
    assert path.name in TARGETS
    for file in path.iterdir():
        assert not re.search(r"-[0-9a-f]{8}$", file.name), f"rename {file} for what was wrong"
