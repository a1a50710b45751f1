"""A monitor over a home: what its node was shown, anchor by anchor, while the node runs or later."""

import os
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Final

from mce_exchange.audit.terms import Rules
from mce_exchange.audit.watch import Entry, Watch
from mce_exchange.client.identity import Identity
from mce_exchange.errors import StoreError
from mce_exchange.log.entry import LogEntry, leaf_hashes
from mce_exchange.log.merkle import Tree
from mce_exchange.store.home import Home

STATE: Final = "watch.db"
Told = Callable[[int, int], None]


class Watching:
    """`look` again and again; the node of the home may run meanwhile."""

    def __init__(self, home: Home, *, state: Path | None = None, rules: Rules | None = None) -> None:
        """Open the monitor's state, in the home unless said otherwise; `StoreError`, `UsageError`."""
        self._home = home
        identity = Identity.of(home)
        path = state or home.path / STATE
        try:
            # Before SQLite makes it: nobody else may read it.
            os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a file's name"
            raise StoreError(f"cannot open {path}: {why}") from None
        self.watch = Watch(
            path,
            genesis=identity.genesis,
            network_id=identity.network_id,
            me=identity.member,
            rules=rules or Rules(),
        )
        self._tree = Tree(chain.from_iterable(map(leaf_hashes, home.logbook.entries())))

    def look(self, clock: int, *, silent_seconds: int, told: Told) -> bool:
        """All that has come under an anchor since the last time; False if the home holds another log."""
        logbook, watch = self._home.logbook, self.watch
        for _, entry, _, _ in logbook.rows(self._tree.size, logbook.size):
            self._tree.append(LogEntry.decode(entry).leaf_hash)
        if not watch.same(self._tree.root, self._tree.size):
            return False
        for size, note in logbook.notes(watch.anchored):
            if size <= self._tree.size:
                watch.entries(self._entries(watch.size, size, told), self._tree.root)
                watch.anchor(note, self._tree.root)
        watch.look(clock, silent_seconds=silent_seconds)
        return True

    def _entries(self, first: int, last: int, told: Told) -> Iterator[Entry]:
        for index, entry, raw, members in self._home.logbook.rows(first, last):
            told(index, last)
            yield Entry(index, entry, raw, members)

    def close(self) -> None:
        """Close the monitor's state; the home stays open."""
        self.watch.ledger.close()
