"""Random histories of real nodes and a real relay over a bad network, with deaths: README.md's properties."""

import asyncio
from collections.abc import Coroutine
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from unittest import mock

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from mce_exchange.client.pace import Later
from mce_exchange.primitives import vault
from tests.delivery import ending
from tests.delivery.crash import Moment, mortal_homes
from tests.delivery.network import Fault
from tests.delivery.world import MEMBERS, STEPS, World, passphrase_key, scratch

PEER = {"be": "pt", "pt": "be"}
member = st.sampled_from(MEMBERS)
dies = st.sampled_from([None] * 12 + list(Moment))
fault = st.sampled_from([Fault.NONE] * 14 + list(Fault))
Luck = tuple[Fault, Moment | None, Moment | None]
luck = st.tuples(fault, dies, dies)
ANSWER = ("> fetch", "> look", "> answer", "> publish", "< receive")
WAY = ("< upload", "< submit", "> receive", *ANSWER, "< publish", "> receive", *ANSWER)
"""The way of a message to its answer, and on to a re-wrap's, at its sender `<` and its recipient `>`."""


class Delivery(RuleBasedStateMachine):
    """Two hotlines that write to each other, whatever happens."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        folder = Path(self.stack.enter_context(scratch()))
        # What fails may be tried again by the next turn: a machine has turns instead of pauses.
        self.stack.enter_context(mock.patch("mce_exchange.client.sending.FIRST_SECONDS", 0.0))
        self.stack.enter_context(mock.patch.object(Later, "put"))
        self.stack.enter_context(mock.patch.object(vault, "passphrase_key", passphrase_key))
        self.runner = self.stack.enter_context(asyncio.Runner())
        self.world = World(folder)
        self.stack.enter_context(mortal_homes(self.world.lives.values()))
        self.photo = folder / "photo.png"
        self.photo.write_bytes(bytes(100_000))

    def do(self, what: Coroutine[Any, Any, None]) -> None:
        self.runner.run(what)
        for life in self.world.lives.values():
            life.plan = None
        for one in self.world.running.values():
            one.door.fault = Fault.NONE

    @initialize()
    def begin(self) -> None:
        self.do(self.world.start())
        for one in MEMBERS:
            self.do(self.world.act(one, "receive", strict=True))

    @rule(
        sender=member,
        photos=st.lists(st.sampled_from([False, False, True]), max_size=2),
        first=st.sampled_from([0, 0, 0, 2, 5]),
        lucks=st.lists(luck, min_size=3, max_size=len(WAY)),
    )
    def onwards(self, sender: str, photos: list[bool], first: int, lucks: list[Luck]) -> None:
        """New messages, and some of the way, as bad as luck has it."""
        for photo, (_, dies, _) in zip(photos, lucks, strict=False):
            self.world.lives[sender].plan = dies
            self.do(self.world.hand_over(sender, PEER[sender], [self.photo] if photo else []))
        for step, luck in zip(WAY[first:], reversed(lucks), strict=False):
            self.turn(sender if step[0] == "<" else PEER[sender], step[2:], luck)

    def turn(self, who: str, step: str, luck: Luck) -> None:
        """One turn of one of a node's loops, or of the application behind it."""
        self.world.running[who].door.fault, self.world.lives[who].plan, self.world.lives["relay"].plan = luck
        if step == "look":
            self.do(self.world.look(who))
        elif step == "answer":
            # What is read at bad luck is refused.
            self.do(self.world.answer(who, accept=luck[0] is Fault.NONE))
        else:
            self.do(self.world.act(who, step))

    @rule(who=member, step=st.sampled_from([*STEPS, "look", "answer"]), luck=luck)
    def anything(self, who: str, step: str, luck: Luck) -> None:
        self.turn(who, step, luck)

    @precondition(lambda self: self.world.network.copies)
    @rule(back=st.lists(st.integers(0, 20), min_size=1, max_size=3), relay_dies=dies)
    def copies_arrive(self, back: list[int], relay_dies: Moment | None) -> None:
        for one in back:
            copies = self.world.network.copies
            self.world.lives["relay"].plan = relay_dies
            self.do(self.world.copy_arrives(copies[-1 - one % len(copies)]))

    @rule(
        name=st.sampled_from(("relay", *MEMBERS)),
        what=st.sampled_from(["crash", "rotation", "loss", "months"]),
    )
    def mishap(self, name: str, what: str) -> None:
        if what == "crash":
            self.do(self.world.crash(name))
        elif what == "months":
            self.do(self.world.days_pass(30))
        elif name != "relay":
            self.do(self.world.lose_newest_prekey(name) if what == "loss" else self.rotate(name))

    async def rotate(self, who: str) -> None:
        """A prekey's life, unnoticed by the peer: the next one is logged, and the old half destroyed."""
        for days, steps in ((7, ("upkeep", "publish", "receive")), (8, ("upkeep",))):
            await self.world.days_pass(days)
            for step in steps:
                await self.world.act(who, step)

    @invariant()
    def holds(self) -> None:
        if self.world.running:
            self.world.handed_over_is_durable()
            self.world.followed()

    def teardown(self) -> None:
        try:
            if self.world.running:
                self.do(ending.drain(self.world))
                self.do(ending.judge(self.world))
        finally:
            self.do(self.world.close())
            self.stack.close()


TestDelivery = Delivery.TestCase
TestDelivery.settings = settings(max_examples=50, stateful_step_count=25)
