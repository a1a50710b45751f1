"""Everything in a data folder held against what was signed: the start looks at the log only, and is quick.

Nothing here needs the relay's keys, and nothing changes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import MceError, StoreError
from mce_exchange.header import read_header
from mce_exchange.log import merkle
from mce_exchange.log.merkle import Tree
from mce_exchange.primitives.verify import equal, sha256
from mce_relay.blobs import LEAVES
from mce_relay.engine import CHUNK
from mce_relay.store.protocol import Fate, Logged, Reader, Upload
from mce_relay.whole import is_deleted, is_whole

_SHOWN: Final = 5
_AT_ONCE: Final = 1000


def damaged_statements(reader: Reader, tree: Tree) -> list[int]:
    """Log indices of Statements that are not the ones logged."""
    kept_from = reader.kept_from()
    return [one.index for one in _walk(reader, tree) if not (is_deleted(one, kept_from) or is_whole(one))]


def damaged_messages(reader: Reader, tree: Tree) -> list[int]:
    """Log indices of messages whose wraps or payload are not those of their headers, as far as not erased."""
    headers = (one for one in _walk(reader, tree) if not one.public and is_whole(one))
    return [one.index for one in headers if not _message_whole(reader, one)]


def damaged_anchors(reader: Reader, state: PublicState, tree: Tree) -> list[int]:
    """Tree sizes of anchors that do not hold, or not for this tree."""
    found, first = list[int](), 1
    while anchors := reader.anchors(first, _AT_ONCE):
        found += [size for size, note in anchors if not _anchor_whole(size, note, state, tree)]
        first = anchors[-1][0] + 1
    return found


def damaged_attachments(reader: Reader, folder: Path, *, deep: bool) -> list[str]:
    """Roots, in hex, of complete attachments whose files are not whole; `deep` hashes every byte of them."""
    uploads = (reader.upload(root) for root in sorted(reader.roots()))
    return [
        one.root.hex() for one in uploads if one and one.complete and not _files_whole(folder, one, deep=deep)
    ]


def listed(found: list[int] | list[str]) -> str:
    """A few of them, and how many there are."""
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return ", ".join(map(str, found[:_SHOWN])) + more


def _walk(reader: Reader, tree: Tree) -> Iterator[Logged]:
    return reader.walk(0, tree.size, member=None, private=True)


def _message_whole(reader: Reader, logged: Logged) -> bool:
    statement = statements.decode(logged.statement)
    message = reader.message(logged.id)
    if statement.type != statements.HEADER:
        return message is None
    if message is None:
        return False
    header, places = read_header(statement), reader.places(message.index)
    if len(places) != len(header.wraps):
        return False
    if message.erased is not None:
        return True
    payload = reader.payload(message.index) or b""
    leaves = (merkle.leaf_hash(payload[at : at + CHUNK]) for at in range(0, len(payload), CHUNK))
    return equal(merkle.root(leaves), header.core.streams[0].root) and all(
        equal(sha256(place.wrap), listed.digest)
        for place, listed in zip(places, header.wraps, strict=True)
        if place.fate is not Fate.UNDELIVERABLE
    )


def _anchor_whole(size: int, note: bytes, state: PublicState, tree: Tree) -> bool:
    try:
        checkpoint = state.open_anchor(note).checkpoint
    except MceError:
        return False
    return checkpoint.size == size <= tree.size and equal(tree.root(size), checkpoint.root)


def _files_whole(folder: Path, upload: Upload, *, deep: bool) -> bool:
    path = folder / upload.root.hex()
    try:
        leaves = path.with_name(path.name + LEAVES).read_bytes()
        hashes = [leaves[at : at + limits.HASH] for at in range(0, len(leaves), limits.HASH)]
        if path.stat().st_size != upload.size or not equal(merkle.root(hashes), upload.root):
            return False
        if not deep:
            return True
        with path.open("rb") as file:
            return all(equal(merkle.leaf_hash(file.read(CHUNK)), leaf) for leaf in hashes)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(f"an attachment cannot be read: {error.strerror}") from None
