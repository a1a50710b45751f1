"""A long secret in one file: libsodium's secretstream, chunk by chunk, with an end of its own (SPEC 9.7).

A cut, exchanged or reordered chunk does not open, and neither does a file whose last chunk is missing.
"""

from typing import BinaryIO, Final

import nacl.bindings as sodium
import nacl.exceptions

from mce_exchange.errors import StoreError

KEY: Final = sodium.crypto_secretstream_xchacha20poly1305_KEYBYTES
_HEADER: Final = sodium.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_MESSAGE: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL: Final = sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_CHUNK: Final = 256 * 1024
_SEALED: Final = _CHUNK + sodium.crypto_secretstream_xchacha20poly1305_ABYTES


class ArchiveWriter:
    """A file to write to, in the memory of a chunk. What was not closed does not open."""

    def __init__(self, sink: BinaryIO, key: bytes) -> None:
        self._sink = sink
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        # The header is random, and the state goes on by itself: no nonce is ever chosen here.
        sink.write(sodium.crypto_secretstream_xchacha20poly1305_init_push(self._state, key))
        self._held = bytearray()

    def write(self, data: bytes) -> int:
        """Take more; whole chunks go out while more follows."""
        self._held += data
        while len(self._held) > _CHUNK:
            self._push(bytes(self._held[:_CHUNK]), _MESSAGE)
            del self._held[:_CHUNK]
        return len(data)

    def close(self) -> None:
        """The last chunk, marked as that."""
        self._push(bytes(self._held), _FINAL)
        self._held.clear()

    def _push(self, chunk: bytes, tag: int) -> None:
        sealed = sodium.crypto_secretstream_xchacha20poly1305_push(self._state, chunk, None, tag)
        self._sink.write(sealed)


class ArchiveReader:
    """The same file to read from; `StoreError` for a wrong key, damage, or an end that is none."""

    def __init__(self, source: BinaryIO, key: bytes) -> None:
        self._source = source
        self._state = sodium.crypto_secretstream_xchacha20poly1305_state()
        header = source.read(_HEADER)
        if len(header) != _HEADER:
            raise _damaged()
        sodium.crypto_secretstream_xchacha20poly1305_init_pull(self._state, header, key)
        self._held = b""
        self._ended = False

    def read(self, size: int) -> bytes:
        """Up to `size` bytes, none at the end, which only the last chunk is."""
        while not self._held and not self._ended:
            self._pull()
        taken, self._held = self._held[:size], self._held[size:]
        return taken

    def _pull(self) -> None:
        try:
            self._held, mark = sodium.crypto_secretstream_xchacha20poly1305_pull(
                self._state, self._source.read(_SEALED), None
            )
        except nacl.exceptions.CryptoError:
            raise _damaged() from None
        self._ended = mark == _FINAL
        if self._ended and self._source.read(1):
            raise _damaged()


def _damaged() -> StoreError:
    return StoreError("this backup is damaged, or was cut", remedy="take another copy of it, or an older one")
