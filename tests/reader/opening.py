"""Opening a message whose header has been verified, in the order of SPEC 5.3."""

from collections.abc import Sequence
from dataclasses import dataclass

from . import streams
from .header import ATTACHMENT_LEAST, Header, padded, wrap_info
from .primitives import hpke_open, sha256
from .refusal import RefusalError, must
from .wire import Record, decode


@dataclass(frozen=True)
class Opened:
    """What a recipient holds after opening."""

    content_key: bytes
    secrets: tuple[bytes, ...]
    payload: Record
    attachments: tuple[bytes, ...]


def place_of(header: Header, recipient: str) -> int:
    must(recipient in header.recipients, "context", f"{recipient} is not a recipient")
    return header.recipients.index(recipient)


def check_bytes(header: Header, wrap: bytes, digest: bytes, payload: bytes) -> None:
    """Step 2: by the header's wrap or a re-wrap's; what differs here is the relay's."""
    must(sha256(wrap) == digest, "context", "a wrap that nobody signed")
    must(streams.is_of(header.core.records("streams")[0], payload), "context", "another payload")


def unwrap(header: Header, place: int, wrap: bytes, seed: bytes, prekey_id: bytes) -> bytes:
    """Step 4, its beginning."""
    return hpke_open(seed, wrap, wrap_info(header.core_bytes, place, prekey_id))


def open_message(header: Header, content_key: bytes, payload: bytes, attachments: Sequence[bytes]) -> Opened:
    described = header.core.records("streams")
    reference = header.core.data("message_ref")
    secrets = tuple(streams.secret(content_key, reference, i) for i in range(len(described)))
    for secret, stream in zip(secrets, described, strict=True):
        must(streams.keys(secret).commitment == stream.data("commitment"), "decryption", "a commitment")
    inner = check_payload(header, streams.open_data(described[0], 0, secrets[0], payload))
    infos = inner.records("attachments")
    opened = []
    for number, sealed in enumerate(attachments, 1):
        must(streams.is_of(described[number], sealed), "decryption", f"another attachment {number}")
        data = streams.open_data(described[number], number, secrets[number], sealed)
        must(len(data) == infos[number - 1].number("size"), "decryption", f"attachment {number}: its size")
        opened.append(data)
    return Opened(content_key, secrets, inner, tuple(opened))


def check_payload(header: Header, data: bytes) -> Record:
    """Section 7: the encrypted part, if it is this header's."""
    try:
        inner = decode("Payload", data)
    except RefusalError as refused:
        raise RefusalError("decryption", refused.why) from refused
    same = (
        inner.data("message_ref") == header.core.data("message_ref")
        and inner.text("sender") == header.core.text("sender")
        and inner.texts("recipients") == header.recipients
    )
    must(same, "decryption", "the encrypted part names another message, sender or recipients")
    sizes = [padded(8 + info.number("size"), ATTACHMENT_LEAST) for info in inner.records("attachments")]
    described = [one.number("padded_size") for one in header.core.records("streams")[1:]]
    must(sizes == described, "decryption", "other attachments")
    return inner
