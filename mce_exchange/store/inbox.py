"""Messages we receive: each once, given to the application until it is acknowledged and never after.

States: `locked` (we hold no key for it; a re-wrap may come), `fetching` (attachments are on their
way), `ready` (to be given), `acknowledged`, `refused`.
"""

from dataclasses import dataclass

from mce_exchange.store import body as bodies
from mce_exchange.store.body import Body
from mce_exchange.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message for us at its log index; POSIX seconds."""

    id: int
    header_id: bytes
    sender: str
    state: str
    statement: bytes
    payload: bytes
    log_index: int
    reason: str
    at: int


class Inbox:
    """The incoming half of the message table."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self._master = master

    def number_id(self, peer: str, sequence: int) -> bytes | None:
        """The id that has this number from a peer, if it was used."""
        id_: bytes | None = self._database.value(
            "SELECT id FROM pair WHERE peer = ? AND outgoing = 0 AND sequence = ?", peer, sequence
        )
        return id_

    def highest(self, peer: str) -> int:
        """The highest number from a peer, 0 before the first."""
        return int(
            self._database.value(
                "SELECT coalesce(max(sequence), 0) FROM pair WHERE peer = ? AND outgoing = 0", peer
            )
        )

    def use_number(self, peer: str, sequence: int, id_: bytes, *, now: int) -> None:
        """Note a number, and every number below it that is still missing as a gap."""
        for missing in range(self.highest(peer) + 1, sequence):
            self._database.run(
                "INSERT OR IGNORE INTO gap (peer, sequence, since) VALUES (?, ?, ?)", peer, missing, now
            )
        self._database.run("INSERT OR IGNORE INTO pair VALUES (?, 0, ?, ?)", peer, sequence, id_)
        self._database.run("DELETE FROM gap WHERE peer = ? AND sequence = ?", peer, sequence)

    def gaps(self, *, before: int) -> list[tuple[str, int]]:
        """Gaps older than a POSIX time that nobody was told of; they are marked told."""
        rows = self._database.rows("SELECT peer, sequence FROM gap WHERE since <= ? AND NOT alarmed", before)
        for peer, sequence in rows:
            self._database.run("UPDATE gap SET alarmed = 1 WHERE peer = ? AND sequence = ?", peer, sequence)
        return [(str(peer), int(sequence)) for peer, sequence in rows]

    def put(
        self,
        *,
        header_id: bytes,
        sender: str,
        state: str,
        statement: bytes,
        payload: bytes,
        body: Body | None,
        log_index: int,
        reason: str = "",
        at: int,
    ) -> None:
        """Store a message that was judged; the caller is in the transaction that moves the log on."""
        key_box, box = bodies.shut(self._master, header_id, body) if body else (None, None)
        self._database.run(
            "INSERT OR IGNORE INTO message (header_id, outgoing, sender, state, statement, wraps, payload,"
            " body_key, body, log_index, reason, at) VALUES (?, 0, ?, ?, ?, x'', ?, ?, ?, ?, ?, ?)",
            header_id,
            sender,
            state,
            statement,
            payload,
            key_box,
            box,
            log_index,
            reason,
            at,
        )

    def unlock(self, header_id: bytes, *, state: str, body: Body) -> None:
        """A re-wrap has opened it."""
        key_box, box = bodies.shut(self._master, header_id, body)
        self._database.run(
            "UPDATE message SET state = ?, body_key = ?, body = ?, payload = x'', reason = ''"
            " WHERE header_id = ? AND outgoing = 0 AND state = 'locked'",
            state,
            key_box,
            box,
            header_id,
        )

    def move(self, header_id: bytes, *, state: str, reason: str = "") -> bool:
        """Change the state of a message that is not final yet; whether it was so."""
        row = self._database.row("SELECT state FROM message WHERE header_id = ? AND outgoing = 0", header_id)
        if row is None or row[0] in ("acknowledged", "refused"):
            return False
        self._database.run(
            "UPDATE message SET state = ?, reason = ? WHERE header_id = ? AND outgoing = 0",
            state,
            reason,
            header_id,
        )
        return True

    def in_state(self, state: str, *, after: int = 0, limit: int = 1000) -> list[Received]:
        """Messages in one state, oldest first, with an id above `after`."""
        return self._received("state = ? AND id > ? ORDER BY id LIMIT ?", state, after, limit)

    def all(self) -> list[Received]:
        """All of them, oldest first."""
        return self._received("1 ORDER BY id")

    def find(self, header_id: bytes) -> Received | None:
        """One message."""
        found = self._received("header_id = ?", header_id)
        return found[0] if found else None

    def _received(self, where: str, *values: object) -> list[Received]:
        rows = self._database.rows(
            "SELECT id, header_id, sender, state, statement, payload, log_index, reason, at FROM message"
            f" WHERE outgoing = 0 AND {where}",
            *values,
        )
        return [
            Received(
                id=r[0],
                header_id=r[1],
                sender=r[2],
                state=r[3],
                statement=r[4],
                payload=r[5],
                log_index=r[6],
                reason=r[7],
                at=r[8],
            )
            for r in rows
        ]

    def body(self, header_id: bytes) -> Body:
        """The private part; `StoreError` once erased or while locked."""
        row = self._database.row(
            "SELECT body_key, body FROM message WHERE header_id = ? AND outgoing = 0", header_id
        )
        return bodies.unshut(self._master, header_id, *(row or (None, None)))
