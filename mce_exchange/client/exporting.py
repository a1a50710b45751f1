"""The evidence of a period, from what a home holds of the log: one stream of records, resumable (SPEC 12.5).

An auditor's home holds every Statement, a member's those to which it is a party and the public ones.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import merge
from itertools import groupby
from pathlib import Path
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.audit.build import Piece, build
from mce_exchange.audit.records import Record, read_records
from mce_exchange.client.identity import Identity
from mce_exchange.client.proving import covering_anchor, judging
from mce_exchange.errors import MceError, ProtocolError, StoreError, UsageError
from mce_exchange.hotline.follow import Follower
from mce_exchange.keyfile import sync_folder
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.verify import equal
from mce_exchange.statement import DIRECTORY
from mce_exchange.store.home import Home
from mce_exchange.store.logbook import PASSED_OVER, Logged
from mce_exchange.v1 import evidence_pb2, statement_pb2

_AGAIN: Final = "remove it, or give another --out"


@dataclass(frozen=True, slots=True)
class Period:
    """Entries from `first` below `last`: the smallest span known to hold all that was logged in a time."""

    first: int
    last: int


def period(home: Home, follower: Follower, since: int | None, until: int | None) -> Period:
    """By the log's clock, POSIX seconds; None for its beginning, and for its newest anchor.

    The log dates its trees, not its entries: by the anchors of the last two days, and a `clock` a day.
    """
    _, size = covering_anchor(home, follower, 0)
    known = home.logbook.times()
    for one in home.logbook.public(("clock",)):
        note = statement_pb2.Clock.FromString(statements.decode(one.raw).body).anchor
        anchor = follower.state.open_anchor(note)
        known.append((anchor.time, anchor.checkpoint.size))
    first = max((at for time, at in known if since is not None and time <= since), default=0)
    last = min((at for time, at in known if until is not None and time >= until), default=size)
    if first >= min(last, size):
        raise UsageError("nothing was logged then, as far as this home has followed the log")
    return Period(first, min(last, size))


class Exporting:
    """Writes `out` whole or not at all; what is cut off stays as a `.part` beside it, to go on with."""

    def __init__(self, home: Home, identity: Identity, follower: Follower, out: Path) -> None:
        self._home = home
        self._identity = identity
        self._follower = follower
        self._out = out

    def begin(self, chosen: Period, told: Callable[[int, int], None]) -> int:
        """From the beginning: the bytes written. `UsageError` if an earlier one was cut off."""
        if cut := self._parts():
            raise UsageError(
                f"an export was cut off: {cut[0].name}", remedy="go on with --resume, or remove it"
            )
        note, size = covering_anchor(self._home, self._follower, chosen.last - 1)
        part = self._out.with_name(f"{self._out.name}.{chosen.first}-{chosen.last}.part")
        return self._write(part, chosen, size, _Found(anchor=note), told)

    def resume(self, told: Callable[[int, int], None]) -> int:
        """On from the last whole record of the one that was cut off, under the same anchor."""
        parts = self._parts()
        if len(parts) != 1:
            raise UsageError(f"there are {len(parts)} exports to go on with beside {self._out.name}")
        first, _, last = parts[0].name.removeprefix(self._out.name)[1:].removesuffix(".part").partition("-")
        try:
            chosen = Period(int(first), int(last))
            found = _Found.of(parts[0])
            anchor = self._follower.state.open_anchor(found.anchor)
            size, tree = anchor.checkpoint.size, self._follower.tree
            ours = size <= tree.size and equal(tree.root(size), anchor.checkpoint.root)
        except (MceError, ValueError):
            ours = False
        if not ours:
            raise UsageError(f"{parts[0].name} is no beginning of an export of this log", remedy=_AGAIN)
        return self._write(parts[0], chosen, size, found, told)

    def _parts(self) -> list[Path]:
        return [
            path
            for path in sorted(self._out.parent.glob("*.part"))
            if path.name.startswith(self._out.name + ".")
        ]

    def _write(
        self, part: Path, chosen: Period, size: int, found: "_Found", told: Callable[[int, int], None]
    ) -> int:
        made = build(
            (piece for piece in self._pieces(chosen, size, told) if piece.index > found.last),
            network_id=self._identity.network_id,
            tree=self._follower.tree,
            anchor=found.anchor,
            anchor_size=size,
            written=found.records,
        )
        try:
            with os.fdopen(os.open(part, os.O_CREAT | os.O_RDWR, 0o600), "r+b") as file:
                file.truncate(found.length)
                file.seek(found.length)
                for record in made:
                    file.write(record)
                file.flush()
                os.fsync(file.fileno())
                written = file.tell()
            part.replace(self._out)
            sync_folder(self._out.parent)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a file's name"
            raise StoreError(f"cannot write {part}: {why}") from error
        return written

    def _pieces(self, chosen: Period, size: int, told: Callable[[int, int], None]) -> Iterator[Piece]:
        logbook = self._home.logbook
        both = merge(
            judging(self._home, size),
            logbook.period(chosen.first, chosen.last, size),
            key=lambda one: one.index,
        )
        for index, same in groupby(both, key=lambda one: one.index):
            one = next(same)
            told(index, size)
            if shown(self._home, one):
                yield Piece(one.index, one.raw, one.members)


def shown(home: Home, one: Logged) -> bool:
    """What does not count is evidence of that, if its bytes and its entry are of one form (SPEC 12.2)."""
    if one.type != PASSED_OVER:
        return True
    try:
        decoded = statements.decode(one.raw)
    except ProtocolError:
        return False
    entry = LogEntry(decoded.public, decoded.digest).encode()
    return decoded.type != DIRECTORY and entry == home.logbook.entry(one.index)


@dataclass(slots=True, kw_only=True)
class _Found:
    """What stands in a file that was cut off: whole records and their length, the last index, the anchor."""

    records: int = 0
    length: int = 0
    last: int = -1
    anchor: bytes = b""

    @classmethod
    def of(cls, path: Path) -> "_Found":
        found = cls()
        with path.open("rb") as file:
            try:
                for record in read_records(file):
                    found.take(record)
            except ProtocolError:
                # The record that was cut off is written again.
                pass
        if found.records < 2:
            raise UsageError("nothing whole stands in it")
        return found

    def take(self, record: Record) -> None:
        self.records += 1
        self.length += len(record.encode())
        if record.kind == "anchor":
            self.anchor = evidence_pb2.EvidenceAnchor.FromString(record.data).note
        elif record.kind == "directory":
            self.last = evidence_pb2.EvidenceDirectory.FromString(record.data).index
        elif record.kind == "statement":
            self.last = evidence_pb2.EvidenceStatement.FromString(record.data).index
