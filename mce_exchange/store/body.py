"""A message's private part at rest: boxed under a key of its own, so that one key's end is its end."""

from dataclasses import dataclass
from typing import Self

import msgpack

from mce_exchange.errors import StoreError
from mce_exchange.primitives import vault
from mce_exchange.sealing import AttachmentInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """The case message's bytes, what is said of attachments, each stream's secret.

    `content_key` (32 bytes) is the sender's, for a re-wrap; empty at a recipient.
    """

    content: bytes
    attachments: tuple[AttachmentInfo, ...]
    secrets: tuple[bytes, ...]
    content_key: bytes = b""

    def encode(self) -> bytes:
        """As msgpack."""
        infos = [(one.name, one.media_type, one.size) for one in self.attachments]
        return bytes(msgpack.packb([self.content, infos, list(self.secrets), self.content_key]))

    @classmethod
    def decode(cls, data: bytes) -> Self:
        """The reverse, of our own bytes."""
        content, infos, secrets, content_key = msgpack.unpackb(data)
        return cls(
            content=content,
            attachments=tuple(AttachmentInfo(name=n, media_type=m, size=s) for n, m, s in infos),
            secrets=tuple(secrets),
            content_key=content_key,
        )


def shut(master: bytes, header_id: bytes, body: Body) -> tuple[bytes, bytes]:
    """`(key box, body box)`: the body under a fresh key, the key under the master key."""
    key = vault.new_key()
    return (
        vault.shut(master, key, label=b"body-key" + header_id),
        vault.shut(key, body.encode(), label=b"body" + header_id),
    )


def unshut(master: bytes, header_id: bytes, key_box: bytes | None, box: bytes | None) -> Body:
    """The body; `StoreError` once it is erased."""
    if key_box is None or box is None:
        raise StoreError(
            "this message's content has been erased", remedy="its evidence stands; ask its author"
        )
    key = vault.unshut(master, key_box, label=b"body-key" + header_id)
    return Body.decode(vault.unshut(key, box, label=b"body" + header_id))
