"""The order of each pair: which number had which message, in both directions, and what is missing."""

from dataclasses import dataclass

from mce_exchange.store.database import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Numbers `first` to `last` of a peer that have not come, though later ones have."""

    peer: str
    first: int
    last: int


class Numbers:
    """Sequence numbers. Of a header and a void for one number the first logged counts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def next(self, peer: str) -> tuple[int, bytes]:
        """Our next number to a peer, and the id that the one before was given (32 bytes, or none)."""
        row = self._database.row(
            "SELECT sequence, id FROM pair WHERE peer = ? AND outgoing = 1 ORDER BY sequence DESC LIMIT 1",
            peer,
        )
        return (row[0] + 1, row[1]) if row else (1, b"")

    def given(self, peer: str, sequence: int) -> bytes | None:
        """The id that has a number of ours."""
        id_: bytes | None = self._database.value(
            "SELECT id FROM pair WHERE peer = ? AND outgoing = 1 AND sequence = ?", peer, sequence
        )
        return id_

    def give(self, peer: str, sequence: int, id_: bytes) -> None:
        """Give a number of ours to a message; what the log says later stands above what was meant here."""
        self._database.run("INSERT OR REPLACE INTO pair VALUES (?, 1, ?, ?, x'')", peer, sequence, id_)

    def id_of(self, peer: str, sequence: int) -> bytes | None:
        """The id that has this number from a peer, if it was used: a header's, or a void's."""
        found = self._used(peer, sequence)
        return found[0] if found else None

    def may_precede(self, peer: str, sequence: int, previous_id: bytes) -> bool:
        """Whether a peer may name this id for its number: it is ours for it, or we know none."""
        found = self._used(peer, sequence)
        return found is None or previous_id in found

    def _used(self, peer: str, sequence: int) -> tuple[bytes, bytes] | None:
        row = self._database.row(
            "SELECT id, annulled FROM pair WHERE peer = ? AND outgoing = 0 AND sequence = ?", peer, sequence
        )
        return (bytes(row[0]), bytes(row[1])) if row else None

    def use(self, peer: str, sequence: int, id_: bytes, *, now: int, annulled: bytes = b"") -> None:
        """Note a peer's number, and those below it that are still missing as a gap."""
        highest = int(
            self._database.value(
                "SELECT coalesce(max(sequence), 0) FROM pair WHERE peer = ? AND outgoing = 0", peer
            )
        )
        if sequence > highest + 1:
            self._gap(peer, highest + 1, sequence - 1, now, 0)
        elif sequence <= highest:
            self._fill(peer, sequence)
        self._database.run("INSERT OR IGNORE INTO pair VALUES (?, 0, ?, ?, ?)", peer, sequence, id_, annulled)

    def _fill(self, peer: str, sequence: int) -> None:
        row = self._database.row(
            "SELECT first, last, since, alarmed FROM gap WHERE peer = ? AND first <= ? AND last >= ?",
            peer,
            sequence,
            sequence,
        )
        if row is not None:
            first, last, since, alarmed = row
            self._database.run("DELETE FROM gap WHERE peer = ? AND first = ?", peer, first)
            self._gap(peer, first, sequence - 1, since, alarmed)
            self._gap(peer, sequence + 1, last, since, alarmed)

    def _gap(self, peer: str, first: int, last: int, since: int, alarmed: int) -> None:
        if first <= last:
            self._database.run("INSERT INTO gap VALUES (?, ?, ?, ?, ?)", peer, first, last, since, alarmed)

    def gaps(self, *, before: int) -> list[Gap]:
        """Gaps older than a POSIX time that nobody was told of; they are marked told."""
        rows = self._database.rows(
            "SELECT peer, first, last FROM gap WHERE since <= ? AND NOT alarmed", before
        )
        self._database.run("UPDATE gap SET alarmed = 1 WHERE since <= ?", before)
        return [Gap(peer=peer, first=first, last=last) for peer, first, last in rows]

    def heard(self, peer: str, log_index: int, *, message_at: int | None = None) -> None:
        """Note that a header (with the POSIX time it came) or a high-water of a peer was logged."""
        self._database.run(
            "INSERT INTO heard VALUES (?, ?, coalesce(?, 0)) ON CONFLICT (peer) DO UPDATE"
            " SET log_index = ?, message_at = coalesce(?, message_at)",
            peer,
            log_index,
            message_at,
            log_index,
            message_at,
        )

    def silent(self, *, below: int, since: int) -> list[tuple[str, int]]:
        """`(peer, log index)` of peers last heard below a log index, if they wrote after a time."""
        rows = self._database.rows(
            "SELECT peer, log_index FROM heard WHERE log_index < ? AND message_at > ?", below, since
        )
        return [(str(peer), int(index)) for peer, index in rows]
