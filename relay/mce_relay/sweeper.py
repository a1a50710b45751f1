"""What time brings about: anchors, `overdue` at deadlines, expiry, erasure (SPEC section 9).

Each step is work for the sequencer, bounded, and safe to be killed after: ciphertext goes first
(rows, then files), the `erasure` that says so is logged last, and both are found again at start.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final

from mce_exchange.errors import ProtocolError
from mce_exchange.v1 import statement_pb2
from mce_relay import anchors
from mce_relay.blobs import Blobs, forget
from mce_relay.engine import Rules
from mce_relay.engine_publish import parties_of
from mce_relay.sequencer import Group, Sequencer
from mce_relay.store.protocol import Message, Store
from mce_relay.values import DAY

_AT_ONCE: Final = 256


class Sweeper:
    """One sweep after another, by whoever calls `sweep`; nothing here looks at a clock of its own."""

    def __init__(self, *, rules: Rules, sequencer: Sequencer, store: Store, blobs: Blobs) -> None:
        self._rules = rules
        self._sequencer = sequencer
        self._store = store
        self._blobs = blobs

    async def sweep(self) -> None:
        """Everything that is due."""
        run = self._sequencer.run
        await run(self._anchor)
        await run(self._clock)
        for step in (self._overdue, self._expire, self._erase, self._give_up):
            while await run(step):
                pass
        await self._blobs.sweep()
        if await run(lambda group: bool(group.tx.unattested(1))):
            await asyncio.to_thread(self._store.scrub)
            while await run(self._attest):
                pass

    def _anchor(self, group: Group) -> None:
        """On schedule, and as soon as a deadline has passed that no anchor proves yet."""
        newest = anchors.newest(group.tx, group.head.state)
        passed = [place.deadline or 0 for _, place in group.tx.overdue(group.now, 1)]
        if (
            newest is None
            or group.now - newest.time >= self._rules.settings.anchor_interval
            or any(newest.time < deadline for deadline in passed)
        ):
            anchors.freeze(self._rules.keys, group)

    def _clock(self, group: Group) -> None:
        """Once a day: so that everybody agrees how old a revocation's cut is (SPEC 8.4)."""
        anchor, state = anchors.newest(group.tx, group.state), group.state
        last = state.ticks[-1].time if state.ticks else state.directory.issued_minutes * 60
        if anchor is None or not anchor.witnessed or anchor.time < last + DAY:
            return
        body = statement_pb2.Clock(signers=self._rules.signers, anchor=anchor.note)
        statement = self._rules.sign(group, "clock", body)
        try:
            state = state.after(statement.raw, index=group.size)
        except ProtocolError:
            # A stale Directory or a clock that went back: the next day, or the next version, mends it.
            self._rules.metrics.count("clocks_not_logged")
            return
        group.append(statement, author=self._rules.relay, state=state)

    def _overdue(self, group: Group) -> int:
        """Log that at this tree size nothing final was there; the anchor proves that the time had come."""
        anchor = anchors.newest(group.tx, group.state)
        logged = 0
        for message, place in group.tx.overdue(group.now, _AT_ONCE):
            size = anchor.checkpoint.size if anchor else 0
            if anchor is None or anchor.time < (place.deadline or 0) or size <= message.index:
                continue
            body = statement_pb2.Overdue(
                signers=self._rules.signers,
                header_id=message.id,
                recipient=place.recipient,
                anchor=anchor.note,
            )
            self._rules.log(group, "overdue", body, [place.sender, place.recipient])
            group.tx.put_place(replace(place, deadline=None))
            logged += 1
        return logged

    def _expire(self, group: Group) -> int:
        expired = group.tx.expired(group.now, _AT_ONCE)
        for message in expired:
            group.tx.close(message.index, message.expires)
        return len(expired)

    def _erase(self, group: Group) -> int:
        """Forget ciphertext: after the grace in which a recipient restored from a backup still gets it."""
        due = group.tx.erasable(group.now - int(self._rules.settings.erasure_grace), _AT_ONCE)
        for message in due:
            usage = group.tx.usage(message.sender)
            group.tx.erase(message, group.now)
            group.tx.put_usage(message.sender, replace(usage, held=usage.held - message.size))
        return len(due)

    def _give_up(self, group: Group) -> int:
        """Forget uploads that no message has named for long."""
        orphans = group.tx.orphans(group.now - int(self._rules.settings.orphan_age), _AT_ONCE)
        for upload in orphans:
            forget(group, upload)
        return len(orphans)

    def _attest(self, group: Group) -> int:
        """Say so, in one Statement for messages of the same parties: nobody learns another's ids."""
        anchor = anchors.newest(group.tx, group.state)
        gone = group.tx.unattested(_AT_ONCE)
        if anchor is None:
            return 0
        for parties, messages in _by_parties(group, gone):
            body = statement_pb2.Erasure(
                signers=self._rules.signers,
                author=self._rules.relay,
                what=statement_pb2.ERASED_PART_CIPHERTEXT,
                header_ids=[message.id for message in messages],
                anchor=anchor.note,
            )
            self._rules.log(group, "erasure", body, parties)
            group.tx.attest([message.index for message in messages])
        return len(gone)


def _by_parties(group: Group, messages: Iterable[Message]) -> list[tuple[list[str], list[Message]]]:
    found: dict[tuple[str, ...], list[Message]] = {}
    for message in messages:
        found.setdefault(tuple(sorted(parties_of(group, message))), []).append(message)
    return [(list(parties), ones) for parties, ones in found.items()]
