"""The home's witness: its keys, and what they cosigned last (SPEC section 9.3).

The state is durable before a signature over it is made, so no cosignature is ever above it. Keys whose
row is gone, or lags behind one of their own cosignatures, have lost their memory and sign no more.
"""

from dataclasses import dataclass
from typing import Final

import msgpack

from mce_exchange.errors import StoreError
from mce_exchange.log.anchor import Cosigner
from mce_exchange.log.checkpoint import Checkpoint
from mce_exchange.log.merkle import EMPTY
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key
from mce_exchange.primitives.verify import sha256
from mce_exchange.store.database import Database
from mce_exchange.store.secrets import Secrets

_PREFIX: Final = "witness/"


@dataclass(frozen=True, slots=True)
class State:
    """The tree that was cosigned last, and its note; size 0 and no note before the first."""

    size: int
    root: bytes
    note: bytes


class Witness:
    """At most a few pairs of keys: the one that the Directory names, and the one that follows it."""

    def __init__(self, database: Database, secrets: Secrets) -> None:
        self._database = database
        self._secrets = secrets

    def put(self, cosigner: Cosigner) -> None:
        """Keep new keys, with the state of having signed nothing; the caller is in a transaction."""
        seeds = [cosigner.name, cosigner.member, cosigner.ed25519.seed, cosigner.ml_dsa_44.seed]
        self._secrets.put(_PREFIX + _id(cosigner), msgpack.packb(seeds))
        self._database.run("INSERT INTO witness VALUES (?, 0, ?, x'')", _id(cosigner), EMPTY)

    def held(self) -> list[Cosigner]:
        """All keys held here."""
        return [self._cosigner(name) for name in self._secrets.names(_PREFIX)]

    def destroy(self, cosigner: Cosigner) -> None:
        """Forget the private keys: nothing is ever signed with them again."""
        self._secrets.destroy(_PREFIX + _id(cosigner))
        self._database.run("DELETE FROM witness WHERE id = ?", _id(cosigner))

    def forget(self) -> None:
        """What was cosigned is not known any more: none of the keys held here signs again."""
        self._database.run("DELETE FROM witness")

    def state(self, cosigner: Cosigner) -> State | None:
        """What these keys cosigned last; None if that is lost."""
        rows = self._database.rows("SELECT size, root, note FROM witness WHERE id = ?", _id(cosigner))
        return State(*rows[0]) if rows else None

    def advance(self, cosigner: Cosigner, checkpoint: Checkpoint, note: bytes) -> None:
        """The next state, in the caller's transaction, in which it has read the one before."""
        self._database.run(
            "UPDATE witness SET size = ?, root = ?, note = ? WHERE id = ?",
            checkpoint.size,
            checkpoint.root,
            note,
            _id(cosigner),
        )

    def _cosigner(self, name: str) -> Cosigner:
        try:
            called, member, ed25519, ml_dsa_44 = msgpack.unpackb(self._secrets.get(name))
        except (ValueError, TypeError, msgpack.UnpackException):
            raise StoreError(
                "a witness key in this home is damaged", remedy="make another one: `mce witness key --lost`"
            ) from None
        return Cosigner(
            name=called,
            member=member,
            ed25519=Ed25519Key.from_seed(ed25519),
            ml_dsa_44=MlDsa44Key.from_seed(ml_dsa_44),
        )


def _id(cosigner: Cosigner) -> str:
    public = cosigner.public
    return sha256(public.ed25519 + public.ml_dsa_44).hex()
