"""Messages we send: durable before anyone is told, numbered and signed once, resent byte for byte.

States: `awaiting` (a second person's signature), `queued`, `accepted` (a receipt, or the log itself, says
that it is logged), `failed`, `elsewhere` (logged in our name by a home that this one was made from, or
that runs beside it). Urgent ones go first; one whose attachments are still on their way holds up nobody.
"""

from collections.abc import Callable, Container, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

import msgpack

from mce_exchange import limits
from mce_exchange.errors import StoreError
from mce_exchange.header import Core
from mce_exchange.sealing import Sealed
from mce_exchange.store import body as bodies
from mce_exchange.store.body import Body
from mce_exchange.store.database import Database, News
from mce_exchange.store.numbers import Numbers

_T = TypeVar("_T", bound="Sized")
_CALL_BYTES: Final = 8 * limits.MIB


class Sized(Protocol):
    """Something that has a size in a call."""

    @property
    def size(self) -> int:
        """Bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """What goes to the relay: header Statement, wraps, payload ciphertext."""

    header_id: bytes
    statement: bytes
    wraps: tuple[bytes, ...]
    payload: bytes

    @property
    def size(self) -> int:
        """Bytes in a call."""
        return len(self.statement) + sum(map(len, self.wraps)) + len(self.payload)


def fitting(found: Iterable[_T], limit: int) -> list[_T]:
    """The first of them, as many as one call takes, and one at least; no more are read."""
    taken: list[_T] = []
    size = 0
    for one in found:
        size += one.size
        if taken and size > _CALL_BYTES:
            break
        taken.append(one)
        if len(taken) == limit:
            break
    return taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """How far one recipient is: waiting, delivered, refused:<code>, undeliverable:<code>, void."""

    member: str
    status: str
    log_index: int | None

    @property
    def final(self) -> bool:
        """Whether nothing can follow: all but waiting, and a prekey that is not held."""
        return not (self.status == "waiting" or self.status.endswith("prekey_not_held"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A message of ours: awaiting, queued, accepted, failed or elsewhere; POSIX seconds."""

    header_id: bytes
    state: str
    statement: bytes = field(repr=False)
    log_index: int | None
    receipt: bytes = field(repr=False)
    reason: str
    at: int
    deliveries: tuple[Delivery, ...]


