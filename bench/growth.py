"""Whether anything costs more as more is kept: at the relay, at a node, and in Directory versions.

The relay's cost a message is taken in one process without gRPC, so that nothing hides growth; its memory is
that of its own process while every member reads a backlog at once. How stores are filled: `bench.fill`,
`bench.growth_node`.
"""

import tempfile
from pathlib import Path

from bench import growth_directory, growth_node, growth_relay
from bench.frame import Scale, Table


def run(scale: Scale) -> list[Table]:
    """All tables."""
    tables = []
    for part in (growth_relay.cost, growth_relay.memory, growth_node.run, growth_directory.run):
        with tempfile.TemporaryDirectory(prefix="bench") as folder:
            tables.append(part(Path(folder), scale))
    return tables
