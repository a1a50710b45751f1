"""Parsers with a planted defect, one of each kind that the harness says it finds. It has to find them all."""

import ctypes
from typing import Final

from mce_exchange import limits
from mce_exchange.errors import ContextError, SuiteError
from mce_exchange.header import Core
from tests.fuzz.target import BYTES, Target
from tests.fuzz.targets import TARGETS
from tests.fuzz.targets.formats import read
from tests.fuzz.wireform import noise

_HEADER: Final = TARGETS["header"]


def _core(data: bytes) -> Core:
    return read(data).core


def _key_error(data: bytes) -> None:
    """A table without a row for a value that every check lets pass."""
    rows = dict.fromkeys(range(100), "")
    rows[_core(data).deadline_class]


def _property(data: bytes) -> None:
    """What is accepted is not what is written again."""
    core = _core(data)
    assert core.lifetime_seconds >= 3600


def _memory(data: bytes) -> None:
    """Memory for what a length says, whatever is there."""
    size = int.from_bytes(data[:4], "big")
    assert len(b"\1" * min(size, 300 * limits.MIB)) >= 0


def _length(data: bytes) -> None:
    """More than there is."""
    size = int.from_bytes(data[:4], "big")
    assert len(bytes(size << 10)) >= 0


def _loop(data: bytes) -> None:
    """A length of zero that never gets further."""
    at = 0
    while at < len(data):
        at += data[at]


def _crash(data: bytes) -> None:
    """Native code that reads where it may not."""
    if len(data) > 2:
        ctypes.string_at(0)


def _header(name: str, run: object, **changes: object) -> Target:
    return Target(
        name=f"header: {name}",
        run=run,  # type: ignore[arg-type]  # one of the functions above
        errors=changes.get("errors", _HEADER.errors),  # type: ignore[arg-type]
        seeds=_HEADER.seeds,
        mutate=_HEADER.mutate,
        share=1,
    )


def _small(name: str, run: object) -> Target:
    return Target(
        name=name,
        run=run,  # type: ignore[arg-type]  # one of the functions above
        errors=(),
        seeds=lambda: (b"\0\0\0\1" if name != "crash" else b"", b"\1"),
        mutate=noise,
        share=1,
    )


PLANTED: Final = (
    (_header("key-error", _key_error), "KeyError"),
    (_header("property", _property), "AssertionError"),
    (_header("undeclared", _core, errors=(*BYTES, SuiteError)), ContextError.__name__),
    (_small("memory", _memory), "Memory"),
    (_small("length", _length), "MemoryError"),
    (_small("loop", _loop), "Time"),
    (_small("crash", _crash), "Death"),
)
"""Targets and the kind of defect that has to be found."""
