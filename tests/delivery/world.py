"""Real homes, nodes and relay over one bad network; and the properties of `README.md`, by their names."""

import asyncio
import functools
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mce_relay.core import Core
from mce_relay.values import PublishIn, RelayKeys, Settings

from mce_exchange import case
from mce_exchange import statement as statements
from mce_exchange.client.facade import Hotline
from mce_exchange.client.node import Node
from mce_exchange.errors import (
    DirectoryError,
    LogError,
    ProtocolError,
    RefusedError,
    TransportError,
    UsageError,
)
from mce_exchange.header import read_header
from mce_exchange.primitives import vault
from mce_exchange.store.home import Home
from mce_exchange.v1 import statement_pb2
from tests.delivery.crash import Killed, Life, MortalStore
from tests.delivery.network import Copy, Door, Network
from tests.federation import LOG, RELAY_KEY, Federation
from tests.node.conftest import PASSPHRASE, SCENARIO, Clock
from tests.node.conftest import World as Homes

DAY = 24 * 3600
MEMBERS = ("be", "pt")
STEPS: Final[Mapping[str, Callable[[Node], Awaitable[object]]]] = {
    "upload": lambda node: node._sending.upload(),
    "submit": lambda node: node._sending.submit(),
    "publish": lambda node: node._sending.publish(),
    "receive": lambda node: node._receive(),
    "fetch": lambda node: node._fetcher.next(),
    "anchors": lambda node: node._anchors(),
    "upkeep": lambda node: node._keep_up(),
}
"""One turn of each of a node's loops."""

# A home is opened after every death; its key costs a tenth of a second each time.
passphrase_key = functools.cache(vault.passphrase_key)


def scratch() -> tempfile.TemporaryDirectory[str]:
    """A folder, in memory where there is room: a death is a copy here, and no power is cut."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > 2**28
    return tempfile.TemporaryDirectory(prefix="mce-delivery-", dir=memory if roomy else None)


def relay(federation: Federation, life: Life, clock: Clock) -> Core:
    """The real core over one folder; it sweeps when told to."""
    return Core(
        data=life.folder,
        genesis=federation.genesis,
        keys=RelayKeys(signing=RELAY_KEY, log_ed25519=LOG[0], log_ml_dsa_44=LOG[1]),
        settings=Settings(sweep_interval=1e9, anchor_interval=DAY),
        clock=clock,
        store=MortalStore(life),
    )


class Template:
    """Folders to begin from, made once: homes that have joined, a relay whose log has their prekeys."""

    def __init__(self) -> None:
        self._folder = scratch()
        folder = Path(self._folder.name)
        self.homes = Homes(folder)
        self.federation = self.homes.federation
        asyncio.run(self._fill(relay(self.federation, Life(folder / "relay"), Clock())))

    async def _fill(self, core: Core) -> None:
        await core.start()
        await core.publish("relay", [PublishIn(raw) for raw in self.federation.raw[1:]])
        await core.close()


@functools.cache
def template() -> Template:
    """The one of this process."""
    return Template()


@dataclass
class Running:
    """One life of a hotline: `given` is what this life of the application was given."""

    home: Home
    node: Node
    hotline: Hotline
    door: Door
    given: set[str]


@dataclass(frozen=True)
class HandedOver:
    """A message whose `send` has returned, and when, by everybody's clock."""

    sender: str
    at: float


