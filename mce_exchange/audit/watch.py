"""A monitor: every entry that a home was shown, judged once, from a state on disk (SPEC section 12.6).

It goes from one dated tree to the next: entries, then the anchor over them. All that it knows stands in
a ledger, moved on with what was found in one transaction, so it may end anywhere and begin again there.
It believes nothing that the home has judged: signatures, Directories and order are verified anew.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

import msgpack

from mce_exchange import statement as statements
from mce_exchange.audit import alarms, ledger, order, terms
from mce_exchange.audit.ahead import ahead, verifying
from mce_exchange.audit.alarms import Alarms, Kind
from mce_exchange.audit.answers import Answers
from mce_exchange.audit.ledger import Ledger
from mce_exchange.audit.order import Order
from mce_exchange.audit.terms import Rules, Terms
from mce_exchange.directory import differences
from mce_exchange.directory.authority import Signed, Verdict
from mce_exchange.directory.model import Role
from mce_exchange.directory.public import PublicState
from mce_exchange.directory.records import Bundle
from mce_exchange.errors import ContextError, MceError, ProtocolError, StoreError
from mce_exchange.header import read_header
from mce_exchange.log.anchor import Anchor
from mce_exchange.log.entry import LogEntry
from mce_exchange.primitives.verify import equal, sha256
from mce_exchange.statement import DIRECTORY, HEADER, Statement
from mce_exchange.v1 import statement_pb2

RootOf = Callable[[int], bytes]

_SCHEMA: Final = f"""
{ledger.SCHEMA}{alarms.SCHEMA}{order.SCHEMA}{terms.SCHEMA}
CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
-- Public Statements that took effect, from which the state is built again.
CREATE TABLE IF NOT EXISTS public (log_index INTEGER PRIMARY KEY, raw BLOB NOT NULL, members BLOB NOT NULL);
-- Trees whose time is known.
CREATE TABLE IF NOT EXISTS dated (size INTEGER PRIMARY KEY, time INTEGER NOT NULL);
"""
_TOGETHER: Final = 512
_DAY: Final = 24 * 3600
# Witnesses' clocks beside each other's, and the log's.
_SKEW_SECONDS: Final = 600
_STALE_DAYS: Final = (90, 30, 7, 0)
_NEWS: Final = {
    "tls-keys": "other door certificates",
    "revocation": "a key is revoked",
    "suspension": "a member is suspended",
    "board-recovery": "a board gives its member a new key",
}


@dataclass(slots=True)
class Entry:
    """What a home holds of one log entry: 34 bytes; the Statement, if it was shown; a Directory's records."""

    index: int
    entry: bytes
    raw: bytes | None
    members: tuple[bytes, ...] = ()
    decoded: Statement | None = field(default=None, init=False)

    @property
    def statement(self) -> Statement | None:
        """Its framing; None for bytes that are none."""
        if self.decoded is None:
            with suppress(ProtocolError):
                self.decoded = statements.decode(self.raw or b"")
        return self.decoded


