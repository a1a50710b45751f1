"""Receipts for what we sent, until each has been held against the log as followed, under an anchor.

A receipt is a promise under a checkpoint that the log as shown to us may never reach: a relay that
shows two views can give one and log nothing (threats R5, L1).
"""

from dataclasses import dataclass
from typing import Final

import msgpack

from mce_exchange.errors import StoreError
from mce_exchange.log.receipt import Receipt
from mce_exchange.store.database import Database, News

# A message, or another Statement; what follows its state when its receipt proves false.
_TABLES: Final = {"message": "queued", "publishing": "waiting"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """Something of ours that is said to stand at `log_index`; without a receipt the log itself said so."""

    table: str
    id: int
    statement: bytes
    log_index: int
    receipt: bytes


def encode(receipt: Receipt) -> bytes:
    """As it is kept."""
    return bytes(msgpack.packb([receipt.index, list(receipt.proof), receipt.checkpoint]))


def decode(data: bytes) -> Receipt:
    """The reverse; `StoreError` for damage."""
    try:
        index, proof, checkpoint = msgpack.unpackb(data)
        return Receipt(index=index, proof=tuple(proof), checkpoint=checkpoint)
    except (ValueError, TypeError, msgpack.UnpackException):
        raise StoreError(
            "a receipt in this home is damaged", remedy="restore the home from a backup"
        ) from None


class Receipts:
    """Those that are still open, of both tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def open(self, *, below: int) -> list[Open]:
        """Said to stand below a log index, and not settled."""
        return [
            Open(table=table, id=r[0], statement=r[1], log_index=r[2], receipt=r[3])
            for table in _TABLES
            for r in self._database.rows(
                f"SELECT id, statement, log_index, receipt FROM {table}"
                f" WHERE {_open(table)} AND log_index < ?",
                below,
            )
        ]

    def anchored(self, one: Open) -> None:
        """It stands under an anchor, and that is that: nothing of it is sent again."""
        self._database.run(f"UPDATE {one.table} SET anchored = 1 WHERE id = ?", one.id)
        if one.table == "message":
            self._database.run("UPDATE message SET payload = x'' WHERE id = ?", one.id)

    def false(self, one: Open) -> None:
        """It does not stand there: the same bytes are sent again."""
        self._database.touch(News.OUTBOX, News.STATEMENTS)
        self._database.run(
            f"UPDATE {one.table} SET state = ?, log_index = NULL, receipt = x'', logged_at = NULL"
            " WHERE id = ?",
            _TABLES[one.table],
            one.id,
        )

    def late(self, *, before: int) -> list[tuple[str, bytes]]:
        """`(table, Statement)` of what was accepted before a POSIX time and is still open."""
        return [
            (table, bytes(r[0]))
            for table in _TABLES
            for r in self._database.rows(
                f"SELECT statement FROM {table} WHERE {_open(table)} AND logged_at < ?", before
            )
        ]


def _open(table: str) -> str:
    outgoing = "outgoing = 1 AND " if table == "message" else ""
    return f"{outgoing}state = 'accepted' AND NOT anchored"
