"""The store's changes in SQL, one method a statement (schema: `migrations/`)."""

# ruff: noqa: D102 - every method is documented where it is promised: `protocol.Writer`.

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from mce_relay.store.protocol import Fate, Logged, Message, Place, Upload, Usage
from mce_relay.store.rows import UPLOAD, SqliteReader, typed


class SqliteWriter(SqliteReader):
    """A `Writer` inside the writer connection's open transaction."""

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        self._do("SAVEPOINT work")
        try:
            yield
        except BaseException:
            # A full disk ends the whole transaction by itself: nothing is left to go back to.
            if self._connection.in_transaction:
                self._do("ROLLBACK TO work")
                self._do("RELEASE work")
            raise
        self._do("RELEASE work")

    def append(self, entry: Logged, parties: Sequence[str]) -> None:
        self._do(
            "INSERT INTO entries (idx, entry, id, public, author, statement) VALUES (?, ?, ?, ?, ?, ?)",
            entry.index,
            entry.entry,
            entry.id,
            entry.public,
            entry.author,
            entry.statement,
        )
        for place, record in enumerate(entry.members):
            self._do("INSERT INTO records (idx, place, record) VALUES (?, ?, ?)", entry.index, place, record)
        for member in sorted(set(parties)):
            self._do("INSERT INTO parties (member, idx) VALUES (?, ?)", member, entry.index)

    def delete_statements(self, end: int) -> None:
        self._do(
            "UPDATE entries SET statement = x'' WHERE public = 0 AND idx >= ? AND idx < ?",
            self.kept_from(),
            end,
        )
        self._do("INSERT OR REPLACE INTO retention (one, kept_from) VALUES (1, ?)", end)

    def put_checkpoint(self, note: bytes) -> None:
        self._do("INSERT OR REPLACE INTO checkpoint (one, note) VALUES (1, ?)", note)

    def put_ended(self, size: int, note: bytes) -> None:
        self._do("INSERT OR REPLACE INTO ended (size, note) VALUES (?, ?)", size, note)

    def put_successor(self, bundle: bytes | None) -> None:
        if bundle is None:
            self._do("DELETE FROM successor")
        else:
            self._do("INSERT INTO successor (one, bundle) VALUES (1, ?)", bundle)

    def put_anchor(self, size: int, note: bytes, *, witnessed: bool) -> None:
        self._do(
            "INSERT INTO anchors (size, note, witnessed) VALUES (?, ?, ?) ON CONFLICT (size) DO UPDATE"
            " SET note = excluded.note, witnessed = coalesce(excluded.witnessed, witnessed)",
            size,
            note,
            note if witnessed else None,
        )

    def put_message(
        self, message: Message, places: Sequence[Place], payload: bytes, roots: Sequence[bytes]
    ) -> None:
        self._do(
            "INSERT INTO messages (idx, sender, accepted, expires, size) VALUES (?, ?, ?, ?, ?)",
            message.index,
            message.sender,
            message.accepted,
            message.expires,
            message.size,
        )
        self._do("INSERT INTO payloads (idx, payload) VALUES (?, ?)", message.index, payload)
        for place in places:
            self.put_place(place)
        for root in roots:
            self._do("UPDATE uploads SET idx = ? WHERE root = ?", message.index, root)

    def use_number(self, sender: str, recipient: str, number: int, id_: bytes) -> None:
        self._do(
            "INSERT INTO numbers (sender, recipient, number, id) VALUES (?, ?, ?, ?)",
            sender,
            recipient,
            number,
            id_,
        )

    def put_place(self, place: Place) -> None:
        self._do(
            "INSERT OR REPLACE INTO places (idx, number, sender, recipient, fate, wrap, deadline,"
            " prekey_refused, rewrap) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            place.index,
            place.number,
            place.sender,
            place.recipient,
            int(place.fate),
            place.wrap,
            place.deadline,
            place.prekey_refused,
            place.rewrap,
        )

    def close(self, index: int, when: int) -> None:
        self._do("UPDATE messages SET closed = ? WHERE idx = ? AND closed IS NULL", when, index)
        self._do(
            "UPDATE places SET fate = ? WHERE idx = ? AND fate = ?",
            int(Fate.EXPIRED),
            index,
            int(Fate.PENDING),
        )

    def erase(self, message: Message, when: int) -> None:
        self._do("DELETE FROM payloads WHERE idx = ?", message.index)
        self._do("DELETE FROM uploads WHERE idx = ?", message.index)
        self._do("UPDATE places SET wrap = x'', rewrap = x'' WHERE idx = ?", message.index)
        self._do("UPDATE messages SET erased = ? WHERE idx = ?", when, message.index)

    def attest(self, indices: Sequence[int]) -> None:
        for index in indices:
            self._do("UPDATE messages SET attested = 1 WHERE idx = ?", index)

    def put_usage(self, member: str, usage: Usage) -> None:
        self._do(
            "INSERT OR REPLACE INTO usage (member, held, day, messages, statements) VALUES (?, ?, ?, ?, ?)",
            member,
            usage.held,
            usage.day,
            usage.messages,
            usage.statements,
        )

    def put_upload(self, upload: Upload) -> None:
        self._do(
            f"INSERT OR REPLACE INTO uploads ({UPLOAD}) VALUES (?, ?, ?, ?, ?, ?)",
            upload.root,
            upload.owner,
            upload.size,
            upload.started,
            upload.complete,
            upload.index,
        )

    def remove_upload(self, root: bytes) -> None:
        self._do("DELETE FROM uploads WHERE root = ?", root)

    def _do(self, sql: str, *values: Any) -> None:
        with typed():
            self._connection.execute(sql, values)
