"""Wrapping content keys: HPKE base mode, single shot, with X-Wing (SPEC 5; RFC 9180).

HPKE offers no replay protection, no sender authentication and no key commitment: those come from
the header's signatures, its ids and the stream commitments. All binding goes through `info`.
"""

import hashlib
import secrets
from functools import lru_cache
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519

from mce_exchange import limits
from mce_exchange.errors import DecryptionError, MalformedError, StoreError

CONTENT_KEY = 32
_SUITE = hpke.Suite(hpke.KEM.MLKEM768_X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_ML_KEM_PUBLIC = 1184


class KemKey:
    """An X-Wing private key; its 32-byte seed is destroyed when its prekey retires."""

    def __init__(self, seed: bytes) -> None:
        if len(seed) != limits.X_WING_SEED:
            raise StoreError(f"an X-Wing seed has {limits.X_WING_SEED} bytes, not {len(seed)}")
        # X-Wing's expansion: SHAKE256 gives 64 bytes of ML-KEM seed, then the X25519 scalar.
        expanded = hashlib.shake_256(seed).digest(96)
        ml_kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
        x = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        self.seed = seed
        self.public = ml_kem.public_key().public_bytes_raw() + x.public_key().public_bytes_raw()
        self._key = hpke.MLKEM768X25519PrivateKey(ml_kem, x)

    @classmethod
    def generate(cls) -> Self:
        """From the operating system's randomness."""
        return cls(secrets.token_bytes(limits.X_WING_SEED))

    def unwrap(self, wrapped: bytes, info: bytes) -> bytes:
        """The 32-byte content key in a wrap of 1,168 bytes; `DecryptionError` for every failure."""
        if len(wrapped) != limits.WRAP:
            raise DecryptionError
        try:
            # A wrap of this length holds a key of 32 bytes: the AEAD neither pads nor shortens.
            return _SUITE.decrypt(wrapped, self._key, info)
        except (InvalidTag, ValueError):
            raise DecryptionError from None


def wrap(content_key: bytes, public: bytes, info: bytes) -> bytes:
    """Encrypt a 32-byte content key to an X-Wing public key (1,216 bytes): `enc || ciphertext`, 1,168 bytes.

    Raises `MalformedError` for a key that is not one: wrong length, bad encoding, low order (threat E7).
    """
    if len(public) != limits.X_WING_PUBLIC:
        raise MalformedError(f"an X-Wing public key has {limits.X_WING_PUBLIC} bytes, not {len(public)}")
    try:
        return _SUITE.encrypt(content_key, _public_key(public), info)
    except ValueError:
        raise MalformedError("this prekey is not an X-Wing public key") from None


@lru_cache(maxsize=512)
def _public_key(public: bytes) -> hpke.MLKEM768X25519PublicKey:
    """Parsed once for the many messages to one prekey; public bytes only."""
    return hpke.MLKEM768X25519PublicKey(
        mlkem.MLKEM768PublicKey.from_public_bytes(public[:_ML_KEM_PUBLIC]),
        x25519.X25519PublicKey.from_public_bytes(public[_ML_KEM_PUBLIC:]),
    )
