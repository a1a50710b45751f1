"""What a desk does with an open home, whether or not its node runs here: the acts behind facade and `mce`."""

import mimetypes
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

from mce_exchange import case
from mce_exchange import statement as statements
from mce_exchange.case import CaseMessage
from mce_exchange.client.dispatch import File
from mce_exchange.client.identity import Identity
from mce_exchange.errors import UsageError
from mce_exchange.header import read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import About
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.sealing import open_as_signed
from mce_exchange.store.home import Home

Source = str | os.PathLike[str] | File


def open_file(source: Source, stack: ExitStack) -> File:
    """An attachment from a path, open until the stack ends, or as it is given."""
    if isinstance(source, File):
        return source
    path = Path(source)
    try:
        opened = stack.enter_context(path.open("rb"))
    except OSError as error:
        raise UsageError(f"cannot read {path.name}: {error.strerror}") from error
    guessed = mimetypes.guess_type(path.name)[0]
    return File(name=path.name, media_type=guessed or "application/octet-stream", source=opened)


def acknowledge(home: Home, identity: Identity, ids: Sequence[str]) -> None:
    """Answer `delivered` for messages in state `ready`, in one transaction."""
    with home.database.write():
        about = [_about(home, identity.member, id_) for id_ in ids]
        for one in about:
            home.inbox.move(one.header_id, state="acknowledged")
        home.publishing.put(answers.delivered(identity.author, about))


def refuse(home: Home, identity: Identity, id_: str, code: Refusal) -> None:
    """Answer `refused` for a message in state `ready`, in one transaction."""
    with home.database.write():
        about = _about(home, identity.member, id_)
        home.inbox.move(about.header_id, state="refused", reason=code.name.lower())
        home.publishing.put(answers.refused(identity.author, about, code))


def _about(home: Home, member: str, id_: str) -> About:
    received = home.inbox.find(bytes.fromhex(id_))
    if received is None or received.state != "ready":
        state = "is not here" if received is None else f"is {received.state}"
        raise UsageError(f"message {id_} {state}", remedy="`mce inbox` lists what waits for an answer")
    header = read_header(statements.decode(received.statement))
    return About(
        header_id=received.header_id,
        index=received.log_index,
        position=header.recipient_index(member),
    )


def save_attachment(home: Home, header_id: bytes, number: int, path: Path) -> None:
    """Decrypt one attachment of a received message into a file that does not exist yet."""
    received = home.inbox.find(header_id)
    if received is None:
        raise UsageError(f"message {header_id.hex()} is not here")
    header = read_header(statements.decode(received.statement))
    streams, secrets = header.core.streams[1:], home.inbox.body(header_id).secrets[1:]
    if not 0 <= number < len(streams):
        raise UsageError(f"this message has {len(streams)} attachments, counted from 0")
    try:
        with path.open("xb") as sink, home.attachments.path(streams[number].root).open("rb") as source:
            for piece in open_as_signed(secrets[number], streams[number], source, payload=False):
                sink.write(piece)
    except FileExistsError:
        raise UsageError(f"{path} exists already") from None
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def case_messages(home: Home, case_id: str) -> list[tuple[str, CaseMessage]]:
    """(sender, message) of a case in both directions, as this home came to hold them."""
    return [(sender, one) for sender, one in _messages(home) if one.header.case_id == case_id]


def _messages(home: Home) -> Iterator[tuple[str, CaseMessage]]:
    rows = home.database.rows(
        "SELECT header_id, outgoing, sender FROM message WHERE body_key IS NOT NULL ORDER BY id"
    )
    for header_id, outgoing, sender in rows:
        box = home.outbox if outgoing else home.inbox
        yield sender, case.decode(box.body(header_id).content)
