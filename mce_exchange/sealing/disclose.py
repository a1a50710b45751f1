"""Showing one stream of a message to a third party, and nothing else (promise 4, SPEC section 12)."""

from collections.abc import Iterator
from typing import BinaryIO

from mce_exchange.errors import ContextError
from mce_exchange.header import Header
from mce_exchange.primitives.verify import equal
from mce_exchange.sealing.streams import open_stream, root_of


def disclose(header: Header, stream: int, secret: bytes, ciphertext: BinaryIO) -> Iterator[bytes]:
    """The data of one stream, shown to be what this header commits to: `secret` is its `s_i`, 32 bytes.

    The caller has verified the header's signatures and inclusion. `ciphertext` is read twice. Raises
    `ContextError` for another ciphertext, `DecryptionError` for another secret (threat E5).
    """
    if not 0 <= stream < len(header.core.streams):
        raise ContextError(f"this message has no stream {stream}")
    view = header.core.streams[stream]
    start = ciphertext.tell()
    if not equal(root_of(view, ciphertext), view.root):
        raise ContextError("this ciphertext is not the one that the header commits to")
    ciphertext.seek(start)
    return open_stream(secret, view, ciphertext, payload=stream == 0)
