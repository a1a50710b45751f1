"""Messages we send: durable before anyone is told, numbered and signed once, resent byte for byte."""

from collections.abc import Callable
from dataclasses import dataclass, field

import msgpack

from mce_exchange.sealing import Sealed
from mce_exchange.store import body as bodies
from mce_exchange.store.body import Body
from mce_exchange.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What goes to the relay: header Statement, wraps, payload ciphertext."""

    header_id: bytes
    statement: bytes
    wraps: tuple[bytes, ...]
    payload: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far one recipient is: waiting, delivered, refused:<code>, undeliverable:<code>, void."""

    member: str
    status: str
    log_index: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of ours: queued, accepted or failed; POSIX seconds."""

    header_id: bytes
    state: str
    statement: bytes = field(repr=False)
    log_index: int | None
    reason: str
    at: int
    deliveries: tuple[Delivery, ...]


class Outbox:
    """The outgoing half of the message table."""

    def __init__(self, database: Database, master: bytes) -> None:
        self._database = database
        self._master = master

    def next_number(self, peer: str) -> tuple[int, bytes]:
        """The next sequence number to a peer, and the id that the one before went to."""
        row = self._database.row(
            "SELECT sequence, id FROM pair WHERE peer = ? AND outgoing = 1 ORDER BY sequence DESC LIMIT 1",
            peer,
        )
        return (row[0] + 1, row[1]) if row else (1, b"")

    def use_number(self, peer: str, sequence: int, id_: bytes) -> None:
        """A number is burned for ever."""
        self._database.run("INSERT OR REPLACE INTO pair VALUES (?, 1, ?, ?)", peer, sequence, id_)

    def put(self, seal: Callable[[], Sealed], body: Body, *, at: int) -> Sealed:
        """Number, sign and store in one transaction: a crash leaves the whole message or none of it."""
        with self._database.write():
            sealed = seal()
            for recipient in sealed.header.core.recipients:
                self.use_number(recipient.member, recipient.sequence, sealed.id)
            key_box, box = bodies.shut(self._master, sealed.id, body)
            self._database.run(
                "INSERT INTO message (header_id, outgoing, sender, state, statement, wraps, payload,"
                " body_key, body, at) VALUES (?, 1, ?, 'queued', ?, ?, ?, ?, ?, ?)",
                sealed.id,
                sealed.header.core.sender,
                sealed.statement.raw,
                msgpack.packb(list(sealed.wraps)),
                sealed.payload,
                key_box,
                box,
                at,
            )
            for position, recipient in enumerate(sealed.header.core.recipients):
                self._database.run(
                    "INSERT INTO recipient (header_id, position, member, status) VALUES (?, ?, ?, 'waiting')",
                    sealed.id,
                    position,
                    recipient.member,
                )
        return sealed

    def waiting(self, limit: int) -> list[Outgoing]:
        """The oldest that the relay has not answered."""
        rows = self._database.rows(
            "SELECT header_id, statement, wraps, payload FROM message WHERE outgoing = 1 AND state = 'queued'"
            " ORDER BY id LIMIT ?",
            limit,
        )
        return [
            Outgoing(header_id=r[0], statement=r[1], wraps=tuple(msgpack.unpackb(r[2])), payload=r[3])
            for r in rows
        ]

    def accepted(self, header_id: bytes, *, statement: bytes, log_index: int, receipt: bytes) -> None:
        """The relay's receipt has been verified; its copy of the Statement is the one that counts."""
        self._database.run(
            "UPDATE message SET state = 'accepted', statement = ?, log_index = ?, receipt = ?, payload = x''"
            " WHERE header_id = ? AND outgoing = 1",
            statement,
            log_index,
            receipt,
            header_id,
        )

    def failed(self, header_id: bytes, *, reason: str) -> None:
        """The relay will never take it; its numbers are void."""
        self._database.run(
            "UPDATE message SET state = 'failed', reason = ? WHERE header_id = ? AND outgoing = 1",
            reason,
            header_id,
        )
        self._database.run("UPDATE recipient SET status = 'void' WHERE header_id = ?", header_id)

    def delivery(self, header_id: bytes, position: int, *, status: str, log_index: int) -> bool:
        """Note a recipient's answer: the first final one counts. Whether this one did."""
        row = self._database.row(
            "SELECT status FROM recipient WHERE header_id = ? AND position = ?", header_id, position
        )
        if row is None or not (row[0] == "waiting" or row[0].endswith("prekey_not_held")):
            return False
        self._database.run(
            "UPDATE recipient SET status = ?, log_index = ? WHERE header_id = ? AND position = ?",
            status,
            log_index,
            header_id,
            position,
        )
        return True

    def rewrapped(self, header_id: bytes, position: int) -> bool:
        """Mark that this recipient's one re-wrap is used; whether it was free."""
        free = self._database.value(
            "SELECT rewrapped = 0 FROM recipient WHERE header_id = ? AND position = ?", header_id, position
        )
        if free:
            self._database.run(
                "UPDATE recipient SET rewrapped = 1 WHERE header_id = ? AND position = ?", header_id, position
            )
        return bool(free)

    def find(self, header_id: bytes) -> Sent | None:
        """One message of ours."""
        found = self._sent("WHERE header_id = ? AND outgoing = 1", header_id)
        return found[0] if found else None

    def all(self) -> list[Sent]:
        """All of them, oldest first."""
        return self._sent("WHERE outgoing = 1")

    def _sent(self, where: str, *values: object) -> list[Sent]:
        rows = self._database.rows(
            f"SELECT header_id, state, statement, log_index, reason, at FROM message {where} ORDER BY id",
            *values,
        )
        return [
            Sent(
                header_id=r[0],
                state=r[1],
                statement=r[2],
                log_index=r[3],
                reason=r[4],
                at=r[5],
                deliveries=tuple(
                    Delivery(member=d[0], status=d[1], log_index=d[2])
                    for d in self._database.rows(
                        "SELECT member, status, log_index FROM recipient WHERE header_id = ?"
                        " ORDER BY position",
                        r[0],
                    )
                ),
            )
            for r in rows
        ]

    def body(self, header_id: bytes) -> Body:
        """The private part; `StoreError` once erased."""
        row = self._database.row(
            "SELECT body_key, body FROM message WHERE header_id = ? AND outgoing = 1", header_id
        )
        return bodies.unshut(self._master, header_id, *(row or (None, None)))
