"""Crashes as the disk sees them: at a chosen moment the folder is copied, and life goes on from the copy.

The process that dies is left alone with the old folder, so whatever it still does reaches nobody. The
copy holds what the kernel had when SIGKILL struck: a transaction without its commit is not in it.
"""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

from mce_relay.store.rows import SqliteReader
from mce_relay.store.sqlite import SqliteStore
from mce_relay.store.writes import SqliteWriter

from mce_exchange.errors import StoreError
from mce_exchange.store.database import Database

_SKIP = shutil.ignore_patterns("*-shm", "*.lock", "lock")


class Moment(Enum):
    """When, in the next write."""

    BEFORE_COMMIT = "before commit"
    AFTER_COMMIT = "after commit"


class Killed(BaseException):
    """The process has died; nothing of it handles this."""


class Life:
    """One folder through its deaths. `plan` says at which moment of the next write it dies."""

    def __init__(self, folder: Path) -> None:
        self.folder = self.left = folder
        self.deaths = 0
        self.dead = False
        self.plan: Moment | None = None

    def reached(self, moment: Moment) -> None:
        """Die here, if that is the plan."""
        if self.plan is moment:
            self.die()
            raise Killed

    def die(self) -> None:
        """Copy what is on the disk now; `folder` is the copy from here on."""
        self.plan, self.dead = None, True
        self.deaths += 1
        stem = self.folder.name.partition("+")[0]
        copy = self.folder.with_name(f"{stem}+{self.deaths}")
        shutil.copytree(self.folder, copy, ignore=_SKIP)
        self.left, self.folder = self.folder, copy

    def live(self) -> None:
        """Somebody lives from the copy now, and nobody from what was left behind."""
        if self.dead:
            shutil.rmtree(self.left)
        self.dead = False


class MortalStore(SqliteStore):
    """The relay's store. A dead one refuses everything, so its sequencer stops for good."""

    def __init__(self, life: Life) -> None:
        super().__init__(life.folder)
        self._life = life
        self._mine = life.folder

    @property
    def _dead(self) -> bool:
        return self._life.folder != self._mine

    @contextmanager
    def write(self) -> Iterator[SqliteWriter]:
        if self._dead:
            raise StoreError("the relay is dead")
        try:
            with super().write() as tx:
                yield tx
                self._life.reached(Moment.BEFORE_COMMIT)
            self._life.reached(Moment.AFTER_COMMIT)
        except Killed:
            raise StoreError("the relay is dead") from None

    @contextmanager
    def read(self) -> Iterator[SqliteReader]:
        if self._dead:
            raise StoreError("the relay is dead")
        with super().read() as reader:
            yield reader


@contextmanager
def mortal_homes(lives: Iterable[Life]) -> Iterator[None]:
    """Make every home's database die where its `Life` plans it."""
    original = Database.write

    @contextmanager
    def write(self: Database) -> Iterator[None]:
        folder = Path(self._connection.filename).parent
        life = next((one for one in lives if one.folder == folder), None)
        with original(self):
            yield
            if life:
                life.reached(Moment.BEFORE_COMMIT)
        if life:
            life.reached(Moment.AFTER_COMMIT)

    Database.write = write  # type: ignore[method-assign]  # put back below
    try:
        yield
    finally:
        Database.write = original  # type: ignore[method-assign]  # what stood there before
