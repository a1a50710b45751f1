"""An open home, for the commands that need one."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mce_exchange.cli.common import Common, Secret
from mce_exchange.client.dispatch import Dispatch
from mce_exchange.client.identity import Identity
from mce_exchange.hotline.follow import Follower
from mce_exchange.store.home import Home


@dataclass(frozen=True, kw_only=True)
class Desk:
    """An open home that has joined, without its node running here."""

    home: Home
    identity: Identity
    follower: Follower
    dispatch: Dispatch


@contextmanager
def open_home(common: Common, secret: Secret) -> Iterator[Home]:
    """The home, closed at the end."""
    home = Home.open(common.home, secret.read(f"the home {common.home}"))
    try:
        yield home
    finally:
        home.close()


@contextmanager
def open_desk(common: Common, secret: Secret, clock: Callable[[], float] = time.time) -> Iterator[Desk]:
    """The home with its log, for commands that seal or judge."""
    with open_home(common, secret) as home:
        home.notice_a_move()
        identity = Identity.of(home)
        follower = identity.follower(home)
        dispatch = Dispatch(home, identity, lambda: follower.state, clock=clock)
        yield Desk(home=home, identity=identity, follower=follower, dispatch=dispatch)
