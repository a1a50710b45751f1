"""Messages of ours that wait under a number which the log may have given to something else (SPEC 9.9, H9)."""

from mce_exchange.store.database import Database


class Overtaken:
    """Of the message table. Callers are in a transaction."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def hand_on(self, header_id: bytes) -> None:
        """The content of a message of ours is another's now, which goes in its place."""
        self._database.run(
            "UPDATE message SET body_key = NULL, body = NULL, key_erased = 2, content_erased = 2"
            " WHERE header_id = ? AND outgoing = 1",
            header_id,
        )

    def waits(self, header_id: bytes) -> bool:
        """Whether a message of ours is here and the log does not have it."""
        sql = "SELECT state IN ('awaiting', 'queued') FROM message WHERE header_id = ? AND outgoing = 1"
        return bool(self._database.value(sql, header_id))

    def refuse_number(self, header_id: bytes, *, reason: str) -> None:
        """Note why a message waits."""
        self._database.run(
            "UPDATE message SET reason = ? WHERE header_id = ? AND outgoing = 1 AND state = 'queued'",
            reason,
            header_id,
        )

    def refused_numbers(self, *, reason: str) -> set[bytes]:
        """Those that wait for this reason."""
        rows = self._database.rows(
            "SELECT header_id FROM message WHERE outgoing = 1 AND state = 'queued' AND reason = ?", reason
        )
        return {bytes(row[0]) for row in rows}
