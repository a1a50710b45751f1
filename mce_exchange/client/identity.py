"""Who this node is, and which of its signing keys is in use: that follows the log (SPEC section 8.3)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

from mce_exchange.directory.model import Member
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle, decode_card
from mce_exchange.errors import MceError, StoreError, UsageError
from mce_exchange.hotline import signing
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.follow import Follower
from mce_exchange.hotline.own import as_asked
from mce_exchange.hotline.signing import obeying
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.verify import equal
from mce_exchange.statement import PUBLIC, decode
from mce_exchange.store import settings
from mce_exchange.store.home import Home

GENESIS = "genesis"


@dataclass(kw_only=True)
class Identity:
    """Member id, network id (32 bytes), the pinned genesis, and who signs now: `switch` may change that."""

    member: str
    network_id: bytes
    genesis: Bundle
    author: Author

    @classmethod
    def of(cls, home: Home) -> Self:
        """From a home that has joined; `UsageError` says what is missing."""
        member = home.settings.text(settings.MEMBER)
        network_id = home.settings.get(settings.NETWORK_ID)
        held = home.secrets.signing_ids()
        if not held:
            raise StoreError("this home holds no signing key", remedy="restore the home from a backup")
        # Until the log has been read: the newest, which is the only one of a home that has just joined.
        author = Author(member=member, network_id=network_id, keys=(home.secrets.signing_key(held[-1]),))
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
        self.switch(home, follower.state)
        return follower

    def card(self, home: Home) -> Member | None:
        """The newest card that this home made, by which its entry in the Directory is judged."""
        data = home.settings.find(settings.CARD)
        with _undamaged():
            return decode_card(data) if data else None

    def entered(self, home: Home, state: PublicState) -> bool | None:
        """Whether the Directory says of us what our newest card asks for (SPEC 8.9); None: nothing at all."""
        record = state.directory.members.get(self.member)
        if record is None:
            return None
        card = self.card(home)
        return card is not None and as_asked(card, record, record, state.revoked)

    def switch(self, home: Home, state: PublicState) -> None:
        """Sign from now on with the newest of this home's keys that lives, by the log as followed."""
        state = obeying(state, home.publishing.revocations())
        chosen = signing.in_use(state, self.member, home.secrets.signing_ids())
        if chosen is not None and (chosen,) != tuple(self.author.signers):
            self.author = replace(self.author, keys=(home.secrets.signing_key(chosen),))


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
