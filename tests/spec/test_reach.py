"""Each check of the reader is what refuses at least one vector: none stands there untested."""

import ast
import traceback
from pathlib import Path

from tests.reader.judge import judge
from tests.reader.refusal import RefusalError
from tests.reader.vectors import load

ROOT = Path(__file__).resolve().parents[1]
FAULTS = sorted((ROOT / "vectors" / "mce1" / "faults").glob("*/*.json"))
# The text of a check, and why no vector can meet it first.
EXEMPT = {
    "a Statement of": "type, body and blocks have caps of their own, which together are this one",
    "nested too deep": "no message of a signed body is nested as deep as the cap",
    "stands below": "a vector's state is always that of its index",
    "an id that counted before": "an evidence file reports it, as the good one does, and is not refused",
}


def checks() -> dict[tuple[str, int], str]:
    """Every line from which the reader refuses, and its words."""
    found = {}
    for path in (ROOT / "reader").glob("*.py"):
        text = path.read_text("utf-8")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("must", "RefusalError"):
                found[path.name, node.lineno] = ast.get_source_segment(text, node) or ""
    return found


def reached() -> set[tuple[str, int]]:
    found = set()
    for path in FAULTS:
        try:
            judge(load(path))
        except RefusalError as refused:
            cause: BaseException | None = refused
            while cause is not None:
                frames = traceback.extract_tb(cause.__traceback__)
                found |= {(Path(frame.filename).name, frame.lineno or 0) for frame in frames}
                cause = cause.__cause__
    return found


def test_every_check_refuses_a_vector() -> None:
    met = reached()
    missed = {
        f"{name}:{line} {words}"
        for (name, line), words in checks().items()
        if not any((name, line + more) in met for more in range(words.count("\n") + 1))
        and not any(text in words for text in EXEMPT)
    }
    assert missed == set()
