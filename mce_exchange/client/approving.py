"""The second person: what awaits her, what she is shown, her yes or no (SPEC sections 5.3, 8.1).

Her key is a file of its own and never in a home, so that whoever holds a desk holds one person. What
she is shown is opened from the ciphertext that the header commits to: she signs that and nothing else.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mce_exchange import case
from mce_exchange import statement as statements
from mce_exchange.case import CaseMessage
from mce_exchange.client.identity import Identity
from mce_exchange.client.record import Record
from mce_exchange.directory.authority import authenticate
from mce_exchange.directory.model import Act
from mce_exchange.directory.public import PublicState
from mce_exchange.errors import ProtocolError, StoreError, UsageError
from mce_exchange.header import Header, Recipient, read_header
from mce_exchange.hotline import answers, persons
from mce_exchange.hotline.answers import Author
from mce_exchange.hotline.signing import obeying
from mce_exchange.keyfile import read_keyfile
from mce_exchange.keys import PrivateKey
from mce_exchange.sealing import AttachmentInfo, Opened, open_payload
from mce_exchange.store.alarms import Alarm
from mce_exchange.store.home import Home
from mce_exchange.store.settings import BEHIND

SECOND_LABEL: Final = b"mce-second"
"""Binds the file of a second person's key to what it is."""
PATIENCE_SECONDS: Final = 24 * 3600
"""How long a message awaits its second person: less than the week for which its wraps are sure to open."""
_LIST: Final = "`mce approvals` lists what awaits a second person"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A message that awaits `person` with the key `key_id` (hex); void at `until` (POSIX seconds).

    `message` is None if what lies here is not what was signed, or no case: there is nothing to approve.
    """

    id: str
    recipients: tuple[str, ...]
    urgent: bool
    person: str
    key_id: str
    at: int
    until: int
    message: CaseMessage | None
    attachments: tuple[AttachmentInfo, ...]


def read_second(path: Path, passphrase: str) -> PrivateKey:
    """A second person's key. `UsageError` without a file, `StoreError` for another or a wrong passphrase."""
    return PrivateKey.from_seed(read_keyfile(path, passphrase, label=SECOND_LABEL))


def approvals(home: Home, state: PublicState) -> list[Approval]:
    """What awaits a second person, oldest first."""
    with home.database.read():
        return [_told(home, state, header_id) for header_id in home.outbox.awaiting()]


def approval(home: Home, state: PublicState, header_id: bytes) -> Approval:
    """One of them; `UsageError` if it awaits nobody."""
    with home.database.read():
        return _told(home, state, header_id)


def approve(
    home: Home, identity: Identity, state: PublicState, header_id: bytes, key: PrivateKey, *, now: int
) -> None:
    """Add the second person's signature: durable when this returns, and sent from then on.

    Raises `UsageError` for another key than the message names, or if it could not be sent any more, and
    `StoreError` if what lies here is not what was signed.
    """
    header, signed, _ = awaited(home, header_id)
    check_key(header, key)
    signed = statements.cosign(signed, key, network_id=identity.network_id)
    take(home, identity, state, signed.raw, now=now)


def take(home: Home, identity: Identity, state: PublicState, raw: bytes, *, now: int) -> bytes:
    """A header that the second person has signed, here or elsewhere: its id. Raises as `approve` does."""
    signed = signed_by(raw)
    header_id = signed.id(identity.network_id)
    header, _, _ = awaited(home, header_id)
    if len(_ours(home, header, header_id)) < len(header.core.recipients):
        raise UsageError(
            "its number was used by another home of this member", remedy="reject it, and send it again"
        )
    state = obeying(state, home.publishing.revocations())
    try:
        authenticate(signed, state=state, index=state.size)
    except ProtocolError as error:
        raise UsageError(
            f"signed by both it would still not count: {error}", remedy="reject it, and send it again"
        ) from error
    with home.database.write():
        if not home.outbox.approved(header_id, statement=signed.raw, at=now):
            raise UsageError(f"message {header_id.hex()} awaits nobody any more", remedy=_LIST)
    return header_id


def signed_by(raw: bytes) -> statements.Statement:
    """What the second person sent back, not verified; `UsageError` for another file."""
    try:
        return statements.decode(raw)
    except ProtocolError as error:
        raise UsageError(
            f"this is no signed message: {error}", remedy="give the file that `mce cosign` wrote"
        ) from None


def check_key(header: Header, key: PrivateKey) -> None:
    """`UsageError` unless it is the one that the message names for its second person."""
    if key.public.id != header.core.signers[-1]:
        raise UsageError(
            "this message names another key for its second person",
            remedy="`mce approvals` says whose; reject it and send it again to name another person",
        )


