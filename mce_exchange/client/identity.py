"""Who this node is: read once from its home."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Self

from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.follow import Follower
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.verify import equal
from mce_exchange.statement import PUBLIC, decode
from mce_exchange.store import settings
from mce_exchange.store.home import Home

GENESIS = "genesis"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Member id, network id (32 bytes), the pinned genesis, and who signs."""

    member: str
    network_id: bytes
    genesis: Bundle
    author: Author

    @classmethod
    def of(cls, home: Home) -> Self:
        """From a home that has joined; `UsageError` says what is missing."""
        member = home.settings.text(settings.MEMBER)
        network_id = home.settings.get(settings.NETWORK_ID)
        author = Author(member=member, network_id=network_id, keys=(home.secrets.signing_key(),))
        with _undamaged():
            genesis = Bundle.decode(home.settings.get(GENESIS))
        return cls(member=member, network_id=network_id, genesis=genesis, author=author)

    def follower(self, home: Home) -> Follower:
        """The log as this home has followed it, verified again from the pinned genesis; else `StoreError`."""
        # One moment: a node that runs meanwhile may be in the middle of the log.
        with home.database.read(), _undamaged():
            genesis = PublicState.genesis(self.genesis, network_id=self.network_id)
            entry = LogEntry(True, decode(self.genesis.statement).digest)
            follower = Follower(genesis, entry, home.logbook.entries(), home.logbook.checkpoint)
            public = home.logbook.public(tuple(PUBLIC))
            follower.restore((one.index, one.raw, one.members) for one in public if one.index)
            shown = follower.checkpoint
            if (
                shown
                and shown.size <= follower.size
                and not equal(follower.tree.root(shown.size), shown.root)
            ):
                raise StoreError("the log in this home is not the one that its checkpoint signs")
        return follower


@contextmanager
def _undamaged() -> Iterator[None]:
    """What was verified before it was stored, and does not hold now, is our own disk's fault."""
    try:
        yield
    except (StoreError, UsageError):
        raise
    except MceError as error:
        raise StoreError(
            f"the log in this home is damaged: {error}", remedy="restore the home from a backup"
        ) from error
