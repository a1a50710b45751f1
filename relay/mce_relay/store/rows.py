"""The store's questions in SQL, one method a statement (schema: `migrations/`); its changes: `writes`."""

# ruff: noqa: D102 - every method is documented where it is promised: `protocol.Reader`.

from collections.abc import Iterator
from typing import Any, Final

import apsw

from mce_exchange.errors import StoreError
from mce_relay.store.protocol import RESTORE, ConflictError, Fate, Logged, Message, Place, Upload, Usage

_ENTRY: Final = "e.idx, e.entry, e.id, e.public, e.author, e.statement"
_MESSAGE: Final = "m.idx, e.id, m.sender, m.accepted, m.expires, m.size, m.closed, m.erased"
_MESSAGES: Final = f"SELECT {_MESSAGE} FROM messages m JOIN entries e USING (idx)"
_PLACE: Final = (
    "p.idx, p.number, p.sender, p.recipient, p.fate, p.wrap, p.deadline, p.prekey_refused, p.rewrap"
)
UPLOAD: Final = "root, owner, size, started, complete, idx"
_MEND: Final = "look at the disk: is it full, read-only, or failing?"
_ALL: Final = "idx >= ?1 AND idx < ?2"
# From the two indexes, so that what others said is not even read.
_SEEN: Final = (
    f"idx IN (SELECT idx FROM parties WHERE member = ?3 AND {_ALL}"
    f" UNION SELECT idx FROM entries WHERE public = 1 AND {_ALL})"
)

Row = tuple[Any, ...]