class Watch:
    """`entries` and `anchor` in turn, then `look` at the clock. For one thread."""

    def __init__(self, path: Path, *, genesis: Bundle, network_id: bytes, me: str, rules: Rules) -> None:
        """Open, or begin; `StoreError` for damage or another network's."""
        self.ledger = Ledger(path, schema=_SCHEMA)
        self.alarms = Alarms(self.ledger)
        self._network_id = network_id
        self._me = me
        self._answers = Answers(network_id, self.ledger)
        self._order = Order(self.ledger, self.alarms)
        self._terms = Terms(self.ledger, self.alarms, rules)
        self.state = self._restored(genesis)
        self.size = self._number("size")
        self.now = self._number("now")
        self.anchored = self._number("anchored")

    def _restored(self, genesis: Bundle) -> PublicState:
        known = self._value("network_id") or self._network_id
        if not equal(known, self._network_id):
            raise StoreError("this monitor has watched another network", remedy="give it another --state")
        state = PublicState.genesis(genesis, network_id=self._network_id)
        for index, raw, members in self.ledger.each("SELECT * FROM public ORDER BY log_index"):
            state = state.after(raw, members=msgpack.unpackb(members), index=index)
        return state

    def same(self, root_of: RootOf, size: int) -> bool:
        """Whether a home of `size` entries holds the log that was watched before; else an alarm."""
        root = self._value("root")
        if root is None or (size >= self.size and equal(root_of(self.size), root)):
            return True
        with self.ledger.write():
            kind = Kind.FORK if size >= self.size else Kind.ROLLED_BACK
            text = f"this home holds another log than the {self.size} entries that were watched: keep both"
            self.alarms.put(kind, f"home at {self.size}", text, at=self.now)
        return False

    def entries(self, found: Iterable[Entry], root_of: RootOf) -> None:
        """Entries from `size` on, without a gap; durable every few hundred."""
        items = ahead(found, self._ahead, lambda one: len(one.raw or b""))
        while group := list(islice(items, _TOGETHER)):
            with self.ledger.write():
                for one in group:
                    self._entry(one, root_of)
                self.state = self.state.skipped(self.size)
                self._keep(root_of)

    def anchor(self, note: bytes, root_of: RootOf) -> None:
        """An anchor over entries that have been taken: it dates them, and must be of this log."""
        with self.ledger.write():
            try:
                anchor = self.state.open_anchor(note)
            except MceError as error:
                self.alarms.put(Kind.INVALID, "anchor", f"an anchor that does not hold: {error}", at=self.now)
                return
            size = anchor.checkpoint.size
            if size > self.size:
                raise ContextError(f"an anchor of {size} entries over {self.size} that were taken")
            if not equal(root_of(size), anchor.checkpoint.root):
                text = f"the log's key has signed another tree of {size} entries: keep the home as proof"
                self.alarms.put(Kind.FORK, f"anchor {size}", text, at=self.now)
            elif size < self.anchored or anchor.time < self.now - _SKEW_SECONDS:
                text = f"an anchor of {size} entries at {anchor.time}: one before had more, or was later"
                self.alarms.put(Kind.ROLLED_BACK, f"anchor {size} {anchor.time}", text, at=self.now)
            else:
                self.anchored = size
                self._put("anchored", str(size).encode())
                self._put("anchor", note)
                self._dated(size, max(anchor.time, self.now))
                self._witnesses(anchor)
                self._stale()

    def look(self, clock: int, *, silent_seconds: int) -> None:
        """Whether the log has stood still, by our own clock: POSIX seconds."""
        if self.now and clock - self.now > silent_seconds:
            with self.ledger.write():
                minutes = (clock - self.now) // 60
                text = f"no anchor for {minutes} minutes: the relay, or this home's node, stands still"
                self.alarms.put(Kind.LOG_SILENT, f"since {self.now}", text, at=self.now)

    # Entries.

    def _ahead(self, items: Sequence[Entry]) -> Callable[[], None]:
        found = [item.statement for item in items if item.statement]
        return verifying(found, self._network_id, self.state.find_key)

    def _entry(self, one: Entry, root_of: RootOf) -> None:
        if one.index != self.size:
            raise ContextError(f"entry {one.index} where {self.size} comes next")
        self.size += 1
        entry = LogEntry.decode(one.entry)
        if one.raw is None:
            if entry.public or self._sees_all():
                text = f"the bytes of entry {one.index} were not shown to this home"
                self.alarms.put(Kind.WITHHELD, f"entry {one.index}", text, at=self.now, index=one.index)
        elif (found := one.statement) is None or LogEntry(found.public, sha256(one.raw)) != entry:
            self._invalid(one.index, "its bytes are no Statement of its class")
        elif found.type == DIRECTORY:
            self._directory(one, found)
        else:
            self._statement(one, found, root_of)

    def _sees_all(self) -> bool:
        member = self.state.directory.members.get(self._me)
        return member is not None and member.role is Role.AUDITOR

    def _invalid(self, index: int, why: str) -> None:
        self.alarms.put(Kind.INVALID, f"entry {index}", f"entry {index}: {why}", at=self.now, index=index)

    def _directory(self, one: Entry, statement: Statement) -> None:
        before = self.state.directory
        if one.index:
            try:
                self.state = self.state.after(one.raw or b"", members=one.members, index=one.index)
            except MceError as error:
                self._invalid(one.index, str(error))
                return
            self._took_effect(one)
        self._answers.directory(statement, one.index)
        after = self.state.directory
        changes = differences.between(before, after) if one.index else ["the network begins"]
        text = f"Directory version {after.version}: {'; '.join(changes)}"
        self.alarms.put(Kind.DIRECTORY, f"version {after.version}", text, at=self.now, index=one.index)

    def _took_effect(self, one: Entry) -> None:
        self.ledger.run(
            "INSERT INTO public VALUES (?, ?, ?)", one.index, one.raw, msgpack.packb(list(one.members))
        )

    def _statement(self, one: Entry, statement: Statement, root_of: RootOf) -> None:
        index = one.index
        signed = self._answers.judge(statement, index, self.state)
        if not isinstance(signed, Signed):
            self._invalid(index, str(signed))
            return
        if signed.verdict is Verdict.DISPUTED:
            text = f"entry {index} ({statement.type}) is signed by a disputed key of {signed.author}"
            self.alarms.put(Kind.DISPUTED, f"entry {index}", text, at=self.now, index=index)
        if statement.public:
            try:
                self.state = self.state.after(one.raw or b"", index=index)
            except MceError as error:
                self._answers.passed_over(statement, index, error)
                self._invalid(index, str(error))
                return
            self._took_effect(one)
            self._answers.counts(signed, index)
            self._public(signed, index)
        else:
            self._private(signed, statement, index, root_of)

    def _public(self, signed: Signed, index: int) -> None:
        body, type_ = signed.body, signed.statement.type
        if isinstance(body, statement_pb2.Clock):
            anchor = self.state.open_anchor(body.anchor)
            if anchor.time >= self.now:
                self._dated(anchor.checkpoint.size, anchor.time)
        elif isinstance(body, statement_pb2.Contest):
            text = f"{body.member} contests a change in its name: telephone it"
            self.alarms.put(Kind.CONTEST, f"entry {index}", text, at=self.now, index=index)
        elif type_ in _NEWS:
            about = getattr(body, "member", signed.author)
            self.alarms.put(Kind.KEYS, f"entry {index}", f"{about}: {_NEWS[type_]}", at=self.now, index=index)

    def _private(self, signed: Signed, statement: Statement, index: int, root_of: RootOf) -> None:
        body = signed.body
        if statement.type == HEADER:
            core, id_ = read_header(statement).core, statement.id(self._network_id)
            self._order.header(core, id_, index, self.now)
            self._terms.header(core, id_, index, self.now)
        elif isinstance(body, statement_pb2.Void):
            self._order.void(body, statement.id(self._network_id), index, self.now)
        elif isinstance(body, statement_pb2.HighWater):
            self._order.mark(body, index, self.now, root_of)
        elif isinstance(body, statement_pb2.Delivered | statement_pb2.Refused):
            for header_id in {item.header_id for item in body.items}:
                self._terms.answered(header_id, index, self.now)
        elif isinstance(body, statement_pb2.Undeliverable):
            self._terms.answered(body.header_id, index, self.now)
        elif isinstance(body, statement_pb2.Overdue):
            self._terms.overdue(body, self.state.open_anchor(body.anchor), index, self.now)
        elif isinstance(body, statement_pb2.Erasure):
            self._terms.erased(body, index)

    # Time.

    def _dated(self, size: int, time: int) -> None:
        self.now = time
        self._put("now", str(time).encode())
        # What was found in these entries is of this date, not of the one before.
        before = self.ledger.value("SELECT max(size) FROM dated") or 0
        self.alarms.date(before, size, time)
        # A log that does not grow is as old as it was, however new its anchors.
        self.ledger.run("INSERT OR IGNORE INTO dated VALUES (?, ?)", size, time)
        self._terms.dated(size, time)
        self._order.anchored(time)

    def _witnesses(self, anchor: Anchor) -> None:
        last = self._number("witnessed")
        if anchor.witnessed or not last:
            self._put("witnessed", str(anchor.time).encode())
        elif anchor.time - last > _DAY:
            text = f"no anchor had its quorum for a day: {anchor.text}"
            self.alarms.put(Kind.NOT_WITNESSED, f"since {last}", text, at=self.now)

    def _stale(self) -> None:
        directory = self.state.directory
        days = (directory.expires_minutes * 60 - self.now) // _DAY
        if reached := [limit for limit in _STALE_DAYS if days <= limit]:
            text = f"Directory version {directory.version} expires in {days} days"
            about = f"version {directory.version}, {min(reached)} days"
            self.alarms.put(Kind.STALE, about, text, at=self.now)

    # State.

    def _keep(self, root_of: RootOf) -> None:
        self._answers.flush()
        self._put("network_id", self._network_id)
        self._put("size", str(self.size).encode())
        self._put("root", root_of(self.size))

    def _put(self, name: str, value: bytes) -> None:
        self.ledger.run("INSERT OR REPLACE INTO state VALUES (?, ?)", name, value)

    def _value(self, name: str) -> bytes | None:
        found: bytes | None = self.ledger.value("SELECT value FROM state WHERE name = ?", name)
        return found

    def _number(self, name: str) -> int:
        return int(self._value(name) or b"0")
