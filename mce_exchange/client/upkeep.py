"""What a home does by itself: prekeys in time, old halves destroyed, gaps and silence told, daily
marks, erasure.
"""

from collections.abc import Callable
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.client import approving, erasure
from mce_exchange.client.behind import USED
from mce_exchange.client.record import Record
from mce_exchange.hotline import answers, prekeys
from mce_exchange.hotline.follow import Follower
from mce_exchange.hotline.signing import lives_now
from mce_exchange.primitives.kem import KemKey
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.database import News
from mce_exchange.store.settings import BEHIND

_HOUR: Final = 3600
_DAY: Final = 24 * _HOUR
_GAP_SECONDS: Final = 600
_QUEUED_SECONDS: Final = _HOUR
_QUEUED_URGENT_SECONDS: Final = 600
_ACTIVE_SECONDS: Final = 30 * _DAY
# A day's mark, two hours late at most; from those who wrote in the last 30 days, less a day for the way.
_SILENT_SECONDS: Final = 26 * _HOUR
_WROTE_SECONDS: Final = 29 * _DAY
_STALE_DAYS: Final = (90, 30, 7, 0)


class Upkeep:
    """Runs on the home's thread, once a minute."""

    def __init__(self, record: Record, follower: Follower) -> None:
        self._record = record
        self._home = record.home
        self._follower = follower
        self._next_prekey = 0
        self._next_marks = 0
        # At the start too: the process before may have ended between the two.
        self._to_scrub = True

    def run(self) -> None:
        """All of it, in one transaction."""
        with self._home.database.write():
            self.prekeys()
            self._gaps()
            self._queued()
            approving.expire(self._record)
            approving.watch(self._record, self._follower.state)
            self._unanswered()
            self._directory()
            self._silent()
            self._late_prekeys()
            self._marks()
            self._to_scrub |= erasure.erase(self._record)
            erasure.watch(self._record)
        unsaid = self._home.erasing.waiting
        if self._to_scrub or unsaid:
            # The log of the database still holds the pages that secure_delete has overwritten (promise 8).
            self._to_scrub = not self._home.database.scrub()
        if unsaid and not self._to_scrub:
            with self._home.database.write():
                erasure.attest(self._home, self._record.identity)
        self._home.attachments.tidy()

    def prekeys(self) -> None:
        """The next prekey if it is due; private halves destroyed when they must be (SPEC section 8.6)."""
        home, now, size = self._home, self._record.now, self._follower.size
        state, me = self._follower.state, self._record.me
        newest = state.prekey(me)
        held = newest is not None and home.secrets.prekey(newest.id) is not None
        # Without the newest one's private half (a restored home) nobody's next message would open.
        due = prekeys.due(state, me, now_minutes=now // 60) or (newest and not held)
        due = due and not state.directory.closed
        under_way = self._under_way(size)
        if (
            due
            and not state.directory.closed
            and not under_way
            and now >= self._next_prekey
            and self._may_make(held=held)
        ):
            # An hour apart if the relay refuses them.
            self._next_prekey = now + _HOUR
            self._make(now)
        keep = {one.id for one in state.prekeys.get(me, ())}
        keep -= {one.id for one in prekeys.to_destroy(state, me, now_minutes=now // 60)}
        keep |= under_way | self._under_way(size)
        if size and not home.inbox.locked_since(now - 7 * _DAY):
            for name in home.secrets.names("prekey/"):
                if bytes.fromhex(name.removeprefix("prekey/")) not in keep:
                    home.secrets.destroy(name)
                    self._to_scrub = True

    def _may_make(self, *, held: bool) -> bool:
        """Whether a prekey made now would be taken: by a key of ours that lives, as the next of the chain."""
        state, identity = self._follower.state, self._record.identity
        # A restored home, or one that does not hold the newest, may not know yet which is the newest.
        if self._home.settings.find(BEHIND):
            return False
        shown = self._follower.checkpoint
        reached = held or (shown is not None and shown.size <= self._follower.size)
        lives = lives_now(state, identity.author.signers[0])
        return bool(self._follower.size) and reached and lives and state.takes_part(identity.member)

    def take_over(self, renumber: Callable[[], None]) -> None:
        """A home that was behind has followed the log: from now on it speaks, and says so (SPEC 9.9).

        The new prekey is for the old private halves that are gone, and tells a node that still runs
        elsewhere that it is not the only one.
        """
        home, now = self._home, self._record.now
        with home.database.write():
            why = home.settings.find(BEHIND)
            if why is None:
                return
            home.settings.drop(BEHIND)
            home.database.touch(News.OUTBOX, News.UPLOADS, News.STATEMENTS)
            renumber()
            if why == USED.encode():
                return
            # One that was never let out would come between the log's newest and ours.
            home.publishing.withdraw("prekey")
            if self._may_make(held=True):
                self._next_prekey = now + _HOUR
                self._make(now)

    def _make(self, now: int) -> None:
        key = KemKey.generate()
        last = self._follower.state.last_prekeys.get(self._record.me)
        made = answers.prekey(self._record.identity.author, key, after=last, now_minutes=now // 60)
        # The private half is durable in the same commit that lets the public one out.
        self._home.secrets.put_prekey(made.id(self._record.identity.network_id), key)
        self._home.publishing.put(made)

    def _late_prekeys(self) -> None:
        """Whose newest prekey has ended: ours a day ago, another's a week ago; after 30 nothing is sealed."""
        state, me, now = self._follower.state, self._record.me, self._record.now
        for member in state.prekeys:
            newest = state.prekey(member)
            days = (now - newest.nominal_end_minutes * 60) // _DAY if newest else 0
            if newest is None or not state.takes_part(member) or days < (1 if member == me else 7):
                continue
            what = "our newest prekey" if member == me else f"the newest prekey of {member}"
            text = f"{what} ended {days} days ago: nothing is sealed to it from the {prekeys.GRACE_DAYS}th on"
            stage = "exhausted" if days > prekeys.GRACE_DAYS else "late"
            self._record.alarm(Alarm.NO_PREKEY, f"{member} epoch {newest.epoch} {stage}", text)

    def _under_way(self, size: int) -> set[bytes]:
        """Prekeys of ours that the log as followed does not show yet."""
        network_id = self._record.identity.network_id
        return {statements.decode(raw).id(network_id) for raw in self._home.publishing.unseen("prekey", size)}

    def _gaps(self) -> None:
        for gap in self._home.numbers.gaps(before=self._record.now - _GAP_SECONDS):
            what = f"number {gap.first}" if gap.first == gap.last else f"numbers {gap.first} to {gap.last}"
            has = "has" if gap.first == gap.last else "have"
            text = f"{what} of {gap.peer} {has} not come, later ones have: ask {gap.peer}"
            self._record.alarm(Alarm.GAP, f"{gap.peer} {gap.first}", text)

    def _queued(self) -> None:
        now = self._record.now
        late = self._home.outbox.late(
            before=now - _QUEUED_SECONDS, urgent_before=now - _QUEUED_URGENT_SECONDS
        )
        for header_id, state in late:
            text = "a message waits for the relay since it was handed over: telephone its recipients"
            if state == "awaiting":
                text = "a message still awaits its second person, and goes nowhere: `mce approvals`"
            self._record.alarm(Alarm.NOT_SENT, header_id.hex(), text)

    def _unanswered(self) -> None:
        """An expired message that nobody has answered is an absence, which is never silent (promise 6)."""
        for header_id, member in self._home.outbox.expired(self._record.now):
            text = f"{member} never answered a message, and its lifetime has ended: telephone {member}"
            self._record.alarm(Alarm.UNANSWERED, f"{header_id.hex()} {member}", text)

    def _directory(self) -> None:
        directory = self._follower.state.directory
        days = (directory.expires_minutes * 60 - self._record.now) // _DAY
        reached = [limit for limit in _STALE_DAYS if days <= limit]
        if reached:
            text = f"Directory version {directory.version} expires in {days} days: ask the federation"
            about = f"version {directory.version}, {min(reached)} days"
            self._record.alarm(Alarm.DIRECTORY_STALE, about, text)

    def _silent(self) -> None:
        """A peer that wrote lately and of whom the log shows nothing for more than a day (threat R2).

        By the log's own clock, so that a home that was off for a week accuses nobody.
        """
        below = self._home.logbook.below_anchor_of(self._home.logbook.anchor_time - _SILENT_SECONDS)
        since = self._record.now - _WROTE_SECONDS
        for peer, index in self._home.numbers.silent(below=below, since=since):
            if self._follower.state.takes_part(peer):
                text = f"nothing of {peer} for more than a day, not even its daily mark: is it well?"
                self._record.alarm(Alarm.SILENT, f"{peer} since entry {index}", text)

    def _marks(self) -> None:
        """Daily, to each peer we wrote to in the last 30 days: so a withheld last message is noticed."""
        now = self._record.now
        if now < self._next_marks or self._follower.state.directory.closed:
            return
        self._next_marks = now + 600
        rows = self._home.database.rows(
            "SELECT p.peer, max(p.sequence), p.id FROM pair p JOIN message m ON m.header_id = p.id"
            " WHERE p.outgoing = 1 AND m.state IN ('accepted', 'elsewhere') AND m.at > ? GROUP BY p.peer",
            now - _ACTIVE_SECONDS,
        )
        for peer, sequence, header_id in rows:
            name = f"high_water/{peer}"
            last = self._home.settings.number(name)
            # A clock that was set back delays no mark.
            if last and 0 <= now - last < _DAY:
                continue
            self._home.settings.put(name, str(now))
            if last and self._follower.state.takes_part(self._record.me):
                self._mark(peer, sequence, header_id)

    def _mark(self, peer: str, sequence: int, header_id: bytes) -> None:
        tree = self._follower.tree
        self._home.publishing.put(
            answers.high_water(
                self._record.identity.author,
                recipient=peer,
                sequence=sequence,
                header_id=header_id,
                log_size=tree.size,
                log_root=tree.root(),
            )
        )
