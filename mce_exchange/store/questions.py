"""What only a person may decide: open until answered, each bound to the prekey it was asked about."""

from dataclasses import dataclass

from mce_exchange.store.database import Database, News


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """May the content key of a message of ours be wrapped for a later prekey of this recipient?

    `prekey_id` is the prekey (32 bytes) that was asked about, or empty while there is none.
    """

    id: int
    header_id: bytes
    position: int
    member: str
    prekey_id: bytes
    at: int


class Questions:
    """The open questions of a home."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, header_id: bytes, position: int, *, member: str, prekey_id: bytes, at: int) -> None:
        """Ask, or ask anew about another prekey: under a new number, so that no answer reaches further."""
        self._database.touch(News.ALARMS)
        self._database.run(
            "INSERT OR REPLACE INTO question (header_id, position, member, prekey_id, at)"
            " VALUES (?, ?, ?, ?, ?)",
            header_id,
            position,
            member,
            prekey_id,
            at,
        )

    def open(self) -> list[Asked]:
        """Those that wait for an answer, oldest first."""
        rows = self._database.rows(
            "SELECT id, header_id, position, member, prekey_id, at FROM question WHERE answer IS NULL"
            " ORDER BY at, id"
        )
        return [
            Asked(id=r[0], header_id=r[1], position=r[2], member=r[3], prekey_id=r[4], at=r[5]) for r in rows
        ]

    def answered(self, id_: int, *, yes: bool) -> None:
        """A person has decided."""
        self._database.run("UPDATE question SET answer = ? WHERE id = ?", yes, id_)