class typed:  # noqa: N801 - a context manager, used as one
    """No foreign exception leaves the store; SQLite's texts hold names of tables, never contents."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        """Another exception goes on as it is."""
        if isinstance(error, apsw.ConstraintError):
            raise ConflictError(f"the database refused: ConstraintError: {error}") from error
        if isinstance(error, (apsw.CorruptError, apsw.NotADBError)):
            raise StoreError(f"the database is damaged: {type(error).__name__}", remedy=RESTORE) from error
        if isinstance(error, (apsw.Error, OSError)):
            raise StoreError(f"the database failed: {type(error).__name__}: {error}", remedy=_MEND) from error


class SqliteReader:
    """A `Reader` inside an open transaction of one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def size(self) -> int:
        row = self._one("SELECT max(idx) FROM entries")
        return 0 if row is None or row[0] is None else int(row[0]) + 1

    def entries(self, first: int, count: int) -> bytes:
        rows = self._all("SELECT entry FROM entries WHERE idx >= ? ORDER BY idx LIMIT ?", first, count)
        return b"".join(row[0] for row in rows)

    def logged(self, index: int) -> Logged | None:
        row = self._one(f"SELECT {_ENTRY} FROM entries e WHERE idx = ?", index)
        return self._logged(row) if row else None

    def find(self, id_: bytes) -> Logged | None:
        row = self._one(f"SELECT {_ENTRY} FROM entries e WHERE id = ?", id_)
        return self._logged(row) if row else None

    def walk(self, first: int, end: int, *, member: str | None, private: bool) -> Iterator[Logged]:
        with typed():
            rows = self._connection.execute(
                f"SELECT {_ENTRY} FROM entries e WHERE {_ALL if private else _SEEN} ORDER BY idx",
                (first, end) if private else (first, end, member),
            )
            for row in rows:
                yield self._logged(row)

    def is_party(self, member: str, index: int) -> bool:
        return self._one("SELECT 1 FROM parties WHERE member = ? AND idx = ?", member, index) is not None

    def checkpoint(self) -> bytes | None:
        return self._value("SELECT note FROM checkpoint")

    def anchor(self, min_size: int, *, witnessed: bool = False) -> bytes | None:
        note = "witnessed" if witnessed else "note"
        order = "ORDER BY size" if min_size else "ORDER BY size DESC"
        return self._value(
            f"SELECT {note} FROM anchors WHERE size >= ? AND {note} IS NOT NULL {order} LIMIT 1", min_size
        )

    def anchors(self, first: int, limit: int) -> list[tuple[int, bytes]]:
        rows = self._all(
            "SELECT size, note, witnessed FROM anchors WHERE size >= ? ORDER BY size LIMIT ?", first, limit
        )
        return [(size, note) for size, *notes in rows for note in dict.fromkeys(notes) if note is not None]

    def ended(self, min_size: int) -> bytes | None:
        return self._value("SELECT note FROM ended WHERE size >= ? ORDER BY size LIMIT 1", min_size)

    def successor(self) -> bytes | None:
        return self._value("SELECT bundle FROM successor")

    def kept_from(self) -> int:
        row = self._one("SELECT kept_from FROM retention")
        return int(row[0]) if row else 0

    def message(self, id_: bytes) -> Message | None:
        row = self._one(f"{_MESSAGES} WHERE e.id = ?", id_)
        return _message(row) if row else None

    def places(self, index: int) -> list[Place]:
        return [
            _place(row)
            for row in self._all(f"SELECT {_PLACE} FROM places p WHERE idx = ? ORDER BY number", index)
        ]

    def payload(self, index: int) -> bytes | None:
        return self._value("SELECT payload FROM payloads WHERE idx = ?", index)

    def number_user(self, sender: str, recipient: str, number: int) -> bytes | None:
        return self._value(
            "SELECT id FROM numbers WHERE sender = ? AND recipient = ? AND number = ?",
            sender,
            recipient,
            number,
        )

    def pending(self, sender: str, recipient: str) -> int:
        row = self._one(
            "SELECT count(*) FROM places WHERE fate = 0 AND sender = ? AND recipient = ?", sender, recipient
        )
        return int(row[0]) if row else 0

    def usage(self, member: str) -> Usage:
        row = self._one("SELECT held, day, messages, statements FROM usage WHERE member = ?", member)
        if row is None:
            return Usage()
        held, day, messages, statements = row
        return Usage(held=held, day=day, messages=messages, statements=statements)

    def upload(self, root: bytes) -> Upload | None:
        row = self._one(f"SELECT {UPLOAD} FROM uploads WHERE root = ?", root)
        return _upload(row) if row else None

    def roots(self) -> set[bytes]:
        return {row[0] for row in self._all("SELECT root FROM uploads")}

    def overdue(self, now: int, limit: int) -> list[tuple[Message, Place]]:
        rows = self._all(
            f"SELECT {_MESSAGE}, {_PLACE} FROM places p"
            " JOIN messages m USING (idx) JOIN entries e USING (idx)"
            " WHERE p.fate = 0 AND p.deadline IS NOT NULL AND p.deadline <= ? ORDER BY p.deadline LIMIT ?",
            now,
            limit,
        )
        return [(_message(row[:8]), _place(row[8:])) for row in rows]

    def expired(self, now: int, limit: int) -> list[Message]:
        where = "WHERE m.closed IS NULL AND m.expires <= ? ORDER BY m.expires LIMIT ?"
        return [_message(row) for row in self._all(f"{_MESSAGES} {where}", now, limit)]

    def erasable(self, closed_by: int, limit: int) -> list[Message]:
        where = "WHERE m.closed <= ? AND m.erased IS NULL ORDER BY m.closed LIMIT ?"
        return [_message(row) for row in self._all(f"{_MESSAGES} {where}", closed_by, limit)]

    def unfinished(self) -> int | None:
        # Three questions that an index answers each.
        wheres = (
            "closed IS NULL",
            "closed IS NOT NULL AND erased IS NULL",
            "erased IS NOT NULL AND attested = 0",
        )
        each = " UNION ALL ".join(f"SELECT min(idx) AS idx FROM messages WHERE {where}" for where in wheres)
        row = self._one(f"SELECT min(idx) FROM ({each})")
        return None if row is None else row[0]

    def held(self) -> list[Message]:
        held = "SELECT idx FROM payloads UNION SELECT idx FROM uploads WHERE idx IS NOT NULL"
        return [_message(row) for row in self._all(f"{_MESSAGES} WHERE m.idx IN ({held})")]

    def spoken(self, relay: str) -> Iterator[Logged]:
        where = "idx IN (SELECT idx FROM parties WHERE member = ?)"
        yield from map(self._logged, self._all(f"SELECT {_ENTRY} FROM entries e WHERE {where}", relay))

    def unattested(self, limit: int) -> list[Message]:
        where = "WHERE m.erased IS NOT NULL AND m.attested = 0 ORDER BY m.idx LIMIT ?"
        return [_message(row) for row in self._all(f"{_MESSAGES} {where}", limit)]

    def orphans(self, started_by: int, limit: int) -> list[Upload]:
        where = "WHERE idx IS NULL AND started <= ? ORDER BY started LIMIT ?"
        return [_upload(row) for row in self._all(f"SELECT {UPLOAD} FROM uploads {where}", started_by, limit)]

    def _logged(self, row: Row) -> Logged:
        index, entry, id_, public, author, statement = row
        records: list[Row] = []
        if public:
            records = self._all("SELECT record FROM records WHERE idx = ? ORDER BY place", index)
        return Logged(
            index=index,
            entry=entry,
            id=id_,
            public=bool(public),
            author=author,
            statement=statement,
            members=tuple(record[0] for record in records),
        )

    def _one(self, sql: str, *values: Any) -> Row | None:
        with typed():
            return self._connection.execute(sql, values).fetchone()

    def _all(self, sql: str, *values: Any) -> list[Row]:
        with typed():
            return self._connection.execute(sql, values).fetchall()

    def _value(self, sql: str, *values: Any) -> bytes | None:
        row = self._one(sql, *values)
        return bytes(row[0]) if row else None


def _message(row: Row) -> Message:
    index, id_, sender, accepted, expires, size, closed, erased = row
    return Message(
        index=index,
        id=id_,
        sender=sender,
        accepted=accepted,
        expires=expires,
        size=size,
        closed=closed,
        erased=erased,
    )


def _place(row: Row) -> Place:
    index, number, sender, recipient, fate, wrap, deadline, prekey_refused, rewrap = row
    return Place(
        index=index,
        number=number,
        sender=sender,
        recipient=recipient,
        fate=Fate(fate),
        wrap=wrap,
        deadline=deadline,
        prekey_refused=bool(prekey_refused),
        rewrap=rewrap,
    )


def _upload(row: Row) -> Upload:
    root, owner, size, started, complete, index = row
    return Upload(root=root, owner=owner, size=size, started=started, complete=bool(complete), index=index)
