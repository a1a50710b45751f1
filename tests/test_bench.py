"""Every benchmark still runs: once, with sizes so small that its figures mean nothing."""

import pytest

from bench.__main__ import measure
from bench.frame import TINY


@pytest.mark.parametrize(
    "part", ["sealing", "attachments", "relay", "log", "audit", "growth", "delay", "peers"]
)
def test_a_benchmark_runs_with_tiny_sizes(part: str) -> None:
    tables = measure(part, TINY)
    assert tables
    assert all(table.rows for table in tables)
