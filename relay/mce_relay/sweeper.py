"""What time brings about: anchors, `overdue` at deadlines, expiry, erasure, tiles (SPEC section 9).

Each step is work for the sequencer, bounded, and safe to be killed after: ciphertext goes first
(rows, then files), the `erasure` that says so is logged last, and both are found again at start.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.errors import LogError, ProtocolError
from mce_exchange.log.anchor import Anchor
from mce_exchange.v1 import statement_pb2
from mce_relay import anchors
from mce_relay.blobs import Blobs, forget
from mce_relay.engine import Rules
from mce_relay.engine_publish import parties_of
from mce_relay.known import Known
from mce_relay.sequencer import Group, Sequencer
from mce_relay.store.protocol import Message, Place, Store
from mce_relay.tiles import Tiles
from mce_relay.values import DAY
from mce_relay.whole import is_whole

_AT_ONCE: Final = 256
_DELETED_AT_ONCE: Final = 1024
_ERASED_AT_ONCE: Final = 16
"""Payloads that one transaction overwrites: each may have a megabyte, and everybody waits meanwhile."""


class Sweeper:
    """One sweep after another, by whoever calls `sweep`; nothing here looks at a clock of its own."""

    def __init__(
        self, *, rules: Rules, sequencer: Sequencer, store: Store, blobs: Blobs, known: Known
    ) -> None:
        self._rules = rules
        self._known = known
        self._sequencer = sequencer
        self._store = store
        self._blobs = blobs
        folder = rules.settings.tiles
        self._tiles = Tiles(folder, sequencer.tree) if folder else None
        # Whether there may be files without rows; after a crash there may.
        self._gone = True

    async def sweep(self) -> None:
        """Everything that is due. A step that fails keeps none of the others from their turn.

        Raises what failed first: the next sweep finds the same things due.
        """
        failed: list[Exception] = []
        for step in (
            partial(self._run, self._anchor),
            partial(self._run, self._clock),
            partial(self._run, self._overdue),
            partial(self._run, self._expire),
            partial(self._run, self._erase),
            partial(self._run, self._give_up),
            self._attested,
            self._retained,
            self._published,
        ):
            try:
                await step()
            except Exception as error:
                failed.append(error)
        if failed:
            raise failed[0]

    async def erase_again(self) -> None:
        """Before anything is served: what the log says is erased is gone, whatever a restored copy brought.

        Ciphertext is looked for, of which little is held, and not Statements, of which there may be millions.
        """
        if await self._sequencer.run(self._again):
            self._rules.metrics.count("erased_again")
            await self._blobs.sweep()
            await asyncio.to_thread(self._store.scrub)

    def _again(self, group: Group) -> int:
        held = {message.id: message for message in group.tx.held()}
        relays = group.state.directory.relays if held else ()
        said = (logged for relay in relays for logged in group.tx.spoken(relay))
        again: set[bytes] = set()
        for logged in filter(is_whole, said):
            body = statements.body(statements.decode(logged.statement), statement_pb2.Erasure)
            again.update(held.keys() & set(body.header_ids))
        # What said so may itself have been deleted: it was older than this.
        again |= {id_ for id_, message in held.items() if message.index < group.tx.kept_from()}
        for id_ in again:
            message = held[id_]
            self._free(group, message)
            group.tx.attest([message.index])
        return len(again)

    def _free(self, group: Group, message: Message) -> None:
        if message.erased is None:
            usage = group.tx.usage(message.sender)
            group.tx.put_usage(message.sender, replace(usage, held=usage.held - message.size))
        if message.closed is None:
            group.tx.close(message.index, group.now)
        group.tx.erase(message, group.now)

    async def _run(self, step: Callable[[Group], int]) -> None:
        """Until it finds nothing more, a bounded piece at a time: members' work goes between."""
        while await self._sequencer.run(step):
            pass

    async def _attested(self) -> None:
        """Nobody is told that ciphertext is gone before all of its bytes are."""
        if self._gone:
            await self._blobs.sweep()
            self._gone = False
        if await self._sequencer.run(lambda group: bool(group.tx.unattested(1))):
            await asyncio.to_thread(self._store.scrub)
            await self._run(self._attest)

    async def _retained(self) -> None:
        deleted = 0
        while count := await self._sequencer.run(self._delete):
            deleted += count
        if deleted:
            self._rules.metrics.count("statements_past_retention", deleted)
            await asyncio.to_thread(self._store.scrub)

    def _delete(self, group: Group) -> int:
        """Bytes of private Statements that an anchor older than the retention holds, a piece at a time.

        Never of a message that is not erased yet: who may still ask for it has to be able to verify it.
        """
        retention, done = self._rules.settings.retention, group.tx.kept_from()
        unfinished = group.tx.unfinished()
        for size, note in group.tx.anchors(done + 1, _AT_ONCE) if retention else ():
            end = min(size, done + _DELETED_AT_ONCE, size if unfinished is None else unfinished)
            try:
                old = group.state.open_anchor(note).time <= group.now - retention
            except (ProtocolError, LogError):
                # One that is damaged tells no time; the next one does.
                continue
            if not old or end <= done:
                break
            group.tx.delete_statements(end)
            return end - done
        return 0

    async def _published(self) -> None:
        if self._tiles is not None:
            await asyncio.to_thread(self._publish, self._tiles)

    def _publish(self, tiles: Tiles) -> None:
        with self._store.read() as reader:
            tiles.publish(reader)

    def _anchor(self, group: Group) -> int:
        """On schedule, whichever way the clock goes, and for each deadline that has passed unproven."""
        newest = anchors.newest(group.tx, group.head.state)
        if (
            newest is None
            # By the log's own time: what witnesses' clocks say does not change the pace.
            or abs(group.now - newest.frozen) >= self._rules.settings.anchor_interval
            or any(not _proves(newest, *one) for one in group.tx.overdue(group.now, _AT_ONCE))
        ):
            anchors.freeze(self._rules.keys, group, self._known)
        return 0

    def _clock(self, group: Group) -> int:
        """Once a day: so that everybody agrees how old a revocation's cut is (SPEC 8.4)."""
        anchor, state = anchors.newest(group.tx, group.state, witnessed=True), group.state
        last = state.ticks[-1].time if state.ticks else state.directory.issued_minutes * 60
        if anchor is None or not anchor.witnessed or anchor.time < last + DAY:
            return 0
        body = statement_pb2.Clock(anchor=anchor.note)
        statement = self._rules.sign(group, "clock", body)
        try:
            state = state.after(statement.raw, index=group.size)
        except ProtocolError:
            # A stale Directory or a clock that went back: the next day, or the next version, mends it.
            self._rules.metrics.count("clocks_not_logged")
            return 0
        group.append(statement, author=self._rules.relay, state=state)
        return 0

    def _overdue(self, group: Group) -> int:
        """Log that at this tree size nothing final was there; the anchor proves that the time had come."""
        anchor = anchors.newest(group.tx, group.state)
        logged = 0
        if group.state.directory.closed:
            return 0
        for message, place in group.tx.overdue(group.now, _AT_ONCE):
            if anchor is None or not _proves(anchor, message, place):
                continue
            body = statement_pb2.Overdue(
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
        due = group.tx.erasable(group.now - int(self._rules.settings.erasure_grace), _ERASED_AT_ONCE)
        for message in due:
            self._free(group, message)
        self._gone |= bool(due)
        return len(due)

    def _give_up(self, group: Group) -> int:
        """Forget uploads that no message has named for long."""
        orphans = group.tx.orphans(group.now - int(self._rules.settings.orphan_age), _AT_ONCE)
        for upload in orphans:
            forget(group, upload)
        self._gone |= bool(orphans)
        return len(orphans)

    def _attest(self, group: Group) -> int:
        """Say so, in one Statement for messages of the same parties: nobody learns another's ids."""
        anchor = anchors.newest(group.tx, group.state)
        gone = group.tx.unattested(_AT_ONCE)
        if group.state.directory.closed:
            # Nothing that is logged now counts: it is done all the same, and said nowhere.
            group.tx.attest([message.index for message in gone])
            return len(gone)
        if anchor is None:
            return 0
        for parties, messages in _by_parties(group, gone):
            body = statement_pb2.Erasure(
                author=self._rules.relay,
                what=statement_pb2.ERASED_PART_CIPHERTEXT,
                header_ids=[message.id for message in messages],
                anchor=anchor.note,
            )
            # The relay among them, so that it finds again what it said.
            self._rules.log(group, "erasure", body, [*parties, self._rules.relay])
            group.tx.attest([message.index for message in messages])
        return len(gone)


def _proves(anchor: Anchor, message: Message, place: Place) -> bool:
    """Whether the anchor shows that the deadline had passed while the message was in the log."""
    return anchor.time >= (place.deadline or 0) and anchor.checkpoint.size > message.index


def _by_parties(group: Group, messages: Iterable[Message]) -> list[tuple[list[str], list[Message]]]:
    found: dict[tuple[str, ...], list[Message]] = {}
    for message in messages:
        found.setdefault(tuple(sorted(parties_of(group, message))), []).append(message)
    return [(list(parties), ones) for parties, ones in found.items()]
