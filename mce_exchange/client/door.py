"""A home's own door: its key is exchanged while the node runs (SPEC section 8.7).

One `tls-keys` Statement lists the old certificate and the new one, and the relay admits both. Once the log
has it the node connects by the new one; when that has carried a call it is the home's door, and a second
Statement lists it alone. Each step is durable before the next, so a node that dies in between goes on.
"""

import asyncio
from dataclasses import replace
from typing import Final

from mce_exchange.client import keeping
from mce_exchange.client.identity import Identity
from mce_exchange.client.node import Node
from mce_exchange.client.relay import GrpcRelay
from mce_exchange.client.repin import Way
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import RefusedError, TransportError, UsageError
from mce_exchange.hotline import changing
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.statement import Statement
from mce_exchange.store import settings
from mce_exchange.store.home import Home

_NEXT: Final = "door/next"
_TYPE: Final = "tls-keys"
_SECONDS: Final = 10.0


def exchange(home: Home, identity: Identity, state: PublicState) -> Statement:
    """Make the next door's key and queue the Statement that lists it beside the one in use.

    Raises `UsageError` while an exchange is under way.
    """
    if home.publishing.unseen(_TYPE, state.size) or _admitted(home, identity, state):
        raise UsageError("the door is being exchanged already", remedy="let the node run; see `mce key list`")
    key, certificate = make_certificate()
    made = _listed(identity, state, home.settings.get(settings.DOOR), certificate)
    keeping.check(state, made.raw)
    with home.database.write():
        home.secrets.put(_NEXT, key)
        home.settings.put(settings.NEXT_DOOR, certificate)
        home.publishing.put(made)
    return made


async def keep_door(node: Node, relay: GrpcRelay, *, every: float) -> None:
    """As long as the node runs: go over to the next door once the relay admits it."""
    # A node that is started for a moment does not end half way.
    node.unfinished = lambda: _next_way(node) is not None
    while True:
        await asyncio.sleep(every)
        way = await node.run_home(_next_way, node)
        if way is not None:
            await _go_over(node, relay, way)


async def _go_over(node: Node, relay: GrpcRelay, way: Way) -> None:
    channel = way.channel()
    try:
        await GrpcRelay(channel, call_seconds=_SECONDS).checkpoint()
    except (TransportError, RefusedError):
        # Not yet, or the relay is away: the door in use is as good as before.
        await channel.close()
        return
    await node.run_home(_moved, node, way)
    await relay.use(channel, grace=_SECONDS)


def _admitted(home: Home, identity: Identity, state: PublicState) -> bytes | None:
    """The next door, if the log has it."""
    made = home.settings.find(settings.NEXT_DOOR)
    return made if made and made in state.certificates(identity.member) else None


def _next_way(node: Node) -> Way | None:
    if not node.follower.size:
        return None
    door = _admitted(node.home, node.identity, node.follower.state)
    return replace(Way.of(node.home), door_key=node.home.secrets.get(_NEXT), door=door) if door else None


def _moved(node: Node, way: Way) -> None:
    """The next door is the home's from here on, and the old one is listed no more."""
    home = node.home
    with home.database.write():
        home.secrets.put("door", way.door_key)
        home.secrets.destroy(_NEXT)
        home.settings.put(settings.DOOR, way.door)
        home.settings.put(settings.NEXT_DOOR, b"")
        home.publishing.put(_listed(node.identity, node.follower.state, way.door))


def _listed(identity: Identity, state: PublicState, *certificates: bytes) -> Statement:
    number = state.doors.get(identity.member, (0, ()))[0] + 1
    return changing.tls_keys(identity.author, number=number, certificates=certificates)
