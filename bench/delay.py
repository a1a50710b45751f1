"""Where the time goes between handing a message over and its being given to the application.

Sender, relay and recipient are processes of their own with their real homes; the stamps are of the
machine's one monotonic clock. No peer takes part: `bench.peers` compares the whole.
"""

import sys
import tempfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final

from bench.frame import Scale, Table, number
from bench.peers.figures import percentile
from bench.peers.ours import Ours

RATES: Final = (5.0, 50.0)
_STAGES: Final = {
    "stored": "sealed, signed, in the durable outbox",
    "submitted": "the node submits it",
    "receipt": "the relay has verified, stored and logged it; its receipt is back",
    "came": "the recipient's node has it (may be before the receipt is back)",
    "taken": "verified, opened, checked, stored there",
    "given": "given to the application",
}


def run(scale: Scale) -> list[Table]:
    """One table for each rate."""
    with tempfile.TemporaryDirectory(dir=sys.prefix, prefix="delay-") as folder:
        return [
            _table(rate, Ours().stages(Path(folder), rate, 4 if scale.tiny else int(rate * 6)))
            for rate in RATES
        ]


def _table(rate: float, found: Sequence[Mapping[str, float]]) -> Table:
    rows = []
    for (before, stage), words in zip(pairwise(["handed", *_STAGES]), _STAGES.values(), strict=True):
        rows.append([words, *_figures([one[stage] - one[before] for one in found])])
    rows.append(["in all", *_figures([one["given"] - one["handed"] for one in found])])
    return Table(
        title=f"Where the delay goes at {rate:.0f} messages a second",
        head=("until", "p50 ms", "p95 ms"),
        rows=rows,
        method=f"{len(found)} messages of 2 KiB to one recipient; each line from the end of the one before.",
    )


def _figures(seconds: Sequence[float]) -> list[str]:
    return [number(percentile([one * 1e3 for one in seconds], percent)) for percent in (50, 95)]
