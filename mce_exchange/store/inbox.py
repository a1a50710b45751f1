"""Messages we receive: each once, given to the application until it is acknowledged and never after.

States: `locked` (we hold no key for it; a re-wrap may come), `missing` (the relay did not hand out
what was signed), `fetching` (attachments are on their way), `ready` (to be given), `acknowledged`,
`refused`. Their numbers are `Numbers`'.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass

from mce_exchange.store import body as bodies
from mce_exchange.store.body import Body
from mce_exchange.store.database import Database, News


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """A message for us at its log index; POSIX seconds. `readable`: its content is here, and not erased."""

    id: int
    header_id: bytes
    sender: str
    state: str
    statement: bytes
    payload: bytes
    log_index: int
    reason: str
    at: int
    urgent: bool
    readable: bool


class Inbox:
    """The incoming half of the message table."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self._master = master

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
        urgent: bool = False,
        position: int = 0,
        lifetime: int = 0,
    ) -> None:
        """Store a message that was judged; the caller is in the transaction that moves the log on."""
        self._touch(state)
        key_box, box = bodies.shut(self._master, header_id, body) if body else (None, None)
        self._database.run(
            "INSERT OR IGNORE INTO message (header_id, outgoing, sender, state, statement, wraps, payload,"
            " body_key, body, log_index, reason, at, urgent, position, lifetime)"
            " VALUES (?, 0, ?, ?, ?, x'', ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            urgent,
            position,
            lifetime,
        )

    def unlock(self, header_id: bytes, *, state: str, body: Body) -> None:
        """A re-wrap has opened it."""
        self._touch(state)
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
        self._touch(state)
        self._database.run(
            "UPDATE message SET state = ?, reason = ?, payload = x'' WHERE header_id = ? AND outgoing = 0",
            state,
            reason,
            header_id,
        )
        return True

    def _touch(self, state: str) -> None:
        self._database.touch(News.FETCHES if state == "fetching" else News.INBOX)

    def ids(self, state: str) -> list[tuple[int, bytes]]:
        """`(id, header id)` of all messages in one state, oldest first."""
        rows = self._database.rows(
            "SELECT id, header_id FROM message WHERE outgoing = 0 AND state = ? ORDER BY id", state
        )
        return [(int(id_), bytes(header_id)) for id_, header_id in rows]

    def place(self, header_id: bytes) -> tuple[str, int, int] | None:
        """`(state, log index, our place among the recipients)` of one message."""
        row = self._database.row(
            "SELECT state, log_index, position FROM message WHERE header_id = ? AND outgoing = 0", header_id
        )
        return (str(row[0]), int(row[1]), int(row[2])) if row else None

    def count(self, state: str) -> int:
        """How many messages are in one state."""
        return int(
            self._database.value("SELECT count(*) FROM message WHERE outgoing = 0 AND state = ?", state)
        )

    def locked_since(self, at: int) -> bool:
        """Whether a message that came after a POSIX time waits for another wrap."""
        return bool(
            self._database.value(
                "SELECT count(*) FROM message WHERE outgoing = 0 AND state = 'locked' AND at > ?", at
            )
        )

    def each(self, state: str | None = None) -> Iterator[Received]:
        """Those in one state, or all, oldest first, in the memory of one."""
        if state is None:
            return self._received("1 ORDER BY id")
        return self._received("state = ? ORDER BY id", state)

    def between(self, first: int, last: int) -> list[tuple[bytes, str, bytes]]:
        """(header id, sender, header Statement) of what came at these log indices, both included."""
        rows = self._database.rows(
            "SELECT header_id, sender, statement FROM message"
            " WHERE outgoing = 0 AND log_index BETWEEN ? AND ? ORDER BY log_index",
            first,
            last,
        )
        return [(bytes(header_id), str(sender), bytes(raw)) for header_id, sender, raw in rows]

    def find(self, header_id: bytes) -> Received | None:
        """One message."""
        return next(self._received("header_id = ?", header_id), None)

    def _received(self, where: str, *values: object) -> Iterator[Received]:
        rows = self._database.each(
            "SELECT id, header_id, sender, state, statement, payload, log_index, reason, at, urgent,"
            " body_key IS NOT NULL"
            f" FROM message WHERE outgoing = 0 AND {where}",
            *values,
        )
        with closing(rows):
            for r in rows:
                yield Received(
                    id=r[0],
                    header_id=r[1],
                    sender=r[2],
                    state=r[3],
                    statement=r[4],
                    payload=r[5],
                    log_index=r[6],
                    reason=r[7],
                    at=r[8],
                    urgent=bool(r[9]),
                    readable=bool(r[10]),
                )

    def body(self, header_id: bytes) -> Body:
        """The private part; `StoreError` once erased or while locked."""
        row = self._database.row(
            "SELECT body_key, body FROM message WHERE header_id = ? AND outgoing = 0", header_id
        )
        return bodies.unshut(self._master, header_id, *(row or (None, None)))