def awaited(home: Home, header_id: bytes) -> tuple[Header, statements.Statement, Opened]:
    """What the first person signed, and what is in it, if it awaits the second one.

    Raises `UsageError` if it does not, `StoreError` if what lies here is not what was signed.
    """
    header, signed = _header(home, header_id)
    return header, signed, _opened(home, header, header_id)


def reject(home: Home, identity: Identity, header_id: bytes, *, now: int) -> None:
    """A person says no: the message goes nowhere, and its numbers are void."""
    header, _ = _header(home, header_id)
    with home.database.write():
        if not home.outbox.failed(header_id, reason="rejected"):
            raise UsageError(f"message {header_id.hex()} awaits nobody any more", remedy=_LIST)
        void(home, identity.author, header, header_id)
        text = "the second person has rejected a message: it went nowhere"
        home.alarms.put(Alarm.NOT_SENT, about=f"{header_id.hex()} rejected", text=text, at=now)


def watch(record: Record, state: PublicState) -> None:
    """A policy for two and only one person with living keys: told before it is needed."""
    state, me = obeying(state, record.home.publishing.revocations()), record.me
    alone = persons.needs_two(state, me, Act) and not persons.others(
        state, me, record.identity.author.signers[0]
    )
    if alone:
        text = "what this member's policy reserves to two persons cannot be sent: only the desk's key lives"
        record.alarm(
            Alarm.NOT_SENT, f"one person, version {state.directory.version}", f"{text}; `mce second`"
        )


def expire(record: Record) -> None:
    """What nobody approved in time is void, and that is told: in the caller's transaction."""
    home = record.home
    # A restored home learns first whether another one has sent it meanwhile (threat H9).
    if home.settings.find(BEHIND):
        return
    for header_id in home.outbox.awaiting(before=record.now - PATIENCE_SECONDS):
        header, _ = _header(home, header_id)
        home.outbox.failed(header_id, reason="not approved in time")
        void(home, record.identity.author, header, header_id)
        text = "no second person approved a message within a day: it is void, and went nowhere"
        record.alarm(Alarm.NOT_SENT, f"{header_id.hex()} void", text)


def void(home: Home, author: Author, header: Header, header_id: bytes) -> None:
    """Fill the numbers of a message that nobody will ever take (SPEC section 9.4)."""
    for recipient in _ours(home, header, header_id):
        home.publishing.put(
            answers.void(
                author,
                recipient=recipient.member,
                sequence=recipient.sequence,
                annulled_id=header_id,
            )
        )


def _ours(home: Home, header: Header, header_id: bytes) -> list[Recipient]:
    """Recipients at whom the log gives the message's number to nothing else (threat H9)."""
    numbers = home.numbers
    return [one for one in header.core.recipients if numbers.given(one.member, one.sequence) == header_id]


def _header(home: Home, header_id: bytes) -> tuple[Header, statements.Statement]:
    """What the first person signed, if it still awaits the second one; else `UsageError`."""
    if header_id not in home.outbox.awaiting():
        raise UsageError(f"message {header_id.hex()} awaits nobody", remedy=_LIST)
    signed = statements.decode(home.outbox.outgoing(header_id).statement)
    return read_header(signed), signed


def _told(home: Home, state: PublicState, header_id: bytes) -> Approval:
    header, _ = _header(home, header_id)
    core, sent = header.core, home.outbox.find(header_id)
    holder = state.holder(core.signers[-1])
    at = sent.at if sent else 0
    try:
        opened: Opened | None = _opened(home, header, header_id)
        message = case.decode(opened.content) if opened else None
    except (ProtocolError, StoreError):
        # Shown as such: it hides no other that awaits, and can be rejected.
        opened, message = None, None
    return Approval(
        id=header_id.hex(),
        recipients=tuple(one.member for one in core.recipients),
        urgent=core.urgent,
        person=holder.key.label if holder else "",
        key_id=core.signers[-1].hex(),
        at=at,
        until=at + PATIENCE_SECONDS,
        message=message,
        attachments=opened.attachments if opened else (),
    )


def _opened(home: Home, header: Header, header_id: bytes) -> Opened:
    """From the ciphertext, not from the plaintext beside it: that is what the signature will stand for."""
    key = home.outbox.body(header_id).content_key
    try:
        return open_payload(header, key, home.outbox.outgoing(header_id).payload)
    except ProtocolError:
        raise StoreError(
            f"message {header_id.hex()} is not what was signed here",
            remedy="reject it, look who was at this desk, and send it again",
        ) from None
