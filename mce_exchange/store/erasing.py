"""What a home destroys when its time has come: keys of what was sent, and content (SPEC section 9.6).

    closed      nothing final is awaited any more: answered by all, failed, or expired
    key         seven days later the sender's content key goes, with wraps and ciphertext: no re-wrap after
    content     after the home's retention, or by a person: plaintext, stream secrets, attachments

First the bytes go, in a transaction; that they are gone is said only when no file of ours holds them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from mce_exchange.store import body as bodies
from mce_exchange.store.attachments import Attachments
from mce_exchange.store.database import Database

_AT_ONCE: Final = 64
_OPEN: Final = "(r.status = 'waiting' OR r.status = 'refused:prekey_not_held')"


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """A message whose delivery has ended; POSIX seconds."""

    header_id: bytes
    outgoing: bool
    sender: str
    state: str
    statement: bytes
    closed_at: int


class Erasing:
    """Callers are in a transaction."""

    def __init__(self, database: Database, master: bytes, attachments: Attachments) -> None:
        self._database = database
        self._master = master
        self._attachments = attachments

    def close(self, now: int) -> None:
        """Note what has ended since the last time."""
        self._database.run(
            "UPDATE message SET closed_at = ?1 WHERE closed_at IS NULL AND CASE"
            " WHEN state IN ('awaiting', 'queued', 'ready') THEN 0"
            " WHEN state IN ('failed', 'acknowledged', 'refused') THEN 1"
            " WHEN lifetime > 0 AND coalesce(logged_at, at) + lifetime < ?1 THEN 1"
            " ELSE outgoing = 1 AND NOT EXISTS (SELECT 1 FROM recipient r"
            f" WHERE r.header_id = message.header_id AND {_OPEN}) END",
            now,
        )

    def due_keys(self, before: int) -> list[Closed]:
        """Sent messages that closed before a POSIX time and whose content key is here."""
        return self._closed("outgoing = 1 AND key_erased = 0 AND closed_at < ?", before)

    def due_content(self, before: int) -> list[Closed]:
        """Messages that closed before a POSIX time and whose content is here."""
        return self._closed("content_erased = 0 AND closed_at < ?", before)

    def find(self, header_id: bytes) -> Closed | None:
        """One message, if it has closed."""
        return next(iter(self._closed("header_id = ? AND closed_at IS NOT NULL", header_id)), None)

    def holds(self, header_id: bytes) -> bool:
        """Whether the content of a message is here."""
        return bool(
            self._database.value("SELECT body_key IS NOT NULL FROM message WHERE header_id = ?", header_id)
        )

    def unsaid(self, part: str) -> list[Closed]:
        """Those of which a part (`key`, `content`) is gone and nobody has been told."""
        outgoing = "outgoing = 1 AND " if part == "key" else ""
        return self._closed(f"{outgoing}{part}_erased = 1 AND closed_at IS NOT NULL")

    @property
    def waiting(self) -> bool:
        """Whether something is gone of which nobody has been told."""
        return bool(self.unsaid("key") or self.unsaid("content"))

    def watched(self, before: int) -> list[Closed]:
        """Those that closed before a POSIX time and are still looked after."""
        return self._closed("gone = 0 AND state != 'failed' AND closed_at < ?", before)

    def outstanding(self, before: int) -> Iterator[Closed]:
        """Those that closed before then, and of which relay or sender had not said that it is gone."""
        return self._each("gone != 1 AND state != 'failed' AND closed_at < ? ORDER BY closed_at", before)

    def erase_key(self, one: Closed) -> None:
        """The content key, the wraps and the ciphertext of what we sent; its content stays."""
        row = self._database.row("SELECT body_key, body FROM message WHERE header_id = ?", one.header_id)
        if row and row[0] is not None:
            body = replace(bodies.unshut(self._master, one.header_id, *row), content_key=b"")
            key_box, box = bodies.shut(self._master, one.header_id, body)
            # secure_delete overwrites what these replace.
            self._database.run(
                "UPDATE message SET body_key = ?, body = ? WHERE header_id = ?", key_box, box, one.header_id
            )
        self._gone(one, "key")

    def erase_content(self, one: Closed, roots: Sequence[bytes]) -> None:
        """Plaintext, stream secrets, attachments (`roots`, 32 bytes each); what was sent goes with them."""
        for root in roots:
            self._attachments.erase(root)
        held = self._database.value("SELECT body_key FROM message WHERE header_id = ?", one.header_id)
        self._database.run(
            "UPDATE message SET body_key = NULL, body = NULL WHERE header_id = ?", one.header_id
        )
        if one.outgoing:
            self._gone(one, "key")
        self._gone(one, "content", said=held is None)

    def _gone(self, one: Closed, part: str, *, said: bool = False) -> None:
        # Of a message that was never logged there is nobody to tell; nor of content that we never had.
        state = 2 if said or one.state == "failed" else 1
        self._database.run(
            f"UPDATE message SET {part}_erased = max({part}_erased, ?), wraps = x'', payload = x''"
            " WHERE header_id = ?",
            state,
            one.header_id,
        )

    def said(self, part: str, header_ids: Sequence[bytes]) -> None:
        """The Statement that says so is queued."""
        for header_id in header_ids:
            self._database.run(f"UPDATE message SET {part}_erased = 2 WHERE header_id = ?", header_id)

    def settled(self, header_id: bytes, *, told: bool) -> None:
        """Relay and sender have said so in the log; or a person has been `told` that they have not."""
        self._database.run("UPDATE message SET gone = ? WHERE header_id = ?", 1 + told, header_id)

    def _closed(self, where: str, *values: object) -> list[Closed]:
        return list(self._each(f"{where} ORDER BY closed_at LIMIT {_AT_ONCE}", *values))

    def _each(self, where: str, *values: object) -> Iterator[Closed]:
        for r in self._database.each(
            f"SELECT header_id, outgoing, sender, state, statement, closed_at FROM message WHERE {where}",
            *values,
        ):
            yield Closed(
                header_id=r[0],
                outgoing=bool(r[1]),
                sender=r[2],
                state=r[3],
                statement=r[4],
                closed_at=r[5],
            )
