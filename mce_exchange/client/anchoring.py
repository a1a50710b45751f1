"""Anchors and receipts, held against the log as this home followed it (SPEC section 9.3). On its thread."""

from typing import Final

from mce_exchange import statement as statements
from mce_exchange.client.record import Record
from mce_exchange.errors import ForkError, LogError
from mce_exchange.hotline.follow import Follower
from mce_exchange.log.anchor import Anchor
from mce_exchange.log.checkpoint import open_checkpoint, read_checkpoint, size_of
from mce_exchange.log.note import Note, parse
from mce_exchange.primitives.verify import equal
from mce_exchange.store import receipts
from mce_exchange.store.alarms import Alarm

_ANCHORED_SECONDS: Final = 24 * 3600
_PATIENCE_SECONDS: Final = 3600
_STILL_SECONDS: Final = 3 * 3600
# Three anchors at the usual pace.
_WITNESSED_MINUTES: Final = 30


class Anchoring:
    """Two roots for one size prove that the relay showed two logs: both notes are kept."""

    def __init__(self, record: Record, follower: Follower) -> None:
        self._record = record
        self._home = record.home
        self._follower = follower
        self._asked = 0
        self._judged = False
        self._lacking = 0
        self._ahead = 0

    def held(self) -> bytes:
        """The newest anchor of this home, the log's own lines only, for the relay to look at; or nothing."""
        kept = self._home.logbook.anchor()
        if kept is None:
            return b""
        note, origin = parse(kept), self._follower.state.directory.origin
        return Note(note.text, tuple(one for one in note.signatures if one.name == origin)).encode()

    def checkpoint(self, note: bytes, before: int) -> None:
        """The relay's newest checkpoint: of the same log, and not below the size `before` that it showed."""
        directory, tree = self._follower.state.directory, self._follower.tree
        try:
            shown = open_checkpoint(note, origin=directory.origin, key=directory.log_key(size_of(note)))
        except LogError as error:
            if size_of(note) <= tree.size:
                # By another key than the one that we know for this size: a relay that goes on after its log
                # was given away, or the one it was given to, where we followed the other.
                with self._home.database.write():
                    self._record.alarm(
                        Alarm.INVALID_ENTRY,
                        f"a checkpoint under Directory version {directory.version}",
                        str(error),
                    )
            raise
        if shown.size < before:
            self._rolled_back(shown.size)
        if shown.size <= tree.size and not equal(tree.root(shown.size), shown.root):
            self._fork(f"checkpoint {shown.size}", "a checkpoint is not the log that the relay sent us", note)

    def anchor(self, note: bytes | None) -> bool:
        """The relay's newest anchor, or that it has none: it must fit the log, and so must every receipt.

        Whether it lacks its quorum: then the newest that has one is asked for.
        """
        self._asked = self._asked or self._record.now
        anchor: Anchor | None = None
        try:
            if note is None:
                self._judged = True
            else:
                anchor = self._take(note)
        finally:
            with self._home.database.write():
                if anchor is not None or note is None:
                    self._still(anchor)
                else:
                    self._starved()
                self._receipts()
                self._late()
        return anchor is not None and not anchor.witnessed

    def _still(self, newest: Anchor | None) -> None:
        """An old anchor shown as the newest hides the log, and with it a newer Directory (threat D3)."""
        since = newest.time if newest else self._asked
        if self._record.now - since >= _STILL_SECONDS:
            about = f"since size {newest.checkpoint.size}" if newest else "no anchor"
            text = "the relay has shown no new anchor for hours: it keeps back the log, or a clock is wrong;"
            self._record.alarm(
                Alarm.LOG_STANDS_STILL, about, f"{text} ask the federation which Directory is newest"
            )

    def _starved(self) -> None:
        """Anchors that cannot be held against the log, because it is not sent so far, keep back as much."""
        self._ahead = self._ahead or self._record.now
        if self._record.now - self._ahead >= _STILL_SECONDS:
            followed = self._follower.size
            text = f"for hours no anchor of the relay fits the {followed} entries that it has sent: it keeps"
            text = f"{text} back the log; ask the federation which Directory is newest"
            self._record.alarm(Alarm.LOG_STANDS_STILL, f"followed to {followed}", text)

    def witnessed(self, note: bytes | None) -> None:
        """The newest anchor that had its quorum, or that there is none, while the newest of all has not.

        Missing witnesses stop nothing; a view that they are not shown is noticed by that (threat L1).
        """
        self._lacking = self._lacking or self._record.now
        if note is not None:
            self._take(note, newest=False)
        minutes = (self._record.now - self._lacking) // 60
        if self._lacking and minutes >= _WITNESSED_MINUTES:
            kept = self._home.logbook.witnessed()
            text = f"no anchor has had its quorum of witnesses for {minutes} minutes: tell the federation"
            with self._home.database.write():
                self._record.alarm(Alarm.NOT_WITNESSED, f"since {kept[0] if kept else 0} entries", text)

    def _take(self, note: bytes, *, newest: bool = True) -> Anchor | None:
        """Keep an anchor that fits; None if the log has not been followed so far."""
        anchor = self._follower.state.open_anchor(note)
        size, tree = anchor.checkpoint.size, self._follower.tree
        if size > tree.size:
            return None
        self._judged, self._ahead = True, 0
        if not equal(tree.root(size), anchor.checkpoint.root):
            self._fork(f"anchor {size}", "the relay's anchor is not the log that it sent us", note)
        if newest and size < self._home.logbook.anchored:
            self._rolled_back(size)
            raise LogError("the relay's newest anchor is older than one seen before")
        kept = self._home.logbook.witnessed()
        with self._home.database.write():
            if newest:
                self._home.logbook.put_anchor(size, anchor.time, note)
            if anchor.witnessed and (kept is None or kept[:2] < (size, anchor.time)):
                self._home.logbook.put_witnessed(size, anchor.time, note)
                self._lacking = 0
            elif anchor.witnessed and newest:
                self._lacking = 0
        return anchor

    def _fork(self, about: str, text: str, note: bytes) -> None:
        ours = self._home.logbook.checkpoint or b""
        with self._home.database.write():
            self._record.alarm(Alarm.FORK, about, text, notes=(note, ours))
        raise ForkError(text, notes=(note, ours))

    def _rolled_back(self, size: int) -> None:
        with self._home.database.write():
            text = f"the relay shows a log of {size} entries, and showed a longer one"
            self._record.alarm(Alarm.LOG_ROLLED_BACK, f"size {size}", text)

    def _receipts(self) -> None:
        """Each receipt against the tree; one that is false is alarmed, and its bytes are sent again."""
        anchored = self._home.logbook.anchored
        for one in self._home.receipts.open(below=self._follower.size):
            note = receipts.decode(one.receipt).checkpoint if one.receipt else b""
            holds = self._holds(note)
            if holds is False:
                text = f"a receipt for entry {one.log_index} is not of the log that the relay sent us"
                ours = self._home.logbook.checkpoint or b""
                about = f"receipt of {self._name(one.statement)}"
                self._record.alarm(Alarm.FORK, about, text, notes=(note, ours))
                self._home.receipts.false(one)
            elif holds and one.log_index < anchored:
                self._home.receipts.anchored(one)

    def _holds(self, note: bytes) -> bool | None:
        """Whether a receipt's checkpoint is of this log; None while it is ahead. The log's own word holds."""
        if not note:
            return True
        shown = read_checkpoint(parse(note).text)
        if shown.size > self._follower.tree.size:
            return None
        return equal(self._follower.tree.root(shown.size), shown.root)

    def _late(self) -> None:
        """24 hours, counted only while the relay's anchors could be judged, or it kept them back."""
        if not self._judged and self._record.now - self._asked < _PATIENCE_SECONDS:
            return
        for table, statement in self._home.receipts.late(before=self._record.now - _ANCHORED_SECONDS):
            what = "a message's receipt" if table == "message" else "a receipt"
            text = f"{what} is not under any anchor after 24 h"
            self._record.alarm(Alarm.NOT_ANCHORED, self._name(statement), text)

    def _name(self, statement: bytes) -> str:
        decoded = statements.decode(statement)
        return f"{decoded.type} {decoded.id(self._record.identity.network_id).hex()}"
