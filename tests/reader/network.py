"""The network of the vectors: its log, the state before each index, its origin."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import chain
from .framing import Statement, parse
from .refusal import RefusalError
from .state import State
from .vectors import load


@dataclass(frozen=True)
class Network:
    """Every entry, and the state that the entries below each index build."""

    network_id: bytes
    entries: tuple[Statement, ...]
    members: tuple[tuple[bytes, ...], ...]
    states: tuple[State, ...]

    @property
    def origin(self) -> str:
        return f"mce1/{self.network_id.hex()}"

    @property
    def state(self) -> State:
        """After the last entry."""
        return self.states[-1]

    def before(self, index: int) -> State:
        """After the entries below `index`."""
        return self.states[min(index, len(self.states)) - 1]


def _after(last: State, one: Statement, members: tuple[bytes, ...], index: int) -> State:
    """What does not count is passed over."""
    try:
        return last.after(one.raw, members, index) if one.log_class else last
    except RefusalError:
        return last


@functools.cache
def read(folder: Path) -> Network:
    given: dict[str, Any] = load(folder / "network.json").input
    network_id = bytes.fromhex(given["network_id"])
    entries = tuple(parse(bytes.fromhex(one["statement"])) for one in given["log"])
    members = tuple(tuple(map(bytes.fromhex, one.get("members", []))) for one in given["log"])
    states = [State(chain.open_genesis(entries[0].raw, members[0], network_id))]
    for index, one in enumerate(entries[1:], 1):
        last = states[-1]
        states.append(_after(last, one, members[index], index))
    return Network(network_id, entries, members, tuple(states))
