"""Who this node is: read once from its home."""

from dataclasses import dataclass
from typing import Self

from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.follow import Follower
from mce_exchange.log.entry import LogEntry
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
        genesis = Bundle.decode(home.settings.get(GENESIS))
        return cls(member=member, network_id=network_id, genesis=genesis, author=author)

    def follower(self, home: Home) -> Follower:
        """The log as this home has followed it, verified again from the pinned genesis."""
        genesis = PublicState.genesis(self.genesis, network_id=self.network_id)
        entry = LogEntry(True, decode(self.genesis.statement).digest)
        follower = Follower(genesis, entry, home.logbook.entries(), home.logbook.checkpoint)
        public = home.logbook.public(tuple(PUBLIC))
        follower.restore((one.index, one.raw, one.members) for one in public if one.index)
        return follower
