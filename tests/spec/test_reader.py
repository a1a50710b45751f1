"""The reader is independent of the library, and derives SPEC section 1 from the artefacts and seeds."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.reader import example

ROOT = Path(__file__).resolve().parents[2]
READER = ROOT / "tests" / "reader"
FOREIGN = {"cryptography", "nacl", "msgpack"}


@pytest.mark.parametrize("path", sorted(READER.glob("*.py")), ids=lambda path: path.name)
def test_the_reader_names_only_itself_and_public_libraries(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found = {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level:
            assert node.level == 1
            continue
        elif isinstance(node, ast.ImportFrom):
            found = {(node.module or "").partition(".")[0]}
        else:
            continue
        assert found <= FOREIGN | sys.stdlib_module_names


def test_the_reader_loads_nothing_of_the_library() -> None:
    modules = [f"tests.reader.{path.stem}" for path in READER.glob("*.py") if path.stem != "__main__"]
    script = (
        f"import importlib, sys\nfor name in {modules!r}: importlib.import_module(name)\n"
        "print([name for name in sys.modules if name.partition('.')[0] in"
        " ('mce_exchange', 'mce_relay', 'google', 'grpc')])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, check=True, text=True, cwd=ROOT
    )
    assert said.stdout.strip() == "[]"


def test_the_reader_prints_what_it_finds() -> None:
    folder = ROOT / "tests" / "vectors" / "mce1"
    names = [str(folder / "checkpoint.json"), str(folder / "faults" / "log" / "entry-version-2.json")]
    said = subprocess.run(
        [sys.executable, "-m", "tests.reader", *names], capture_output=True, check=True, text=True, cwd=ROOT
    ).stdout
    assert f"{names[0]}: accept" in said
    assert '"origin": "mce1/' in said
    assert f"{names[1]}: malformed (another form than an entry's)" in said


def test_the_worked_example_follows_from_its_artefacts_and_seeds() -> None:
    made = example.derive(ROOT / "tests" / "vectors" / "spec-example")
    spec = (
        (ROOT / "SPEC.md")
        .read_text("utf-8")
        .partition("<!-- begin example")[2]
        .partition("<!-- end example")[0]
    )
    shown = re.sub(r"\n +(?=[0-9a-f]+$)", "", spec, flags=re.MULTILINE)
    assert [name for name, value in made.values.items() if value.hex() not in shown] == []
    for note in made.notes:
        for line in note.decode().splitlines():
            assert f"  | {line[:140]}" in spec
    for kind, size in made.records:
        assert f"  {kind}, {size} bytes" in spec
    assert made.relay_clock
    assert made.report.witnesses == ()
    assert made.report.verdicts == {1: "valid", 2: "valid", 3: "valid", 4: "valid"}
    assert made.report.answers == {made.values["header id"].hex(): {"pt": "delivered"}}
