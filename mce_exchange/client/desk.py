"""What a desk does with an open home, whether or not its node runs here: the acts behind facade and `mce`."""

import os
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from mce_exchange import case, limits
from mce_exchange import statement as statements
from mce_exchange.case import CaseMessage
from mce_exchange.client.attaching import Progress, silent
from mce_exchange.client.identity import Identity
from mce_exchange.client.ids import HEX, read_id
from mce_exchange.errors import ProtocolError, StoreError, UsageError
from mce_exchange.header import Header, Stream, read_header
from mce_exchange.hotline import answers
from mce_exchange.hotline.answers import About
from mce_exchange.hotline.receiving import Refusal
from mce_exchange.keyfile import sync_folder
from mce_exchange.sealing import AttachmentInfo, open_as_signed
from mce_exchange.store.home import Home
from mce_exchange.store.inbox import Received

_AGAIN: Final = "ask the sender, by telephone, to send it again"
_PAGE: Final = 200
_NOT_WHOLE: Final = ("locked", "missing", "fetching")


def find(home: Home, text: str, *, outgoing: bool | None = None) -> bytes:
    """The one message, received or sent, whose id begins so; `UsageError` for none or several."""
    which = (0, 1) if outgoing is None else (int(outgoing), int(outgoing))
    found = home.database.rows(
        "SELECT header_id FROM message WHERE header_id BETWEEN ? AND ? AND outgoing IN (?, ?) LIMIT 2",
        *_between(text),
        *which,
    )
    return _only(text, [bytes(row[0]) for row in found])


def find_logged(home: Home, text: str) -> bytes:
    """The one message of which this home holds Statements, its own or, as an auditor, anybody's."""
    found = home.logbook.subjects(*_between(text))
    return _only(text, found) if found else find(home, text)


def _between(text: str) -> tuple[bytes, bytes]:
    """Ids compare as bytes, so an index finds them: from the start filled with 0 to it filled with f."""
    start = text.lower()
    if not start or not HEX.issuperset(start) or len(start) > 2 * limits.HASH:
        raise UsageError(f"no message has an id that begins with {text!r}")
    low, high = (bytes.fromhex(start.ljust(2 * limits.HASH, fill)) for fill in "0f")
    return low, high


def _only(text: str, found: Sequence[bytes]) -> bytes:
    if len(found) != 1:
        many = "several messages have" if found else "no message has"
        raise UsageError(f"{many} an id that begins with {text!r}")
    return found[0]


def acknowledge(home: Home, ids: Sequence[str]) -> None:
    """Answer `delivered` for messages in state `ready`, in one transaction; each once if named twice.

    The node signs: one Statement for all that has been acknowledged when it comes to it.
    """
    if not ids:
        raise UsageError("name at least one message to acknowledge")
    with home.database.write():
        about = [_about(home, id_, ("ready",)) for id_ in dict.fromkeys(ids)]
        for one in about:
            home.inbox.move(one.header_id, state="acknowledged")
        home.publishing.put_delivered(about)


def refuse(home: Home, identity: Identity, id_: str, code: Refusal) -> None:
    """Answer `refused`, for ever, for a message that is not answered yet, whole or not."""
    if not isinstance(code, Refusal) or not code.final:
        raise UsageError("a person refuses with a code that is final")
    with home.database.write():
        about = _about(home, id_, ("ready", "fetching", "locked", "missing"))
        home.inbox.move(about.header_id, state="refused", reason=code.name.lower())
        home.publishing.put(answers.refused(identity.author, about, code))


def _about(home: Home, id_: str, states: Sequence[str]) -> About:
    header_id = read_id(id_)
    place = home.inbox.place(header_id)
    if place is None or place[0] not in states:
        state = "is not here" if place is None else f"is {place[0]}"
        raise UsageError(f"message {id_} {state}", remedy="`mce inbox` lists what waits for an answer")
    return About(header_id=header_id, index=place[1], position=place[2])


def header_of(received: Received) -> Header:
    """The header of a message that was verified when it came."""
    return read_header(statements.decode(received.statement))


def whole(home: Home, text: str) -> Received:
    """The one received message whose id begins so, if it is whole; `UsageError`."""
    received = home.inbox.find(find(home, text, outgoing=False))
    if received is None or received.state in _NOT_WHOLE:
        raise UsageError(f"message {text} is not whole: {received.state if received else 'gone'}")
    return received


def attachment(home: Home, header_id: bytes, number: int) -> tuple[Stream, bytes, AttachmentInfo]:
    """Stream, secret and description of one attachment of a received message that is whole."""
    received = home.inbox.find(header_id)
    if received is None or received.state in _NOT_WHOLE:
        raise UsageError(f"message {header_id.hex()} is not here, or not whole yet")
    body = home.inbox.body(header_id)
    if not 0 <= number < len(body.attachments):
        raise UsageError(f"this message has {len(body.attachments)} attachments, counted from 0")
    stream = header_of(received).core.streams[1 + number]
    return stream, body.secrets[1 + number], body.attachments[number]


def save(
    home: Home,
    one: tuple[Stream, bytes, AttachmentInfo],
    path: Path,
    *,
    progress: Progress = silent,
) -> None:
    """Decrypt an attachment into a file that does not exist yet, whole or not at all; on any thread.

    Raises `UsageError` if it exists or cannot be written, `StoreError` if our copy is damaged.
    """
    stream, secret, info = one
    with ExitStack() as stack:
        source = stack.enter_context(home.attachments.reading(stream.root))
        try:
            done = 0
            descriptor, name = tempfile.mkstemp(prefix=".", suffix=".part", dir=path.parent)
            stack.callback(Path(name).unlink, missing_ok=True)
            with os.fdopen(descriptor, "wb") as sink:
                # Nothing is seen under its name before its last chunk has opened (threat E13).
                for piece in open_as_signed(secret, stream, source, payload=False):
                    sink.write(piece)
                    done += len(piece)
                    progress(info.name, done, info.size)
                sink.flush()
                os.fsync(sink.fileno())
            # Only a name that was free a moment ago is replaced: by us.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
            os.replace(name, path)
            sync_folder(path.parent)
        except ProtocolError:
            raise StoreError("this home's copy of the attachment is damaged", remedy=_AGAIN) from None
        except FileExistsError:
            raise UsageError(f"{path} exists already") from None
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or "not a file's name"
            raise UsageError(f"cannot write {path}: {why}") from error


def case_page(home: Home, case_id: str, after: int) -> tuple[int | None, list[tuple[str, CaseMessage]]]:
    """(sender, message) of a case, both ways, among the next messages; where to go on, None at the end.

    Page by page, because each message has to be decrypted and others want the home meanwhile.
    """
    rows = home.database.rows(
        "SELECT id, header_id, outgoing, sender FROM message WHERE body_key IS NOT NULL AND id > ?"
        " ORDER BY id LIMIT ?",
        after,
        _PAGE,
    )
    found = []
    for _, header_id, outgoing, sender in rows:
        box = home.outbox if outgoing else home.inbox
        message = case.decode(box.body(header_id).content)
        if message.header.case_id == case_id:
            found.append((str(sender), message))
    return (int(rows[-1][0]) if len(rows) == _PAGE else None), found
