"""Counts and times for the operator: by call and outcome, never by content. Off unless configured."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, start_http_server

from mce_exchange.errors import UsageError

_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0)


class PrometheusMetrics:
    """The core's counters and the calls', in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter("mce_relay_events", "What the core counted", ["name"], registry=self.registry)
        self._calls = Counter(
            "mce_relay_calls", "Calls by method and status", ["method", "code"], registry=self.registry
        )
        self._seconds = Histogram(
            "mce_relay_call_seconds",
            "Seconds of unary calls",
            ["method"],
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def count(self, name: str, amount: int = 1) -> None:
        """Add to a counter of the core."""
        self._events.labels(name).inc(amount)

    def called(self, method: str, code: str, seconds: float) -> None:
        """A unary call has ended."""
        self._calls.labels(method, code).inc()
        self._seconds.labels(method).observe(seconds)

    def serve(self, address: str) -> None:
        """Answer Prometheus at host:port; `UsageError` if that cannot be."""
        host, _, port = address.rpartition(":")
        try:
            start_http_server(int(port), host, registry=self.registry)
        except (OSError, ValueError):
            raise UsageError(f"no metrics can be served at {address!r}") from None
