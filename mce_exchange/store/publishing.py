"""Signed Statements on their way to the log: queued durably, sent with the same bytes until answered."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgpack

from mce_exchange.statement import Statement
from mce_exchange.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Queued:
    """A Statement's bytes; a re-wrap's wrap; a Directory's member records."""

    id: int
    type: str
    statement: bytes
    wrap: bytes
    members: tuple[bytes, ...]


class Publishing:
    """The queue."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, statement: Statement, *, wrap: bytes = b"", members: Sequence[bytes] = ()) -> None:
        """Queue."""
        self._database.run(
            "INSERT INTO publishing (type, statement, wrap, members) VALUES (?, ?, ?, ?)",
            statement.type,
            statement.raw,
            wrap,
            msgpack.packb(list(members)),
        )

    def waiting(self, limit: int) -> list[Queued]:
        """The oldest that have no answer yet."""
        rows = self._database.rows(
            "SELECT id, type, statement, wrap, members FROM publishing WHERE state = 'waiting'"
            " ORDER BY id LIMIT ?",
            limit,
        )
        return [
            Queued(
                id=r[0],
                type=r[1],
                statement=r[2],
                wrap=r[3],
                members=tuple(msgpack.unpackb(r[4])) if r[4] else (),
            )
            for r in rows
        ]

    def under_way(self, type_: str, *, log_size: int) -> bool:
        """Whether one of this type waits, or stands in the log above what has been followed."""
        return bool(
            self._database.value(
                "SELECT count(*) FROM publishing WHERE type = ? AND"
                " (state = 'waiting' OR (state = 'accepted' AND log_index >= ?))",
                type_,
                log_size,
            )
        )

    def accepted(self, id_: int, *, log_index: int) -> None:
        """It stands in the log."""
        self._database.run(
            "UPDATE publishing SET state = 'accepted', log_index = ? WHERE id = ?", log_index, id_
        )

    def refused(self, id_: int, *, reason: str) -> None:
        """The relay will never take it."""
        self._database.run("UPDATE publishing SET state = 'refused', reason = ? WHERE id = ?", reason, id_)
