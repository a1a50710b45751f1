"""Proofs of forks as they were found: what proves one may not be there any more when a person asks."""

from collections.abc import Sequence

import msgpack

from mce_exchange.errors import StoreError
from mce_exchange.store.database import Database


class Forks:
    """Older note, newer note, and the root and proof that make them contradict each other."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, older: bytes, newer: bytes, root: bytes = b"", proof: Sequence[bytes] = ()) -> None:
        """Keep; the same notes again change nothing."""
        self._database.run(
            "INSERT OR IGNORE INTO fork (older, newer, root, proof) VALUES (?, ?, ?, ?)",
            older,
            newer,
            root,
            msgpack.packb(list(proof)),
        )

    def all(self) -> list[tuple[bytes, bytes, bytes, tuple[bytes, ...]]]:
        """All of them, the first found first."""
        rows = self._database.rows("SELECT older, newer, root, proof FROM fork ORDER BY id")
        try:
            return [(bytes(r[0]), bytes(r[1]), bytes(r[2]), tuple(msgpack.unpackb(r[3]))) for r in rows]
        except (ValueError, TypeError, msgpack.UnpackException):
            raise StoreError(
                "a fork's proof in this home is damaged", remedy="restore it from a backup"
            ) from None
