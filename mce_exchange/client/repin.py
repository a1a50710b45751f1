"""Where the relay is, and behind which door: what the Directories say (SPEC sections 8.7, 9.10).

A relay that has given its log away says so, and hands out the Directory that names the next. Over an
unpinned certificate a node fetches Directories and does nothing else. If they hold, one after the
other from the newest that this home knows, the relay that the last of them names is pinned, and the
node connects there as ever. Anything else stays what it was: a relay not to be trusted, and
`diagnose` says so.
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
from mce_exchange.directory.model import Relay as Named
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import MceError, RefusedError
from mce_exchange.primitives import tls
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from mce_exchange.v1 import relay_pb2 as pb
from mce_exchange.v1 import relay_pb2_grpc

_SECONDS: Final = 20.0


@dataclass(frozen=True)
class Way:
    """How a home reaches its relay: the key (PEM) of its own door, its certificate, the pinned one (DER).

    `named`: the Directory version that this way comes from, and the address in it, which a person may have
    replaced by another.
    """

    address: str
    proxy: str
    door_key: bytes
    door: bytes
    pinned: bytes
    named: tuple[int, str] | None

    @classmethod
    def of(cls, home: Home) -> Self:
        """As the home has it now."""
        return cls(
            address=home.settings.text(settings.RELAY_ADDRESS),
            proxy=(home.settings.find(settings.PROXY) or b"").decode(),
            door_key=home.secrets.get("door"),
            door=home.settings.get(settings.DOOR),
            pinned=home.settings.get(settings.RELAY_CERTIFICATE),
            named=_read_named(home.settings.find(settings.RELAY_NAMED)),
        )

    def to(self, relay: Named, version: int) -> Self:
        """The way to the relay that a Directory version names; an address of a person's own stays."""
        same = self.named is not None and self.named[1] == relay.address
        return replace(
            self,
            address=self.address if same else relay.address,
            pinned=self.pinned if self.pinned in relay.certificates else relay.certificates[-1],
            named=(version, relay.address),
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


def _read_named(value: bytes | None) -> tuple[int, str] | None:
    version, _, address = (value or b"").decode().partition(" ")
    return (int(version), address) if version.isdecimal() else None


async def follow_relay(node: Node, relay: GrpcRelay, *, every: float) -> None:
    """As long as the node runs: go where the newest Directory says that the relay is."""
    looked_at: Directory | None = None
    while True:
        await asyncio.sleep(every)
        directory, trouble = node.follower.state.directory, node.trouble
        moved = isinstance(trouble, RefusedError) and trouble.reason == "moved"
        if relay.reached and not moved and directory is looked_at:
            continue
        way = await node.run_home(Way.of, node.home)
        found = _followed(directory, way)
        if found == way and moved:
            found = await _told(directory, way) or way
        elif found == way and not relay.reached:
            shown = await asyncio.to_thread(_shown, way)
            if shown is not None:
                found = await _told(directory, replace(way, pinned=shown)) or way
        looked_at = directory
        if found != way:
            await node.run_home(_pin, node.home, found)
            if (found.address, found.pinned) != (way.address, way.pinned):
                await relay.use(found.channel())


def _followed(directory: Directory, way: Way) -> Way:
    """Where the log itself says that the relay is, if it says so anew."""
    relay = _living(directory)
    if relay is None or (way.named is not None and directory.version <= way.named[0]):
        return way
    if way.named is None or way.named[1] == relay.address:
        return replace(way, named=(directory.version, relay.address))
    return way.to(relay, directory.version)


async def _told(directory: Directory, asked: Way) -> Way | None:
    """Where the Directories handed out over `asked` say that the relay is; None if they do not hold.

    One that shows a door of its own is believed if the newest Directory names that door.
    """
    request = pb.GetDirectoriesRequest(from_version=directory.version + 1)
    try:
        async with asked.channel() as channel:
            call = relay_pb2_grpc.RelayServiceStub(channel).GetDirectories(
                request, timeout=_SECONDS, wait_for_ready=True
            )
            async for one in call:
                bundle = Bundle(one.bundle.statement, tuple(one.bundle.members))
                directory = trust.open_next(directory, bundle, index=one.index)
    except (grpc.aio.AioRpcError, MceError):
        return None
    relay = _living(directory)
    if asked.named is not None and directory.version < asked.named[0]:
        # What a newer one has replaced is nobody's relay any more, whoever has its keys.
        return None
    # Of two doors during an exchange, the one that is shown.
    return asked.to(relay, directory.version) if relay is not None else None


def _living(directory: Directory) -> Named | None:
    living = [one for one in directory.relays.values() if not one.life.removed]
    return living[-1] if living else None


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


def _pin(home: Home, way: Way) -> None:
    version, address = way.named or (0, "")
    with home.database.write():
        home.settings.put(settings.RELAY_ADDRESS, way.address)
        home.settings.put(settings.RELAY_CERTIFICATE, way.pinned)
        home.settings.put(settings.RELAY_NAMED, f"{version} {address}")
