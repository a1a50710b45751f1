"""Sealing and opening messages (SPEC sections 5 to 7). A relay never loads this package.

    draft = seal_streams(...)      encrypt payload and attachments under one content key
    sealed = seal(draft, ...)      number, wrap, sign: the header that commits to all of it
    opened = open_message(...)     unwrap, check every commitment, decrypt, compare with the header

`rewrap` wraps the same content key for a recipient's newer prekey; `disclose` opens one stream for
a court and nothing else. All of it works on verified headers: who signed is `directory`'s question.
"""

from mce_exchange.opened import AttachmentInfo
from mce_exchange.sealing.disclose import disclose
from mce_exchange.sealing.opening import (
    Opened,
    check_payload,
    check_wrap,
    open_content_key,
    open_message,
    open_payload,
)
from mce_exchange.sealing.rewrap import rewrap
from mce_exchange.sealing.seal import Attachment, Draft, Sealed, To, reseal_payload, seal, seal_streams
from mce_exchange.sealing.streams import open_as_signed, open_stream, root_of, seal_stream

__all__ = [
    "Attachment",
    "AttachmentInfo",
    "Draft",
    "Opened",
    "Sealed",
    "To",
    "check_payload",
    "check_wrap",
    "disclose",
    "open_content_key",
    "open_message",
    "open_payload",
    "open_as_signed",
    "open_stream",
    "reseal_payload",
    "rewrap",
    "root_of",
    "seal",
    "seal_stream",
    "seal_streams",
]
