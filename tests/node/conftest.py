"""Homes of a synthetic federation, joined, with a relay in memory."""

import hashlib
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

import pytest

from examples.scenario_s1 import ScenarioS1
from mce_exchange import statement
from mce_exchange.client.facade import Hotline, open_home
from mce_exchange.client.identity import GENESIS
from mce_exchange.client.relay import Relay
from mce_exchange.primitives import vault
from mce_exchange.primitives.vault import Cost, PassphraseParameters
from mce_exchange.store import settings
from mce_exchange.store.home import Home
from tests.federation import NOW_MINUTES, Federation
from tests.node.hostile import MemoryRelay

PASSPHRASE = "synthetic"
SCENARIO = ScenarioS1(canary="kanarie")


@dataclass
class Clock:
    """A clock that a test turns."""

    now: float = NOW_MINUTES * 60.0

    def __call__(self) -> float:
        return self.now


class World:
    """A federation, its relay in memory, and homes in a folder."""

    def __init__(self, folder: Path, federation: Federation | None = None) -> None:
        self.folder = folder
        self.federation = federation or Federation()
        self.relay = MemoryRelay(self.federation)
        self.clock = Clock()
        for member in self.federation.people:
            self._home(member)

    def _home(self, member: str) -> None:
        person = self.federation.people[member]
        home = Home.create(self.folder / member, PASSPHRASE, cost=Cost.INTERACTIVE)
        prekey = self.federation.state.prekey(member)
        assert prekey
        with home.database.write():
            home.secrets.put_signing(person.key)
            home.secrets.put_prekey(prekey.id, person.kem)
            home.settings.put(settings.MEMBER, member)
            home.settings.put(settings.NETWORK_ID, self.federation.network_id)
            # The prekey that the federation's log holds was made here, as far as this home knows.
            index = self.federation.state.prekeys[member][0].index
            home.publishing.put(statement.decode(self.federation.raw[index]))
            home.publishing.accepted(1, log_index=index, receipt=b"", at=int(self.clock.now))
            home.settings.put(GENESIS, self.federation.genesis.encode())
        home.close()

    def open(self, member: str, relay: Relay | None = None) -> AbstractAsyncContextManager[Hotline]:
        return open_home(
            self.folder / member,
            PASSPHRASE,
            clock=self.clock,
            relay=relay or self.relay.door(member),
            poll_seconds=0.05,
            anchor_seconds=0.1,
        )

    def home(self, member: str) -> Home:
        return Home.open(self.folder / member, PASSPHRASE)


def quick_key(passphrase: str, parameters: PassphraseParameters) -> bytes:
    """In place of Argon2id."""
    return hashlib.blake2b(passphrase.encode(), salt=parameters.salt, digest_size=32).digest()


@pytest.fixture(autouse=True)
def _cheap_passphrases(monkeypatch: pytest.MonkeyPatch) -> None:
    """Argon2id is meant to cost; what it protects is tested by the commands, which use it."""
    monkeypatch.setattr(vault, "passphrase_key", quick_key)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)
