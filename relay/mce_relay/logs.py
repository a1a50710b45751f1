"""Structured logs: one JSON object a line, on stderr, with ids, sizes and reasons only (threat H10).

Every key that is not on the list is dropped, so a mistake elsewhere cannot put content into a log.
"""

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

ALLOWED: Final = frozenset(
    {"event", "level", "timestamp", "member", "method", "code", "reason", "size", "index", "seconds"}
    | {"address", "version", "relay", "error", "fault"}
)
_LONGEST: Final = 200


def _only_allowed(logger: object, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    kept = {key: value for key, value in event.items() if key in ALLOWED}
    return {
        key: value[:_LONGEST] if isinstance(value, str) else value
        for key, value in kept.items()
        if isinstance(value, str | int | float)
    }


def configure(level: str = "info") -> None:
    """For the whole process."""
    # The libraries' own loggers would write what they please; ours is the only one that speaks.
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _only_allowed,
            structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def logger() -> Any:
    """The relay's logger: `logger().info("started", address=...)`."""
    return structlog.get_logger()
