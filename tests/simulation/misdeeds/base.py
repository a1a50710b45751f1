"""What a misdeed can bend, and what has to come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mce_exchange.client.relay import Outcome
from mce_exchange.hotline.follow import Batch, Given
from mce_exchange.store.alarms import Alarm
from tests.simulation.log import Held

if TYPE_CHECKING:
    from tests.simulation.world import World

MINUTE = 60.0
HOUR = 3600.0
DAY = 24 * HOUR
SOON = 2 * MINUTE
"""At once: when the node looks next, which it does at least once a minute."""


@dataclass(frozen=True)
class Due:
    """An alarm of one of these kinds, at this member, until then; `about` stands in what it is about."""

    misdeed: str
    kinds: frozenset[Alarm]
    member: str
    until: float
    about: str = ""


class Misdeed:
    """Honest in everything; each misdeed bends something, and tells the world what is due for it.

    `follows` says that who is wronged follows the log all the same. `allows` are alarms that may come of it
    beside those that are due, at anybody. `loses` says that a message may be lost, which its sender is told.
    """

    follows: ClassVar[bool] = True
    loses: ClassVar[bool] = False
    hides_deadlines: ClassVar[bool] = False
    allows: ClassVar[frozenset[Alarm]] = frozenset()

    def __init__(self, world: World, members: tuple[str, str]) -> None:
        """Against the first of two members, mostly; the other one is its peer."""
        self.world = world
        self.relay = world.relay
        self.victim, self.peer = members
        self.at = world.clock.now
        self.done = False

    @property
    def name(self) -> str:
        return type(self).__name__

    def begin(self) -> None:
        """At its time; what is bent then stays so until the end."""

    def end(self) -> bool:
        """Whether it can end, once what is due has come; nothing is bent from then on."""
        return not self.loses

    def due(self, within: float, member: str, *kinds: Alarm, about: str = "") -> None:
        """Promise an alarm, from now on."""
        self.done = True
        self.world.promise(Due(self.name, frozenset(kinds), member, self.world.clock.now + within, about))

    # What it can bend: by default nothing.

    def takes(self, member: str, held: Held) -> Outcome | None:
        """An answer instead of taking what is handed in."""
        return None

    def gives(self, member: str, held: Held) -> bool:
        """Whether a reader who may see them is given the bytes."""
        return True

    def content(self, member: str, given: Given) -> Given:
        """What travels beside an entry."""
        return given

    def batch(self, member: str, batch: Batch) -> Batch | None:
        """A batch on its way; None ends the stream."""
        return batch

    def anchor(self, member: str, note: bytes) -> bytes | None:
        """What is shown as the newest anchor, or the newest witnessed one."""
        return note

    def checkpoint(self, member: str, note: bytes) -> bytes | None:
        """What is shown as the newest checkpoint; None is no answer."""
        return note

    def cosigned(self, member: str) -> bool:
        """Whether a witness's lines are attached."""
        return True


Kind = Callable[["World", tuple[str, str]], Misdeed]
