"""What a member may see of the log, read from one snapshot at one committed head (SPEC section 9).

Everybody gets every entry and the bytes of public Statements; private ones go to their parties and
to auditors; the wrap and the ciphertext to recipients until the message expires or is erased, final
or not: one that was restored from last night's backup reads again what it had acknowledged. A member
that does not take part now gets what is public.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from mce_exchange import limits
from mce_exchange import statement as statements
from mce_exchange.directory.model import Role
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import StoreError
from mce_exchange.log.checkpoint import size_of
from mce_exchange.log.merkle import Tree
from mce_exchange.v1 import statement_pb2
from mce_relay.logs import logger
from mce_relay.refusals import refusal
from mce_relay.sequencer import Head
from mce_relay.store.protocol import Fate, Logged, Reader, Upload
from mce_relay.values import Batch, Delivery
from mce_relay.whole import is_deleted, is_whole

_REWRAP: Final = "re-wrap"
_SERVED: Final = frozenset({Fate.PENDING, Fate.DELIVERED, Fate.REFUSED})


@dataclass(frozen=True, slots=True)
class Eyes:
    """Whose private Statements are shown: of a member, of nobody (None), or all of them."""

    member: str | None
    all: bool

    @classmethod
    def of(cls, state: PublicState, member: str) -> "Eyes":
        """What a member may see now."""
        if not state.takes_part(member):
            return cls(None, all=False)
        return cls(member, all=state.directory.member(member).role is Role.AUDITOR)


def batch(
    reader: Reader, tree: Tree, head: Head, member: str, from_index: int, max_bytes: int
) -> Batch | None:
    """The log from an index on, as `member` sees it; one Statement at least, then up to `max_bytes`."""
    end = min(head.size, from_index + limits.ENTRIES_PER_CALL)
    if not 0 <= from_index < end:
        return None
    eyes = Eyes.of(head.state, member)
    end, found = _collected(reader, eyes, from_index, end, max_bytes)
    while (note := _note(reader, head, end)) is None:
        # Above the last checkpoint of a log key nothing is signed for those who know no newer one: they
        # stop there, or read on beyond the Directory that names it, a few entries however long they are.
        last = reader.ended(from_index + 1)
        if last is not None and size_of(last) < end:
            end = size_of(last)
            found = [one for one in found if one.index < end]
        else:
            end, found = _collected(reader, eyes, from_index, _known_until(head, end) + 1, sys.maxsize)
    return Batch(
        first_index=from_index,
        entries=reader.entries(from_index, end - from_index),
        statements=tuple(found),
        checkpoint=note,
        consistency=tuple(tree.consistency_proof(end, size_of(note))),
    )


def _collected(
    reader: Reader, eyes: Eyes, first: int, end: int, max_bytes: int
) -> tuple[int, list[Delivery]]:
    """Where it ends, and the Statements up to there."""
    found: list[Delivery] = []
    left, kept_from = max_bytes, reader.kept_from()
    for logged in reader.walk(first, end, member=eyes.member, private=eyes.all):
        if is_deleted(logged, kept_from) or not _whole(logged):
            continue
        delivery = _delivery(reader, eyes, logged)
        left -= len(delivery.statement) + len(delivery.payload) + sum(map(len, delivery.members))
        if found and left < 0:
            return logged.index, found
        found.append(delivery)
    return end, found


def _note(reader: Reader, head: Head, end: int) -> bytes | None:
    """A checkpoint at or above `end` by the key that is known to who has read so far, if there is one."""
    until = _known_until(head, end)
    if until >= head.size:
        return head.note
    note = reader.ended(end)
    return note if note is not None and size_of(note) <= until else None


def _known_until(head: Head, end: int) -> int:
    """The largest tree size under the log key that the Directory of then names."""
    directory = head.state.directory
    begun = (directory.indices[one.life.added - 1] for one in directory.log_keys if one.life.added > 1)
    return min((index for index in begun if index >= end), default=head.size)


def prekeys(reader: Reader, state: PublicState, members: Sequence[str]) -> list[tuple[int, bytes]]:
    """Log index and Statement of each one's newest prekey."""
    if len(members) > limits.MEMBERS:
        raise refusal("too_large", f"{len(members)} members, at most {limits.MEMBERS}")
    newest = [state.prekey(member) for member in members]
    found = [reader.logged(prekey.index) for prekey in newest if prekey]
    return [(one.index, one.statement) for one in found if one]


def statements_at(reader: Reader, head: Head, member: str, indices: Sequence[int]) -> list[tuple[int, bytes]]:
    """Those at these indices that exist and that `member` may see."""
    eyes = Eyes.of(head.state, member)
    found, left, kept_from = [], limits.CALL, reader.kept_from()
    for index in indices:
        logged = reader.logged(index) if 0 <= index < head.size else None
        if logged and (
            logged.public or eyes.all or (eyes.member is not None and reader.is_party(eyes.member, index))
        ):
            left -= len(logged.statement)
            if left < 0:
                raise refusal("too_large", f"more than {limits.CALL} bytes of Statements")
            if not is_deleted(logged, kept_from) and _whole(logged):
                found.append((index, logged.statement))
    return found


def attachment(reader: Reader, state: PublicState, member: str, root: bytes) -> Upload:
    """An attachment of a message that `member` sent or that was addressed to it and served."""
    upload = reader.upload(root)
    if upload is not None and upload.index is not None and state.takes_part(member):
        for place in reader.places(upload.index):
            if member == place.sender or (member == place.recipient and place.fate in _SERVED):
                return upload
    raise refusal("not_found", f"no attachment {root.hex()} is held for {member}")


def _whole(logged: Logged) -> bool:
    """Whether the Statement is the one logged; handed out with a flipped bit it would stop its readers.

    Without a public one nobody can go on at all, so that is the relay's own failure.
    """
    if is_whole(logged):
        return True
    logger().error("statement damaged", index=logged.index)
    if logged.public:
        raise StoreError(f"the public Statement at log index {logged.index} is damaged")
    return False


def _delivery(reader: Reader, eyes: Eyes, logged: Logged) -> Delivery:
    wrap, payload = (b"", b"") if logged.public else _ciphertext(reader, eyes, logged)
    return Delivery(
        index=logged.index, statement=logged.statement, members=logged.members, wrap=wrap, payload=payload
    )


def _ciphertext(reader: Reader, eyes: Eyes, logged: Logged) -> tuple[bytes, bytes]:
    """The wrap that this very header or re-wrap commits to, and the payload, as long as it is there."""
    statement = statements.decode(logged.statement)
    header_id, number = logged.id, None
    if statement.type == _REWRAP:
        body = statements.body(statement, statement_pb2.ReWrap)
        header_id, number = body.header_id, body.recipient_index
    elif statement.type != statements.HEADER:
        return b"", b""
    message = reader.message(header_id)
    payload = reader.payload(message.index) if message else None
    for place in reader.places(message.index) if message and payload else ():
        if place.recipient == eyes.member and place.fate in _SERVED and number in (None, place.number):
            return place.rewrap if statement.type == _REWRAP else place.wrap, payload or b""
    return b"", b""
