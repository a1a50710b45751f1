"""What a target is, and the form of its inputs where one parser serves many types."""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mce_exchange import limits
from mce_exchange.errors import (
    ContextError,
    DecryptionError,
    LimitError,
    LogError,
    MalformedError,
    MceError,
    SignatureError,
    SuiteError,
)

Errors = tuple[type[MceError], ...]
Mutator = Callable[[bytes, random.Random], bytes]

BYTES: Final[Errors] = (MalformedError, LimitError)
"""What a parser of one message says of bytes that are none."""
SIGNED: Final[Errors] = (MalformedError, LimitError, SuiteError, SignatureError, ContextError)
"""What judging a Statement may add to it."""
NOTED: Final[Errors] = (MalformedError, LimitError, ContextError, LogError)
"""What opening a checkpoint or an anchor may raise."""
OPENED: Final[Errors] = (ContextError, DecryptionError)
"""What opening a message may raise once a private key is in play."""

MIB: Final = limits.MIB


@dataclass(frozen=True, kw_only=True)
class Target:
    """A parser under test.

    `run` takes an input and returns if it is accepted; whatever it raises besides `errors` is a defect,
    an `AssertionError` about what it accepted too. `seeds` are good: each is accepted. `share` is its
    part of all inputs: as many as keep the whole run even, so cheap parsers get most. `longest` is the
    most bytes of one.
    """

    name: str
    run: Callable[[bytes], object]
    errors: Errors
    seeds: Callable[[], Sequence[bytes]]
    mutate: Mutator
    share: int
    longest: int = 64 * limits.KIB


def tagged(name: str, body: bytes) -> bytes:
    """An input for one of several types: `name`, a zero byte, the bytes."""
    return name.encode() + b"\0" + body


def untagged(data: bytes) -> tuple[str, bytes]:
    """The reverse; any bytes have one."""
    name, _, body = data.partition(b"\0")
    return name.decode("ascii", "replace"), body


def declared(targets: Iterable[Target]) -> Mapping[str, Errors]:
    """The table of declared errors, for other tests."""
    return {target.name: target.errors for target in targets}
