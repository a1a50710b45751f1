"""What a home does by itself: prekeys in time, old halves destroyed, gaps told, high-water marks."""

from collections.abc import Callable
from typing import Final

from mce_exchange.client.identity import Identity
from mce_exchange.errors import ForkError, LogError
from mce_exchange.hotline import answers, prekeys
from mce_exchange.hotline.follow import Follower
from mce_exchange.primitives.kem import KemKey
from mce_exchange.primitives.verify import equal
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home

_GAP_SECONDS: Final = 600
_ANCHORED_SECONDS: Final = 24 * 3600
_DAY: Final = 24 * 3600
_ACTIVE_SECONDS: Final = 30 * _DAY
_STALE_DAYS: Final = (90, 30, 7, 0)


class Upkeep:
    """Runs on the home's thread, every minute and after each batch of the log."""

    def __init__(
        self, home: Home, identity: Identity, follower: Follower, *, clock: Callable[[], float]
    ) -> None:
        self._home = home
        self._identity = identity
        self._follower = follower
        self._clock = clock

    def run(self) -> None:
        """All of it, in one transaction."""
        now = int(self._clock())
        with self._home.database.write():
            self._prekeys(now)
            self._gaps(now)
            self._directory(now)
            self._anchored(now)
            self._high_water(now)

    def _prekeys(self, now: int) -> None:
        state, me = self._follower.state, self._identity.member
        size = self._follower.tree.size
        queued = self._home.publishing.under_way("prekey", log_size=size)
        if size and not queued and prekeys.due(state, me, now_minutes=now // 60):
            key = KemKey.generate()
            last = state.last_prekeys.get(me)
            made = answers.prekey(self._identity.author, key, after=last, now_minutes=now // 60)
            # The private half is durable in the same commit that lets the public one out.
            self._home.secrets.put_prekey(made.id(self._identity.network_id), key)
            self._home.publishing.put(made)
        if not self._home.inbox.in_state("locked", limit=1):
            for old in prekeys.to_destroy(state, me, now_minutes=now // 60):
                self._home.secrets.destroy(f"prekey/{old.id.hex()}")

    def _gaps(self, now: int) -> None:
        for peer, sequence in self._home.inbox.gaps(before=now - _GAP_SECONDS):
            text = f"number {sequence} of {peer} has not come, later ones have: ask {peer}"
            self._home.alarms.put(Alarm.GAP, about=f"{peer} {sequence}", text=text, at=now)

    def _directory(self, now: int) -> None:
        directory = self._follower.state.directory
        days = (directory.expires_minutes * 60 - now) // _DAY
        reached = [limit for limit in _STALE_DAYS if days <= limit]
        if reached:
            text = f"Directory version {directory.version} expires in {days} days: ask the federation"
            about = f"version {directory.version}, {min(reached)} days"
            self._home.alarms.put(Alarm.DIRECTORY_STALE, about=about, text=text, at=now)

    def _anchored(self, now: int) -> None:
        rows = self._home.database.rows(
            "SELECT header_id FROM message WHERE outgoing = 1 AND state = 'accepted' AND at < ?"
            " AND log_index >= (SELECT coalesce(max(size), 0) FROM anchor)",
            now - _ANCHORED_SECONDS,
        )
        for (header_id,) in rows:
            text = "a receipt is not under any anchor after 24 h"
            self._home.alarms.put(Alarm.NOT_ANCHORED, about=header_id.hex(), text=text, at=now)

    def _high_water(self, now: int) -> None:
        """Daily, to each peer we wrote to in the last 30 days: so a withheld last message is noticed."""
        rows = self._home.database.rows(
            "SELECT p.peer, max(p.sequence), p.id FROM pair p JOIN message m ON m.header_id = p.id"
            " WHERE p.outgoing = 1 AND m.state = 'accepted' AND m.at > ? GROUP BY p.peer",
            now - _ACTIVE_SECONDS,
        )
        for peer, sequence, header_id in rows:
            name = f"high_water/{peer}"
            last = int(self._home.settings.find(name) or b"0")
            if now - last < _DAY:
                continue
            self._home.settings.put(name, str(now))
            if last:
                tree = self._follower.tree
                self._home.publishing.put(
                    answers.high_water(
                        self._identity.author,
                        recipient=peer,
                        sequence=sequence,
                        header_id=header_id,
                        log_size=tree.size,
                        log_root=tree.root(),
                    )
                )

    def anchor(self, note: bytes) -> None:
        """Take an anchor: it must fit the log as we followed it, or the relay shows two views."""
        anchor = self._follower.state.open_anchor(note)
        size, root = anchor.checkpoint.size, anchor.checkpoint.root
        tree = self._follower.tree
        if size > tree.size:
            return
        now = int(self._clock())
        if not equal(tree.root(size), root):
            with self._home.database.write():
                text = f"the relay's anchor of {size} is not the log that it sent us"
                self._home.alarms.put(Alarm.FORK, about=f"anchor {size}", text=text, at=now)
            checkpoint = self._home.logbook.checkpoint or b""
            raise ForkError(f"an anchor of {size} entries with another root", notes=(note, checkpoint))
        before = self._home.logbook.anchor()
        if before is not None and self._follower.state.open_anchor(before).checkpoint.size > size:
            raise LogError("the relay's newest anchor is older than one seen before")
        with self._home.database.write():
            self._home.logbook.put_anchor(size, anchor.time, note)
