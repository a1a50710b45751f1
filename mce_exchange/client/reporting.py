"""A report on a period from a home's monitor, each anomaly with the evidence that shows it."""

from typing import Final

from mce_exchange.audit.alarms import Alarm
from mce_exchange.audit.build import Piece, build
from mce_exchange.audit.survey import Survey, survey
from mce_exchange.audit.watch import Watch
from mce_exchange.client.exporting import shown
from mce_exchange.client.identity import Identity
from mce_exchange.client.proving import covering_anchor, judging
from mce_exchange.errors import UsageError
from mce_exchange.hotline.follow import Follower
from mce_exchange.store.home import Home

_MOST_BYTES: Final = 64 * 1024 * 1024


class Proving:
    """Evidence files for alarms: the message and all about it, or the one entry, and what judging needs."""

    def __init__(self, home: Home, identity: Identity, follower: Follower) -> None:
        self._home = home
        self._identity = identity
        self._follower = follower
        self._left = _MOST_BYTES

    def __call__(self, alarm: Alarm) -> bytes:
        """Empty where no Statement shows it, or where the page would grow beyond reason."""
        logbook, index = self._home.logbook, alarm.log_index
        found = {one.index: one for one in logbook.about(bytes.fromhex(alarm.header_id))}
        if index is not None:
            found.update({one.index: one for one in logbook.period(index, index + 1, index + 1)})
        found = {at: one for at, one in found.items() if shown(self._home, one)}
        if not found or self._left <= 0:
            return b""
        try:
            note, size = covering_anchor(self._home, self._follower, max(found))
        except UsageError:
            return b""
        found = {at: one for at, one in found.items() if at < size}
        found |= {one.index: one for one in judging(self._home, size)}
        made = b"".join(
            build(
                [Piece(one.index, one.raw, one.members) for _, one in sorted(found.items())],
                network_id=self._identity.network_id,
                tree=self._follower.tree,
                anchor=note,
                anchor_size=size,
            )
        )
        self._left -= len(made)
        return made


def report(
    home: Home, identity: Identity, follower: Follower, watch: Watch, since: int | None, until: int | None
) -> Survey:
    """Of the time from `since` below `until`, POSIX seconds by the log's clock; None for all of it."""
    first = watch.ledger.value("SELECT min(time) FROM dated")
    if first is None:
        raise UsageError("no entry is dated yet", remedy="let the node run until the relay's next anchor")
    begin, end = first if since is None else since, watch.now + 1 if until is None else until
    if begin >= end:
        raise UsageError("a period begins before it ends")
    return survey(watch, begin, end, prove=Proving(home, identity, follower))
