"""Verifying one header under a Directory that has had up to a thousand versions before it."""

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Final

from bench.frame import Goal, Scale, Table, interleave, number, timed
from bench.sealing import Ours
from mce_exchange import statement
from mce_exchange.directory import compose
from mce_exchange.directory.public import PublicState
from mce_exchange.hotline.receiving import judge
from tests.federation import NOW_MINUTES, ROOTS, signed

VERSIONS: Final = (1, 10, 100, 1_000)


def run(folder: Path, scale: Scale) -> Table:
    """A header sealed at version 1, judged under later ones; each version changes a member's telephone."""
    versions = VERSIONS[:2] if scale.tiny else VERSIONS
    ours = Ours()
    header = ours.seal(b"x" * 2048, 1).statement.raw
    states = {version: _state(ours, version) for version in versions}
    sides = [
        timed(
            number(version),
            partial(_judge, header, state, ours.members[0]),
            scale.seconds,
        )
        for version, state in states.items()
    ]
    found = interleave(sides, scale.rounds)
    first, last = number(versions[0]), number(versions[-1])
    return Table(
        title="Growth: Directory versions",
        head=("versions", "headers verified/s", "cost, times"),
        rows=[[name, number(one.median), number(found[first].over(one))] for name, one in found.items()],
        goals=[
            Goal(
                what=f"cost at {last} versions, times that at {first}",
                measured=found[first].over(found[last]),
                wanted=1.1,
                at_least=False,
            )
        ],
    )


def _judge(header: bytes, state: PublicState, me: str) -> None:
    # As at a recipient that has never seen these bytes: no signature is answered from memory.
    statement._decode_kept.cache_clear()
    judge(header, state=state, index=state.size, me=me)


def _state(ours: Ours, version: int) -> PublicState:
    federation = ours.federation
    state = federation.state
    while state.directory.version < version:
        current = state.directory
        changed = list(current.members.values())
        changed[0] = replace(changed[0], phone=f"+{current.version:09}")
        draft = replace(compose.Draft.of(current), members=changed)
        bundle = compose.successor(draft, current=current, now_minutes=NOW_MINUTES)
        bundle = signed(bundle, ROOTS[:2], network_id=federation.network_id)
        state = state.after(bundle.statement, members=bundle.members, index=state.size)
    return state
