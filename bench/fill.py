"""A relay's data folder with many messages in it, written quickly, and honest about what that skips.

Rows go through the store's own writer in their real number and sizes, but nothing is judged, nothing is
synced, statements are one real header with other signature bytes, ids are random, wraps and payloads
repeat. The newest keep their ciphertext and are pending; older ones are delivered and erased, as the
relay leaves them. The tree and its last checkpoint are true, so the relay starts on them as on its own.
"""

import os
import secrets
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Final

import apsw
from mce_relay.store.protocol import Fate, Logged, Message, Place
from mce_relay.store.sqlite import FILE, migrations
from mce_relay.store.writes import SqliteWriter

from bench.sealing import Ours
from mce_exchange import limits
from mce_exchange.log.checkpoint import Checkpoint, sign_checkpoint
from mce_exchange.log.entry import LogEntry
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.verify import sha256
from mce_exchange.statement import decode
from tests.federation import LOG

PENDING: Final = 100_000
_GROUP: Final = 2_000


def fill(folder: Path, ours: Ours, count: int, *, sender: str = "", pending: int = PENDING) -> None:
    """A new database with the federation's own entries and `count` messages, of all pairs or one sender."""
    folder.mkdir(mode=0o700, parents=True)
    connection = apsw.Connection(str(folder / FILE))
    for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-200000"):
        connection.execute(f"PRAGMA {pragma}")
    for script in migrations():
        connection.execute(script)
    connection.pragma("user_version", len(migrations()))
    writer, tree = SqliteWriter(connection), Tree()
    connection.execute("BEGIN")
    for raw in ours.federation.raw:
        _append_public(writer, tree, ours, raw)
    for number, message in enumerate(_messages(ours, count, sender, tree.size, count - pending)):
        _put(writer, tree, *message)
        if number % _GROUP == _GROUP - 1:
            connection.execute("COMMIT")
            connection.execute("BEGIN")
    # What the sweeper leaves of each, for all of them at once.
    connection.execute("DELETE FROM payloads WHERE payload = x''")
    connection.execute(
        "UPDATE messages SET closed = accepted, erased = accepted, attested = 1"
        " WHERE idx NOT IN (SELECT idx FROM payloads)"
    )
    checkpoint = Checkpoint(ours.federation.state.directory.origin, tree.size, tree.root())
    writer.put_checkpoint(sign_checkpoint(checkpoint, LOG[0]))
    connection.execute("COMMIT")
    connection.close()


def _append_public(writer: SqliteWriter, tree: Tree, ours: Ours, raw: bytes) -> None:
    statement, federation = decode(raw), ours.federation
    entry = LogEntry(statement.public, statement.digest)
    writer.append(
        Logged(
            index=tree.size,
            entry=entry.encode(),
            id=statement.id(federation.network_id),
            public=True,
            author="federation",
            statement=raw,
            members=federation.genesis.members if not tree.size else (),
        ),
        (),
    )
    tree.append(entry.leaf_hash)


def _messages(
    ours: Ours, count: int, sender: str, first: int, erased: int
) -> Iterator[tuple[Logged, Message, Place, bytes]]:
    shape = ours.seal(secrets.token_bytes(2048), 1)
    raw, now = shape.statement.raw, int(time.time())
    people = sorted(ours.federation.people)
    pairs = [pair for pair in permutations(people, 2) if sender in ("", pair[0])]
    for number in range(count):
        author, recipient = pairs[number % len(pairs)]
        index, id_, old = first + number, secrets.token_bytes(32), number < erased
        # Other signature bytes, so that no two entries are equal.
        statement = raw[:-64] + os.urandom(64)
        yield (
            Logged(
                index=index,
                entry=LogEntry(False, sha256(statement)).encode(),
                id=id_,
                public=False,
                author=author,
                statement=statement,
            ),
            Message(
                index=index,
                id=id_,
                sender=author,
                accepted=now,
                expires=now + limits.DEFAULT_LIFETIME_SECONDS,
                size=len(shape.payload),
            ),
            Place(
                index=index,
                number=0,
                sender=author,
                recipient=recipient,
                fate=Fate.DELIVERED if old else Fate.PENDING,
                wrap=b"" if old else shape.wraps[0],
            ),
            b"" if old else shape.payload,
        )


def _put(
    writer: SqliteWriter, tree: Tree, logged: Logged, message: Message, place: Place, payload: bytes
) -> None:
    writer.append(logged, [place.sender, place.recipient])
    tree.append(LogEntry.decode(logged.entry).leaf_hash)
    # Numbers of a pair are used once; those sent afterwards begin high above.
    writer.put_message(message, [place], payload, [])
    writer.use_number(place.sender, place.recipient, logged.index, logged.id)
