"""Erasing what a home no longer may hold, saying so in the log, and seeing that others do (SPEC 9.6)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from mce_exchange import statement as statements
from mce_exchange.client import desk
from mce_exchange.client.identity import Identity
from mce_exchange.client.record import Record
from mce_exchange.errors import UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import Erased
from mce_exchange.store import settings
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.erasing import Closed
from mce_exchange.store.home import Home
from mce_exchange.v1 import statement_pb2

_DAY: Final = 24 * 3600
_GRACE_SECONDS: Final = 7 * _DAY
# The relay sweeps, the log grows, an anchor is made: after a day somebody is asked.
_LATE_SECONDS: Final = _GRACE_SECONDS + _DAY
_PARTS: Final = {"key": Erased.CONTENT_KEY, "content": Erased.CONTENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who, by the log, still holds what of a message: nobody has said that it is gone.

    `due`: POSIX seconds from which on it should be; 0 where only the holder's own retention says.
    """

    header_id: bytes
    member: str
    what: str
    due: int


def erase(record: Record) -> bool:
    """Destroy what is due, in the caller's transaction; whether anything was."""
    home, now = record.home, record.now
    home.erasing.close(now)
    keys = home.erasing.due_keys(now - _GRACE_SECONDS)
    for one in keys:
        home.erasing.erase_key(one)
    days = home.settings.number(settings.RETENTION_DAYS)
    content = home.erasing.due_content(now - days * _DAY) if days else []
    for one in content:
        home.erasing.erase_content(one, _roots(one))
    return bool(keys or content)


def erase_now(home: Home, text: str, now: int) -> bytes:
    """A person's decision about one message: its content goes at once, and the node says so."""
    header_id = desk.find(home, text)
    with home.database.write():
        home.erasing.close(now)
        one = home.erasing.find(header_id)
        if one is None:
            raise UsageError(
                "this message is not answered, or its recipients have not answered",
                remedy="answer it first, or wait until every recipient has, or it expires",
            )
        home.erasing.erase_content(one, _roots(one) if home.erasing.holds(header_id) else ())
    home.database.scrub()
    return header_id


def attest(home: Home, identity: Identity) -> None:
    """Queue the Statements that say so, once no file of the home holds the bytes any more."""
    note = home.logbook.anchor()
    if note is None:
        return
    for part, what in _PARTS.items():
        by_parties: dict[tuple[str, ...], list[bytes]] = {}
        for one in home.erasing.unsaid(part):
            # All parties read all of it: nobody is to learn the id of another's message.
            by_parties.setdefault(_parties(one), []).append(one.header_id)
        for ids in by_parties.values():
            home.publishing.put(answers.erasure(identity.author, what, ids, anchor=note))
            home.erasing.said(part, ids)


def watch(record: Record) -> None:
    """An alarm for each message of which relay or sender has not said in time that it is gone."""
    home = record.home
    for one in home.erasing.watched(record.now - _LATE_SECONDS):
        late = [holder for holder in _holders(home, one) if holder.due]
        home.erasing.settled(one.header_id, told=bool(late))
        for holder in late:
            text = f"{holder.member or 'the relay'} has not said that it erased {holder.what} of a message"
            about = f"{one.header_id.hex()} {holder.member or 'relay'}"
            record.alarm(Alarm.NOT_ERASED, about, f"{text}: ask")


def holders(home: Home, now: int, *, text: str = "") -> Iterator[Holder]:
    """Of one message, or of those for which somebody is late: who still holds what, by the log."""
    if text:
        one = home.erasing.find(desk.find(home, text))
        yield from _holders(home, one) if one else ()
        return
    for one in home.erasing.outstanding(now - _LATE_SECONDS):
        yield from (holder for holder in _holders(home, one) if holder.due)


def _holders(home: Home, one: Closed) -> Iterator[Holder]:
    said: set[tuple[str, int]] = set()
    delivered: set[str] = set()
    for logged in home.logbook.about(one.header_id):
        body = statements.BODIES[logged.type].FromString(statements.decode(logged.raw).body)
        if isinstance(body, statement_pb2.Erasure):
            said.add((body.author, body.what))
        elif isinstance(body, statement_pb2.Delivered):
            delivered.add(body.member)
    due = one.closed_at + _GRACE_SECONDS
    if not any(what == statement_pb2.ERASED_PART_CIPHERTEXT for _, what in said):
        yield Holder(header_id=one.header_id, member="", what="the ciphertext", due=due)
    if (one.sender, Erased.CONTENT_KEY) not in said:
        yield Holder(header_id=one.header_id, member=one.sender, what="the content key", due=due)
    for member in sorted(delivered | {one.sender}):
        if (member, Erased.CONTENT) not in said:
            yield Holder(header_id=one.header_id, member=member, what="the content", due=0)


def _roots(one: Closed) -> list[bytes]:
    return [stream.root for stream in read_header(statements.decode(one.statement)).core.streams[1:]]


def _parties(one: Closed) -> tuple[str, ...]:
    core = read_header(statements.decode(one.statement)).core
    return tuple(sorted([core.sender, *(recipient.member for recipient in core.recipients)]))
