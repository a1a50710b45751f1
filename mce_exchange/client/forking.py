"""Forks that this home can prove, and whether a note from elsewhere is of its log (SPEC 9.3, 12.2)."""

from collections.abc import Awaitable, Callable, Iterator

from mce_exchange import limits
from mce_exchange.audit.build import Piece, Views, build
from mce_exchange.audit.forks import views
from mce_exchange.client.identity import Identity
from mce_exchange.client.proving import covering_anchor
from mce_exchange.client.record import Record
from mce_exchange.client.relay import Relay
from mce_exchange.errors import UsageError
from mce_exchange.hotline.follow import Follower
from mce_exchange.log.checkpoint import open_checkpoint, size_of
from mce_exchange.log.entry import leaf_hashes
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.verify import equal
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home

# Entries that another log may have beyond twice ours: 64 bytes of memory each.
_FURTHER = 1_000_000
_LATER = "let the node run until the relay's next anchor, then try again"


def forks(home: Home, follower: Follower) -> list[Views]:
    """All that can be proved: those kept as they were found, and those that alarmed notes make with ours."""
    found = [Views(older=o, newer=n, root=root, proof=proof) for o, n, root, proof in home.forks.all()]
    ours = _held(home)
    for alarm in home.alarms.all():
        if alarm.kind is Alarm.FORK and alarm.notes:
            found += filter(None, [_any(note, [*alarm.notes, *ours], follower) for note in alarm.notes])
    return list({(one.older, one.newer): one for one in found}.values())


def compare(home: Home, follower: Follower, note: bytes, *, now: int) -> bool:
    """Whether a note of the log's key, from anybody, fits this home's log; if not, the proof is kept.

    Raises `LogError` and the like for a note that the log has not signed, `UsageError` while nothing can be
    said.
    """
    directory, tree = follower.state.directory, follower.tree
    shown = open_checkpoint(note, origin=directory.origin, key=directory.log_key(size_of(note)))
    if shown.size > tree.size:
        raise UsageError(
            f"a note of {shown.size} entries, and this home has followed {tree.size}", remedy=_LATER
        )
    if equal(tree.root(shown.size), shown.root):
        return True
    found = _any(note, _held(home), follower)
    if found is None:
        raise UsageError(
            f"a note of another log of {shown.size} entries, and none of ours yet", remedy=_LATER
        )
    with home.database.write():
        home.forks.put(found.older, found.newer, found.root, found.proof)
        text = f"a note of {shown.size} entries from elsewhere is not of the log that the relay sent us"
        home.alarms.put(
            Alarm.FORK, about=f"note {shown.size}", text=text, at=now, notes=(found.older, found.newer)
        )
    return False


class Forking:
    """Looks behind a checkpoint that the log as followed does not lead to: is there another log?"""

    def __init__(
        self, record: Record, follower: Follower, relay: Relay, run: Callable[..., Awaitable[bool]]
    ) -> None:
        self._record = record
        self._follower = follower
        self._relay = relay
        self._run = run
        self._last = b""

    async def look(self, note: bytes) -> bool:
        """Whether the relay has shown two logs, with the proof kept; once for each checkpoint.

        The other log is fetched entry by entry: with its tree two notes are proof, whatever their sizes. A
        relay that keeps it back, or would fill our memory with it, proves nothing, and is not
        followed either. Raises what the calls raise.
        """
        if note == self._last:
            return False
        self._last = note
        directory, size = self._follower.state.directory, size_of(note)
        shown = open_checkpoint(note, origin=directory.origin, key=directory.log_key(size))
        if size > 2 * self._follower.size + _FURTHER:
            return False
        tree = Tree()
        while tree.size < size:
            count = min(limits.ENTRIES_PER_CALL, size - tree.size)
            entries = await self._relay.entries(tree.size, count)
            if not 0 < len(entries) <= count * limits.LOG_ENTRY:
                return False
            tree.extend(leaf_hashes(entries))
        return equal(tree.root(), shown.root) and await self._run(
            keep_fork, self._record.home, note, tree, self._record.now
        )


def keep_fork(home: Home, note: bytes, tree: Tree, now: int) -> bool:
    """Keep the proof that this note, of that tree, contradicts one of ours; whether it does."""
    found = next(filter(None, (views(note, one, tree) for one in _held(home))), None)
    if found is None:
        return False
    with home.database.write():
        home.forks.put(found.older, found.newer, found.root, found.proof)
        text = f"the relay shows a log of {tree.size} entries that is not the one it showed before"
        home.alarms.put(
            Alarm.FORK, about=f"view {tree.size}", text=text, at=now, notes=(found.older, found.newer)
        )
    return True


def evidence_of_forks(
    home: Home, identity: Identity, follower: Follower, found: list[Views]
) -> Iterator[bytes]:
    """The evidence file, record by record: the Directories that name the log's keys, and the forks."""
    note, size = covering_anchor(home, follower, 0)
    known = [one for one in home.logbook.public(("directory",)) if one.index < size]
    return build(
        [Piece(one.index, one.raw, one.members) for one in known],
        network_id=identity.network_id,
        tree=follower.tree,
        anchor=note,
        anchor_size=size,
        forks=found,
    )


def _held(home: Home) -> list[bytes]:
    """Notes of the log as it was followed, the smallest first: the sooner the tree has grown so far."""
    kept = home.logbook.witnessed()
    notes = [
        *(note for _, note in home.logbook.anchors()),
        home.logbook.checkpoint,
        kept[2] if kept else None,
    ]
    return sorted((note for note in notes if note), key=size_of)


def _any(note: bytes, others: list[bytes], follower: Follower) -> Views | None:
    pairs = (views(note, other, follower.tree) for other in others if other != note)
    return next(filter(None, pairs), None)
