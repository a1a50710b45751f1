"""The STREAM construction over ChaCha20-Poly1305, and the keys of a stream (SPEC 6).

A content key never encrypts anything itself: each stream has a secret `s_i`, from it a key and a
commitment. Giving away `s_i` discloses that stream and nothing else (promise 4).
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from mce_exchange import limits
from mce_exchange.errors import DecryptionError

SECRET = 32
COMMITMENT = 32
_MAX_CHUNKS = limits.ATTACHMENT_PADDED // limits.CHUNK + 1


def _hkdf(key: bytes, *, salt: bytes | None, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=length, salt=salt, info=info).derive(key)


def stream_secret(content_key: bytes, message_ref: bytes, index: int) -> bytes:
    """`s_i`, 32 bytes: bound to this message by its reference (32 bytes) and to the stream's place."""
    info = b"mce1/stream" + index.to_bytes(4, "big")
    return _hkdf(content_key, salt=message_ref, info=info, length=SECRET)


def stream_keys(secret: bytes) -> tuple[bytes, bytes]:
    """`(key_i, commitment_i)`, 32 bytes each.

    The AEAD does not commit to its key; the commitment in the signed header does (threat E5).
    """
    both = _hkdf(secret, salt=None, info=b"mce1/key-commit", length=SECRET + COMMITMENT)
    return both[:SECRET], both[SECRET:]


def _nonce(counter: int, *, last: bool) -> bytes:
    # Safe from zero on: a stream key encrypts exactly one plaintext, each chunk with its own
    # counter, and the flag keeps a truncated stream from ending at an inner chunk (threat E13).
    return counter.to_bytes(11, "big") + (b"\x01" if last else b"\x00")


class StreamKey:
    """Seals or opens the chunks of one stream."""

    def __init__(self, secret: bytes) -> None:
        key, self.commitment = stream_keys(secret)
        self._aead = ChaCha20Poly1305(key)

    def seal_chunk(self, counter: int, chunk: bytes | memoryview, *, last: bool) -> bytes:
        """1 to 262,144 bytes of plaintext become as many and a 16-byte tag."""
        if not 0 <= counter < _MAX_CHUNKS or not 1 <= len(chunk) <= limits.CHUNK:
            raise ValueError("chunk outside the caps")
        return self._aead.encrypt(_nonce(counter, last=last), chunk, None)

    def open_chunk(self, counter: int, chunk: bytes | memoryview, *, last: bool) -> bytes:
        """The reverse; `DecryptionError` for every failure, lengths included."""
        if not 0 <= counter < _MAX_CHUNKS or not limits.TAG < len(chunk) <= limits.CHUNK + limits.TAG:
            raise DecryptionError
        try:
            return self._aead.decrypt(_nonce(counter, last=last), chunk, None)
        except InvalidTag:
            raise DecryptionError from None
