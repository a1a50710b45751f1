"""The relay's private keys in one sealed file, and the card that the federation enters."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

import msgpack

from mce_exchange.directory.compose import new_key
from mce_exchange.directory.model import Life, Relay
from mce_exchange.directory.records import RelayCard
from mce_exchange.errors import StoreError
from mce_exchange.keyfile import read_keyfile, write_keyfile
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.tls import make_certificate
from mce_exchange.primitives.vault import Cost
from mce_relay.values import RelayKeys

FILE: Final = "relay.keys"
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

    def write(self, folder: Path, passphrase: str, *, cost: Cost = Cost.MODERATE) -> None:
        """Seal into the relay's folder."""
        keys = self.keys
        seeds = [keys.signing.seed, keys.log_ed25519.seed, keys.log_ml_dsa_44.seed, self.door_key, self.door]
        write_keyfile(folder / FILE, msgpack.packb(seeds), passphrase, label=_LABEL, cost=cost)

    @classmethod
    def read(cls, folder: Path, passphrase: str) -> Self:
        """Open; `StoreError` for a wrong passphrase or damage."""
        try:
            signing, ed25519, ml_dsa_44, door_key, door = msgpack.unpackb(
                read_keyfile(folder / FILE, passphrase, label=_LABEL)
            )
        except ValueError:
            raise StoreError(f"{FILE} is damaged", remedy="restore it from a backup") from None
        keys = RelayKeys(
            signing=PrivateKey.from_seed(signing),
            log_ed25519=Ed25519Key.from_seed(ed25519),
            log_ml_dsa_44=MlDsa44Key.from_seed(ml_dsa_44),
        )
        return cls(keys=keys, door_key=door_key, door=door)

    def card(self, *, relay_id: str, address: str) -> RelayCard:
        """What the federation enters into the Directory."""
        relay = Relay(
            id=relay_id,
            address=address,
            keys=(new_key(self.keys.signing.public),),
            certificates=(self.door,),
            life=Life(added=0),
        )
        return RelayCard(relay=relay, log_key=self.keys.log)