class Outbox:
    """The outgoing half of the message table."""

    def __init__(self, database: Database, master: bytes, numbers: Numbers) -> None:
        self._database = database
        self._master = master
        self._numbers = numbers

    def add(self, seal: Callable[[], Sealed], body: Body, *, at: int) -> Sealed:
        """Number, sign and store in the caller's transaction: a crash leaves all of the message or none."""
        sealed = seal()
        core = sealed.header.core
        self._database.touch(News.UPLOADS if len(core.streams) > 1 else News.OUTBOX)
        for recipient in core.recipients:
            self._numbers.give(recipient.member, recipient.sequence, sealed.id)
        key_box, box = bodies.shut(self._master, sealed.id, body)
        self._database.run(
            "INSERT INTO message (header_id, outgoing, sender, state, statement, wraps, payload,"
            " body_key, body, at, urgent, to_upload, lifetime)"
            " VALUES (?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            sealed.id,
            core.sender,
            "queued" if sealed.statement.signers == core.signers else "awaiting",
            sealed.statement.raw,
            msgpack.packb(list(sealed.wraps)),
            sealed.payload,
            key_box,
            box,
            at,
            core.urgent,
            len(core.streams) > 1,
            core.lifetime_seconds,
        )
        self._recipients(sealed.id, core)
        return sealed

    def waiting(self, limit: int, *, to_upload: bool = False, skip: Container[object] = ()) -> list[Outgoing]:
        """What the relay has not answered and one call takes, urgent ones first, then the oldest.

        Either what can be submitted, or what has attachments to be put first; not those in `skip`.
        """
        with closing(
            self._database.each(
                "SELECT header_id, statement, wraps, payload FROM message"
                " WHERE outgoing = 1 AND state = 'queued' AND to_upload = ? ORDER BY urgent DESC, id",
                to_upload,
            )
        ) as rows:
            return fitting(
                (
                    Outgoing(header_id=r[0], statement=r[1], wraps=_wraps(r[2]), payload=r[3])
                    for r in rows
                    if r[0] not in skip
                ),
                limit,
            )

    def queued(self) -> list[tuple[bytes, bytes]]:
        """Header id and Statement of all that the relay has not answered, in the order of their numbers."""
        rows = self._database.rows(
            "SELECT header_id, statement FROM message WHERE outgoing = 1 AND state = 'queued' ORDER BY id"
        )
        return [(bytes(header_id), bytes(raw)) for header_id, raw in rows]

    def outgoing(self, header_id: bytes) -> Outgoing:
        """One message as it goes to the relay; `StoreError` if there is none."""
        r = self._database.row(
            "SELECT header_id, statement, wraps, payload FROM message WHERE header_id = ? AND outgoing = 1",
            header_id,
        )
        if r is None:
            raise StoreError(f"no message {header_id.hex()} was sent from this home")
        return Outgoing(header_id=r[0], statement=r[1], wraps=_wraps(r[2]), payload=r[3])

    def uploaded(self, header_id: bytes, *, done: bool) -> None:
        """Note whether all attachments of a message are at the relay."""
        self._database.touch(News.OUTBOX, News.UPLOADS)
        self._database.run(
            "UPDATE message SET to_upload = ? WHERE header_id = ? AND outgoing = 1", not done, header_id
        )

    def accepted(
        self, header_id: bytes, *, statement: bytes, log_index: int, receipt: bytes, at: int
    ) -> None:
        """The relay's receipt has been verified; its copy of the Statement is the one that counts.

        Nothing changes if the log itself was quicker. The ciphertext stays until the receipt proves true.
        """
        self._accepted("state = 'queued'", header_id, statement, log_index, receipt, at)

    def logged(self, header_id: bytes, *, statement: bytes, log_index: int, at: int) -> None:
        """The log itself has it, the first time: whatever a receipt said."""
        self._accepted("(state != 'accepted' OR receipt != x'')", header_id, statement, log_index, b"", at)
        self._database.run(
            "UPDATE recipient SET status = 'waiting' WHERE header_id = ? AND status = 'void'", header_id
        )

    def elsewhere(self, header_id: bytes, core: Core, *, statement: bytes, log_index: int) -> None:
        """The log has it, another home of ours sent it: its answers are followed, its content is not here."""
        at = core.created_minutes * 60
        self._database.touch(News.SENT)
        self._database.run(
            "INSERT INTO message (header_id, outgoing, sender, state, statement, wraps, payload, log_index,"
            " at, urgent, lifetime, logged_at)"
            " VALUES (?, 1, ?, 'elsewhere', ?, ?, x'', ?, ?, ?, ?, ?)",
            header_id,
            core.sender,
            statement,
            msgpack.packb([]),
            log_index,
            at,
            core.urgent,
            core.lifetime_seconds,
            at,
        )
        self._recipients(header_id, core)

    def _recipients(self, header_id: bytes, core: Core) -> None:
        for position, recipient in enumerate(core.recipients):
            self._database.run(
                "INSERT INTO recipient (header_id, position, member, status) VALUES (?, ?, ?, 'waiting')",
                header_id,
                position,
                recipient.member,
            )

    def _accepted(
        self, where: str, header_id: bytes, statement: bytes, log_index: int, receipt: bytes, at: int
    ) -> None:
        self._database.touch(News.SENT)
        self._database.run(
            "UPDATE message SET state = 'accepted', statement = ?, log_index = ?, receipt = ?, logged_at = ?,"
            f" anchored = 0, reason = '' WHERE header_id = ? AND outgoing = 1 AND {where}",
            statement,
            log_index,
            receipt,
            at,
            header_id,
        )

    def failed(self, header_id: bytes, *, reason: str) -> bool:
        """It will never be taken, or approved; whether that is news. Its numbers are for `void`."""
        state = self._database.value(
            "SELECT state FROM message WHERE header_id = ? AND outgoing = 1", header_id
        )
        if state not in ("awaiting", "queued"):
            return False
        self._database.touch(News.SENT)
        self._database.run(
            "UPDATE message SET state = 'failed', reason = ? WHERE header_id = ? AND outgoing = 1",
            reason,
            header_id,
        )
        self._database.run("UPDATE recipient SET status = 'void' WHERE header_id = ?", header_id)
        return True

    def approved(self, header_id: bytes, *, statement: bytes, at: int) -> bool:
        """A second person has signed: it waits for the relay since this POSIX time. Whether that is news."""
        if header_id not in self.awaiting():
            return False
        self._database.touch(News.OUTBOX, News.UPLOADS, News.SENT)
        self._database.run(
            "UPDATE message SET state = 'queued', statement = ?, at = ? WHERE header_id = ? AND outgoing = 1",
            statement,
            at,
            header_id,
        )
        return True

    def awaiting(self, *, before: int | None = None) -> list[bytes]:
        """Header ids of what a second person has still to sign, oldest first; handed over before a time."""
        rows = self._database.rows(
            "SELECT header_id FROM message WHERE outgoing = 1 AND state = 'awaiting'"
            " AND (?1 IS NULL OR at < ?1) ORDER BY id",
            before,
        )
        return [bytes(row[0]) for row in rows]

    def delivery(self, header_id: bytes, position: int, *, status: str, log_index: int) -> bool:
        """Note a recipient's answer: the first final one counts. Whether this one did."""
        row = self._database.row(
            "SELECT member, status, log_index FROM recipient WHERE header_id = ? AND position = ?",
            header_id,
            position,
        )
        if row is None or Delivery(member=row[0], status=row[1], log_index=row[2]).final:
            return False
        self._database.touch(News.SENT)
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
        row = self._database.row(
            "SELECT header_id, state, statement, log_index, receipt, reason, at FROM message"
            " WHERE header_id = ? AND outgoing = 1",
            header_id,
        )
        if row is None:
            return None
        deliveries = self._database.rows(
            "SELECT member, status, log_index FROM recipient WHERE header_id = ? ORDER BY position", header_id
        )
        return Sent(
            header_id=row[0],
            state=row[1],
            statement=row[2],
            log_index=row[3],
            receipt=row[4],
            reason=row[5],
            at=row[6],
            deliveries=tuple(Delivery(member=d[0], status=d[1], log_index=d[2]) for d in deliveries),
        )

    def count(self, state: str) -> int:
        """How many messages of ours are in one state."""
        return int(
            self._database.value("SELECT count(*) FROM message WHERE outgoing = 1 AND state = ?", state)
        )

    def unanswered(self) -> int:
        """How many answers are still awaited."""
        return int(self._database.value("SELECT count(*) FROM recipient WHERE status = 'waiting'"))

    def late(self, *, before: int, urgent_before: int) -> list[tuple[bytes, str]]:
        """Header id and state of what was handed over before a POSIX time and is still here."""
        rows = self._database.rows(
            "SELECT header_id, state FROM message WHERE outgoing = 1 AND state IN ('queued', 'awaiting')"
            " AND at < CASE WHEN urgent THEN ? ELSE ? END",
            urgent_before,
            before,
        )
        return [(bytes(header_id), str(state)) for header_id, state in rows]

    def expired(self, now: int) -> list[tuple[bytes, str]]:
        """(header id, recipient) of what was accepted, has expired and was not finally answered."""
        # From the few that are open: a home with years of messages is not walked through each minute.
        rows = self._database.rows(
            "SELECT header_id, member FROM recipient INDEXED BY recipient_open"
            " CROSS JOIN message USING (header_id)"
            " WHERE (status = 'waiting' OR status = 'refused:prekey_not_held')"
            " AND outgoing = 1 AND state IN ('accepted', 'elsewhere') AND logged_at + lifetime < ?",
            now,
        )
        return [(bytes(header_id), str(member)) for header_id, member in rows]

    def body(self, header_id: bytes) -> Body:
        """The private part; `StoreError` once erased."""
        row = self._database.row(
            "SELECT body_key, body FROM message WHERE header_id = ? AND outgoing = 1", header_id
        )
        return bodies.unshut(self._master, header_id, *(row or (None, None)))


def _wraps(data: bytes) -> tuple[bytes, ...]:
    try:
        return tuple(msgpack.unpackb(data))
    except (ValueError, TypeError, msgpack.UnpackException):
        raise StoreError(
            "a message in this home is damaged", remedy="restore the home from a backup"
        ) from None
