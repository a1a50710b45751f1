"""What a run gives: a flow, delays, arrivals. Times are of the machine's one monotonic clock."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """`messages` from the first handed over to the last acknowledged; `cpu`: seconds by process."""

    messages: int
    seconds: float
    cpu: Mapping[str, float] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Delays:
    """For each message milliseconds until it was given; `handing`: of these, until it was taken over."""

    given: Sequence[float]
    handing: Sequence[float] = ()

    def percentile(self, percent: int) -> float:
        """Of `given`."""
        return percentile(self.given, percent)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of a hundred do not exceed; of one value, itself."""
    if len(values) == 1:
        return values[0]
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]
