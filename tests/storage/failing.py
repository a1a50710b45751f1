"""Every statement of the writer's connection, and every sync of a file: those of a plan fail, done or not."""

import errno
import os
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import apsw
from mce_relay.store.sqlite import SqliteStore


@contextmanager
def failing_syncs(plan: Set[int], *, persisted: bool) -> Iterator[list[int]]:
    """Every `os.fsync` meanwhile, of attachments, folders, the anchor file, counted; those of a plan fail."""
    real, count = os.fsync, [0]

    def fsync(fd: Any) -> None:
        count[0] += 1
        if count[0] in plan:
            if persisted:
                real(fd)
            raise OSError(errno.EIO, "this disk failed, as planned")
        real(fd)

    os.fsync = fsync
    try:
        yield count
    finally:
        os.fsync = real


class Connection:
    """The writer's connection: `execute` number n of the plan raises, having done its work or not."""

    def __init__(self, real: apsw.Connection, plan: Set[int], *, persisted: bool) -> None:
        self.real, self.plan, self.persisted, self.count = real, plan, persisted, 0

    def execute(self, sql: str, *values: Any) -> Any:
        """As apsw's."""
        self.count += 1
        if self.count not in self.plan:
            return self.real.execute(sql, *values)
        if self.persisted:
            self.real.execute(sql, *values)
        raise apsw.IOError("this disk failed, as planned")

    @property
    def in_transaction(self) -> bool:
        """As apsw's."""
        return self.real.in_transaction

    def close(self) -> None:
        """As apsw's."""
        self.real.close()


class FailingStore(SqliteStore):
    """A store whose disk fails at the numbers of the plan."""

    def __init__(self, folder: Path, plan: Set[int] = frozenset(), *, persisted: bool = False) -> None:
        super().__init__(folder)
        self._plan, self._persisted = plan, persisted
        self.count = 0

    def open(self) -> None:
        """Counting begins once the store is open."""
        super().open()
        assert self._writer is not None
        made = Connection(self._writer, self._plan, persisted=self._persisted)
        self.connection = made
        self._writer = made  # type: ignore[assignment]  # it has all that the writer uses
