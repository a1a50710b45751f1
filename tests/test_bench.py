"""Every benchmark still runs: once, with sizes so small that its figures mean nothing."""

import pytest

from bench.__main__ import PARTS, RESULTS, measure
from bench.frame import TINY


@pytest.mark.parametrize(
    "part", ["sealing", "attachments", "relay", "log", "audit", "growth", "delay", "peers"]
)
def test_a_benchmark_runs_with_tiny_sizes(part: str) -> None:
    tables = measure(part, TINY)
    assert tables
    assert all(table.rows for table in tables)


def test_every_part_has_its_place_in_the_results() -> None:
    text = RESULTS.read_text("utf-8")
    assert all(f"<!-- begin {part} -->\n" in text and f"<!-- end {part} -->" in text for part in PARTS)
