"""A relay that shows another certificate than the pinned one (SPEC section 8.7).

Over an unpinned certificate a node fetches Directories and does nothing else. If they hold, one after
the other from the newest that this home knows, and the last of them names what the relay shows, that
is pinned, and the node connects again as ever. Anything else stays what it was: a relay not to be
trusted, and `diagnose` says so.
"""

import asyncio
import ssl
from dataclasses import dataclass, replace
from typing import Final, Self

import grpc

from mce_exchange.client.address import read_address
from mce_exchange.client.channel import open_channel
from mce_exchange.client.diagnose import ProxyError, connect
from mce_exchange.client.node import Node
from mce_exchange.client.relay import GrpcRelay
from mce_exchange.directory import trust
from mce_exchange.directory.model import Directory
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import MceError
from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import relay_pb2_grpc

_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Way:
    """How a home reaches its relay: the key (PEM) of its own door, its certificate, the pinned one (DER)."""

    address: str
    proxy: str
    door_key: bytes
    door: bytes
    pinned: bytes

    @classmethod
    def of(cls, home: Home) -> Self:
        """As the home has it now."""
        return cls(
            address=home.settings.text(settings.RELAY_ADDRESS),
            proxy=(home.settings.find(settings.PROXY) or b"").decode(),
            door_key=home.secrets.get("door"),
            door=home.settings.get(settings.DOOR),
            pinned=home.settings.get(settings.RELAY_CERTIFICATE),
        )

    def channel(self) -> grpc.aio.Channel:
        """A channel to the relay behind the pinned certificate, and to nobody else."""
        return open_channel(
            self.address,
            relay_certificate=self.pinned,
            door_key=self.door_key,
            door=self.door,
            proxy=self.proxy or None,
        )


async def follow_door(node: Node, relay: GrpcRelay, *, every: float) -> None:
    """As long as the node runs: whenever the relay is not reached, look whether it has another door now."""
    while True:
        await asyncio.sleep(every)
        if not relay.reached:
            way = await node.run_home(Way.of, node.home)
            shown = await asyncio.to_thread(_shown, way)
            if shown is not None and await _is_named(node, replace(way, pinned=shown)):
                await node.run_home(_pin, node.home, shown)
                await relay.use(replace(way, pinned=shown).channel())


def _shown(way: Way) -> bytes | None:
    """The certificate (DER) that the relay shows, if it is a door's and not the pinned one."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # Whose it is, is for the Directories to say; nothing is sent here.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        host, port = read_address(way.address)
        with connect(host, port, way.proxy) as plain, context.wrap_socket(plain) as door:
            shown = door.getpeercert(binary_form=True)
    except (OSError, ValueError, MceError, ProxyError):
        return None
    if shown is None or shown == way.pinned or not tls.is_certificate(shown):
        return None
    return shown


async def _is_named(node: Node, unpinned: Way) -> bool:
    directory = node.follower.state.directory
    if _names(directory, unpinned.pinned):
        return True
    request = pb.GetDirectoriesRequest(from_version=directory.version + 1)
    try:
        async with unpinned.channel() as channel:
            call = relay_pb2_grpc.RelayServiceStub(channel).GetDirectories(
                request, timeout=_SECONDS, wait_for_ready=True
            )
            async for one in call:
                bundle = Bundle(one.bundle.statement, tuple(one.bundle.members))
                directory = trust.open_next(directory, bundle, index=one.index)
    except (grpc.aio.AioRpcError, MceError):
        return False
    return _names(directory, unpinned.pinned)


def _names(directory: Directory, shown: bytes) -> bool:
    living = (relay for relay in directory.relays.values() if not relay.life.removed)
    return any(shown in relay.certificates for relay in living)


def _pin(home: Home, shown: bytes) -> None:
    with home.database.write():
        home.settings.put(settings.RELAY_CERTIFICATE, shown)
