"""One moment of a home's database for a backup, without what no backup may hold (SPEC sections 8.6, 9.8).

Rows are copied in one read transaction, so writers go on meanwhile. The private halves of prekeys are not
copied in the first place: there is no file that held them and was cleaned. The copy has no name while it
is filled, so nothing of it outlives this process, however that ends.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from mce_exchange.errors import StoreError
from mce_exchange.store import settings
from mce_exchange.store.database import Database

# In the order of making, by which signing keys are known; a prekey that was never sent has no private half
# in a restored home, which would let it out all the same.
_ONLY: Final = {
    "secret": "WHERE name NOT LIKE 'prekey/%' AND name NOT LIKE 'witness/%' ORDER BY rowid",
    "publishing": "WHERE NOT (type = 'prekey' AND state = 'waiting')",
    # Of then: what is cosigned later must not be forgotten.
    "witness": "WHERE false",
}


@contextmanager
def snapshot(home: Path, database: Path, *, at: int) -> Iterator[BinaryIO]:
    """The copy, to be read; whoever restores it is behind the log. `StoreError` if the disk is too full."""
    path = home / f"{secrets.token_hex(8)}.snapshot"
    try:
        copy = Database(path, make=True)
        try:
            copy.run("PRAGMA journal_mode=MEMORY")
            copy.run("PRAGMA synchronous=OFF")
            with path.open("rb") as file:
                path.unlink()
                _fill(copy, database, at)
                yield file
        finally:
            copy.close()
    except OSError as error:
        raise StoreError(f"cannot copy the home's database: {error.strerror}") from error
    finally:
        path.unlink(missing_ok=True)


def _fill(copy: Database, database: Path, at: int) -> None:
    copy.run("ATTACH ? AS home", str(database))
    # Not IMMEDIATE, which would hold up the home's writers too.
    copy.run("BEGIN")
    for (table,) in copy.rows("SELECT name FROM home.sqlite_schema WHERE type = 'table' ORDER BY name"):
        if table != "sqlite_sequence":
            copy.run(f"INSERT INTO main.{table} SELECT * FROM home.{table} {_ONLY.get(table, '')}")
    # Numbers of questions that were once asked are not used again.
    copy.run("DELETE FROM main.sqlite_sequence")
    copy.run("INSERT INTO main.sqlite_sequence SELECT * FROM home.sqlite_sequence")
    for name, value in ((settings.BACKUP_AT, str(at)), (settings.BEHIND, "restored")):
        copy.run("INSERT OR REPLACE INTO main.setting VALUES (?, ?)", name, value.encode())
    copy.run("DELETE FROM main.setting WHERE name = ?", settings.PLACE)
    copy.run("COMMIT")
    copy.run("DETACH home")
