"""The relay's private keys in one sealed file, and the card that the federation enters."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Self

import msgpack

from mce_exchange.directory.compose import new_key
from mce_exchange.directory.model import Directory, Life, Relay
from mce_exchange.directory.records import RelayCard
from mce_exchange.errors import StoreError, UsageError
from mce_exchange.keyfile import read_keyfile, sync_folder, write_keyfile
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.primitives.vault import Cost
from mce_relay.hand import may_serve
from mce_relay.values import RelayKeys

FILE: Final = "relay.keys"
NEXT: Final = "next.keys"
"""Those of a Directory to come, made by `mce-relay renew`."""
_LABEL: Final = b"mce-relay"


@dataclass(frozen=True, kw_only=True)
class Keyring:
    """Statement key, log keys, and the door: key (PEM) and certificate (DER)."""

    keys: RelayKeys
    door_key: bytes
    door: bytes

    @classmethod
    def generate(cls) -> Self:
        """New keys from the operating system's randomness."""
        door_key, door = make_certificate()
        keys = RelayKeys(
            signing=PrivateKey.generate(),
            log_ed25519=Ed25519Key.generate(),
            log_ml_dsa_44=MlDsa44Key.generate(),
        )
        return cls(keys=keys, door_key=door_key, door=door)

    def renewed(self, *, log: bool, door: bool) -> Self:
        """The same relay with a new log key, a new door, or both."""
        fresh = self.generate()
        keys = self.keys
        if log:
            keys = replace(keys, log_ed25519=fresh.keys.log_ed25519, log_ml_dsa_44=fresh.keys.log_ml_dsa_44)
        source = fresh if door else self
        return replace(self, keys=keys, door_key=source.door_key, door=source.door)

    def write(self, folder: Path, passphrase: str, *, file: str = FILE, cost: Cost = Cost.MODERATE) -> None:
        """Seal into the relay's folder."""
        keys = self.keys
        seeds = [keys.signing.seed, keys.log_ed25519.seed, keys.log_ml_dsa_44.seed, self.door_key, self.door]
        write_keyfile(folder / file, msgpack.packb(seeds), passphrase, label=_LABEL, cost=cost)

    @classmethod
    def read(cls, folder: Path, passphrase: str, *, file: str = FILE) -> Self:
        """Open; `StoreError` for a wrong passphrase or damage."""
        try:
            signing, ed25519, ml_dsa_44, door_key, door = msgpack.unpackb(
                read_keyfile(folder / file, passphrase, label=_LABEL)
            )
        except ValueError:
            raise StoreError(f"{file} is damaged", remedy="restore it from a backup") from None
        keys = RelayKeys(
            signing=PrivateKey.from_seed(signing),
            log_ed25519=Ed25519Key.from_seed(ed25519),
            log_ml_dsa_44=MlDsa44Key.from_seed(ml_dsa_44),
        )
        return cls(keys=keys, door_key=door_key, door=door)

    def card(self, *, relay_id: str, address: str, doors: Sequence[bytes] = (), tiles: str = "") -> RelayCard:
        """What the federation enters into the Directory; `doors` that stay beside this one, and the URL under
        which the log stands as static `tiles`.
        """
        relay = Relay(
            id=relay_id,
            address=address,
            keys=(new_key(self.keys.signing.public),),
            certificates=(*(one for one in doors if one != self.door), self.door),
            life=Life(added=0),
            tiles=tiles,
        )
        return RelayCard(relay=relay, log_key=self.keys.log)


@dataclass(frozen=True)
class Rings:
    """The relay's keys and the next ones, if they have been made."""

    now: Keyring
    next: Keyring | None

    @classmethod
    def read(cls, folder: Path, passphrase: str) -> Self:
        """Open both; `StoreError` for a wrong passphrase or damage."""
        now = Keyring.read(folder, passphrase)
        there = (folder / NEXT).exists()
        return cls(now, Keyring.read(folder, passphrase, file=NEXT) if there else None)

    @property
    def keys(self) -> RelayKeys:
        """All at hand, for a log that goes on under the next ones by itself."""
        return replace(self.now.keys, next=self.next.keys) if self.next else self.now.keys

    def used(self, directory: Directory, size: int, relay: str) -> Keyring:
        """The next ones, once the Directory names all of them; those of now until then."""
        try:
            if self.next is None or self.next.door not in directory.relays[relay].certificates:
                return self.now
            may_serve(self.next.keys, directory, size)
        except UsageError:
            return self.now
        return self.next


def promote(folder: Path) -> None:
    """The next ones are those of now: the ones before are needed no more."""
    try:
        (folder / NEXT).replace(folder / FILE)
        sync_folder(folder)
    except OSError as error:
        raise StoreError(f"cannot replace {folder / FILE}: {error.strerror}") from error