class World:
    """Everything, and what an observer who never dies has seen.

    `handed_over`: by id. `accepted_at`: what the relay has
    said is logged, by index. `answered`: what each application has answered for good.
    """

    def __init__(self, folder: Path) -> None:
        self.made = template()
        self.clock = Clock()
        self.lives = {name: Life(folder / name) for name in ("relay", *MEMBERS)}
        for name, life in self.lives.items():
            shutil.copytree(self.made.homes.folder / name, life.folder)
        self.running: dict[str, Running] = {}
        self.handed_over: dict[str, HandedOver] = {}
        self.accepted_at: dict[int, bytes] = {}
        self.answered: dict[str, set[str]] = {name: set() for name in MEMBERS}

    async def start(self) -> None:
        """The first life of all."""
        self.network = Network(await self._core(), self)
        for member in MEMBERS:
            self.open(member)

    async def _core(self) -> Core:
        core = relay(self.made.federation, self.lives["relay"], self.clock)
        await core.start()
        self.lives["relay"].live()
        return core

    def open(self, member: str) -> None:
        """A life of a hotline, from its disk."""
        home = Home.open(self.lives[member].folder, PASSPHRASE)
        self.lives[member].live()
        door = Door(self.network, member)
        node = Node(home, door, check=case.check_bytes, clock=self.clock)
        hotline = Hotline(node, catch_up_seconds=0, clock=self.clock)
        self.running[member] = Running(home=home, node=node, hotline=hotline, door=door, given=set())

    async def close(self) -> None:
        """The end of all."""
        for one in self.running.values():
            one.node.close()
            one.home.close()
        await self.network.core.close()

    # Deaths.

    async def bury(self) -> None:
        """Whoever has died lives again from its disk."""
        for member in MEMBERS:
            if self.lives[member].dead:
                old = self.running.pop(member)
                old.node.close()
                old.home.close()
                self.open(member)
        if self.lives["relay"].dead:
            await self.network.core.close()
            self.network.core = await self._core()
            await self.accepted_is_logged()

    async def crash(self, name: str) -> None:
        """Between two acts."""
        self.lives[name].die()
        await self.bury()

    # Acts. Each ends with everybody alive.

    async def act(self, member: str, step: str, *, strict: bool = False) -> None:
        """One turn of one of the node's loops, which waits out trouble with the relay; none if `strict`."""
        node = self.running[member].node
        node.trouble = None
        try:
            await STEPS[step](node)
        except Killed:
            pass
        except (DirectoryError, LogError, ProtocolError, RefusedError, TransportError) as error:
            node.trouble = error
        if strict and node.trouble:
            raise node.trouble
        await self.bury()

    async def hand_over(self, sender: str, to: str, attachments: list[Path]) -> None:
        """`send`; what it returned is promised."""
        try:
            id_ = await self.running[sender].hotline.send(
                SCENARIO.update(), to=[to], attachments=list(attachments)
            )
        except (Killed, UsageError):
            # Dead before it was told, or a peer whose keys are too old: telephone them.
            pass
        else:
            self.handed_over[id_] = HandedOver(sender, self.clock.now)
        await self.bury()

    async def look(self, member: str) -> None:
        """The application takes all that waits for it."""
        one = self.running[member]
        waiting = one.home.inbox.count("ready")
        inbox = one.hotline.inbox()
        for _ in range(waiting):
            item = await anext(inbox)
            self.given_until_acknowledged(member, item.id)
            one.given.add(item.id)
        await inbox.aclose()  # type: ignore[attr-defined]  # an async generator

    async def answer(self, member: str, *, accept: bool) -> None:
        """The application answers the first of what this life of it was given."""
        one = self.running[member]
        if not one.given:
            return
        id_ = min(one.given)
        one.given.discard(id_)
        with suppress(Killed):
            await (one.hotline.acknowledge(id_) if accept else one.hotline.refuse(id_))
            self.answered[member].add(id_)
        await self.bury()
        # A life that died of its answer may have made it durable.
        if self.state(member, id_) != "ready":
            self.answered[member].add(id_)

    async def copy_arrives(self, copy: Copy) -> None:
        """A request that was sent once, now or again; nobody waits for the answer."""
        with suppress(TransportError):
            await self.network.arrive(copy)
        await self.bury()

    async def days_pass(self, days: int) -> None:
        """And the relay does what has become due."""
        self.clock.now += days * DAY
        await self.network.core.sweep()

    async def lose_newest_prekey(self, member: str) -> None:
        """Its private half, that is."""
        one = self.running[member]
        newest = one.node.follower.state.prekey(member)
        if newest:
            await one.node.run_home(one.home.secrets.destroy, f"prekey/{newest.id.hex()}")

    def followed_to(self, member: str) -> int:
        """The size of the log as a node has followed it."""
        return self.running[member].node.follower.size

    def state(self, member: str, id_: str) -> str:
        """Of a message at its recipient, as its disk has it."""
        found = self.running[member].home.inbox.find(bytes.fromhex(id_))
        return found.state if found else "absent"

    # What is seen to pass.

    async def leaves(self, member: str, statement: bytes) -> None:
        """See `Watch`."""
        body = statements.decode(statement)
        if body.type == "delivered":
            for item in statements.body(body, statement_pb2.Delivered).items:
                await self._delivered_is_durable_first(member, item.header_id)

    def accepted(self, index: int, statement: bytes) -> None:
        """See `Watch`."""
        assert self.accepted_at.setdefault(index, statement) == statement, "accepted_is_logged"

    # The properties.

    def handed_over_is_durable(self) -> None:
        for id_, one in self.handed_over.items():
            assert self.running[one.sender].home.outbox.find(bytes.fromhex(id_)), "handed_over_is_durable"

    async def accepted_is_logged(self) -> None:
        for index, statement in self.accepted_at.items():
            entry = await self.network.core.entries(index, 1)
            assert entry[2:] == statements.decode(statement).digest, "accepted_is_logged"

    def followed(self) -> None:
        """`followed_is_held` and `ours_in_the_log_is_known`, for all that was ever answered for."""
        for index, statement in self.accepted_at.items():
            decoded = statements.decode(statement)
            if decoded.type != statements.HEADER:
                continue
            core, id_ = read_header(decoded).core, decoded.id(self.made.federation.network_id)
            for member in MEMBERS:
                one = self.running[member]
                if self.followed_to(member) <= index:
                    continue
                if member == core.sender:
                    sent = one.home.outbox.find(id_)
                    assert sent, "ours_in_the_log_is_known"
                    assert sent.state == "accepted", "ours_in_the_log_is_known"
                else:
                    assert one.home.inbox.find(id_), "followed_is_held"

    async def _delivered_is_durable_first(self, member: str, header_id: bytes) -> None:
        one = self.running[member]
        found = await one.node.run_home(one.home.inbox.find, header_id)
        assert found, "delivered_is_durable_first"
        assert found.state == "acknowledged", "delivered_is_durable_first"

    def given_until_acknowledged(self, member: str, id_: str) -> None:
        assert id_ not in self.answered[member], "given_until_acknowledged"
