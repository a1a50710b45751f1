"""The world of the node's tests with an auditor in it, who is shown every entry and is party to none."""

from pathlib import Path

from mce_exchange.client.identity import GENESIS
from mce_exchange.primitives.vault import Cost
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.federation import Federation
from tests.node.conftest import PASSPHRASE, Clock, World
from tests.node.hostile import Door, MemoryRelay

AUDITOR = "audit"


class AuditedRelay(MemoryRelay):
    """Hands everything to the auditor too."""

    def door(self, member: str) -> Door:
        return Seeing(self, member) if member == AUDITOR else Door(self, member)


class Seeing(Door):
    """The auditor's connection."""

    def may_see(self, parties: set[str] | None) -> bool:
        return True


def auditor_home(folder: Path, federation: Federation) -> None:
    """`audit` joins with a home like the others'."""
    home = Home.create(folder / AUDITOR, PASSPHRASE, cost=Cost.INTERACTIVE)
    with home.database.write():
        home.secrets.put_signing(federation.people[AUDITOR].key)
        home.settings.put(settings.MEMBER, AUDITOR)
        home.settings.put(settings.NETWORK_ID, federation.network_id)
        home.settings.put(GENESIS, federation.genesis.encode())
    home.close()


class AuditedWorld(World):
    """With that home."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.federation = Federation(auditor=True)
        self.relay = AuditedRelay(self.federation)
        self.clock = Clock()
        for member in self.federation.people:
            if member != AUDITOR:
                self._home(member)
        auditor_home(folder, self.federation)
