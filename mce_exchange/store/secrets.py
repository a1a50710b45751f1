"""Private keys of a home, each in its own box under the master key."""

from typing import Final

from mce_exchange.errors import StoreError
from mce_exchange.keys import PrivateKey
from mce_exchange.primitives import vault
from mce_exchange.primitives.kem import KemKey
from mce_exchange.store.database import Database

_SIGNING: Final = "signing/"


class Secrets:
    """Signing keys, the door's key, prekeys."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self.master = master
        """The home's master key, 32 bytes: for its backup."""
        self._prekeys: dict[str, tuple[bytes, KemKey]] = {}

    def put(self, name: str, secret: bytes) -> None:
        """Store; the name is bound into the box, so boxes cannot be exchanged."""
        box = vault.shut(self.master, secret, label=name.encode())
        self._database.run("INSERT OR REPLACE INTO secret VALUES (?, ?)", name, box)

    def get(self, name: str) -> bytes:
        """The secret; `StoreError` if it is not there or does not open."""
        box = self._database.value("SELECT box FROM secret WHERE name = ?", name)
        if box is None:
            raise StoreError(f"this home does not hold {name}")
        return vault.unshut(self.master, box, label=name.encode())

    def names(self, prefix: str) -> list[str]:
        """Names that begin so, ascending."""
        rows = self._database.rows(
            "SELECT name FROM secret WHERE substr(name, 1, ?) = ? ORDER BY name", len(prefix), prefix
        )
        return [str(row[0]) for row in rows]

    def destroy(self, name: str) -> None:
        """Forget; secure_delete overwrites the row's page."""
        self._prekeys.pop(name, None)
        self._database.run("DELETE FROM secret WHERE name = ?", name)

    def rename(self, name: str, other: str) -> None:
        """Keep a secret under another name, if it is here."""
        if self.names(name):
            self.put(other, self.get(name))
            self.destroy(name)

    def put_signing(self, key: PrivateKey) -> None:
        """Keep a signing key (64 bytes) under its id."""
        self.put(f"{_SIGNING}{key.public.id.hex()}", key.seed)

    def signing_ids(self) -> list[bytes]:
        """Ids of the signing keys held here, in the order in which they were made."""
        rows = self._database.rows(
            "SELECT name FROM secret WHERE substr(name, 1, ?) = ? ORDER BY rowid", len(_SIGNING), _SIGNING
        )
        return [bytes.fromhex(str(row[0]).removeprefix(_SIGNING)) for row in rows]

    def signing_key(self, key_id: bytes) -> PrivateKey:
        """One of them; `StoreError` if it is not there."""
        return PrivateKey.from_seed(self.get(f"{_SIGNING}{key_id.hex()}"))

    def prekey(self, prekey_id: bytes) -> KemKey | None:
        """The private half of a prekey, or None: never held, or destroyed."""
        name = f"prekey/{prekey_id.hex()}"
        box = self._database.value("SELECT box FROM secret WHERE name = ?", name)
        if box is None:
            self._prekeys.pop(name, None)
            return None
        # Expanded once for the many messages to it, and only as long as the home holds it.
        held = self._prekeys.get(name)
        if held is None or held[0] != box:
            held = self._prekeys[name] = (box, KemKey(self.get(name)))
        return held[1]

    def put_prekey(self, prekey_id: bytes, key: KemKey) -> None:
        """Keep a prekey's private half (32 bytes)."""
        self.put(f"prekey/{prekey_id.hex()}", key.seed)
