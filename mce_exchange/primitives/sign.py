"""Signing keys. A seed of 32 bytes is the whole private key of each algorithm (SPEC 3)."""

import secrets
from typing import Self

import nacl.bindings
from cryptography.hazmat.primitives.asymmetric import mldsa

from mce_exchange import limits
from mce_exchange.errors import StoreError

SEED = 32


def _checked(seed: bytes) -> bytes:
    if len(seed) != SEED:
        raise StoreError(f"a private key seed has {SEED} bytes, not {len(seed)}")
    return seed


class Ed25519Key:
    """An Ed25519 private key (RFC 8032, deterministic)."""

    def __init__(self, seed: bytes) -> None:
        self.seed = _checked(seed)
        self.public, self._expanded = nacl.bindings.crypto_sign_seed_keypair(seed)

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """From 32 bytes; `StoreError` for any other length."""
        return cls(seed)

    @classmethod
    def generate(cls) -> Self:
        """From the operating system's randomness."""
        return cls(secrets.token_bytes(SEED))

    def sign(self, message: bytes) -> bytes:
        """64 bytes."""
        return nacl.bindings.crypto_sign(message, self._expanded)[: limits.ED25519_SIGNATURE]


class MlDsa44Key:
    """An ML-DSA-44 private key (FIPS 204, hedged): checkpoints and witnesses only."""

    def __init__(self, seed: bytes) -> None:
        self.seed = _checked(seed)
        self._key = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """From 32 bytes; `StoreError` for any other length."""
        return cls(seed)

    @classmethod
    def generate(cls) -> Self:
        """From the operating system's randomness."""
        return cls(secrets.token_bytes(SEED))

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        """2,420 bytes, different at each call."""
        return self._key.sign(message, context)


class MlDsa65Key:
    """An ML-DSA-65 private key (FIPS 204, hedged): every Statement."""

    def __init__(self, seed: bytes) -> None:
        self.seed = _checked(seed)
        self._key = mldsa.MLDSA65PrivateKey.from_seed_bytes(seed)
        self.public = self._key.public_key().public_bytes_raw()

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """From 32 bytes; `StoreError` for any other length."""
        return cls(seed)

    @classmethod
    def generate(cls) -> Self:
        """From the operating system's randomness."""
        return cls(secrets.token_bytes(SEED))

    def sign(self, message: bytes, context: bytes = b"") -> bytes:
        """3,309 bytes, different at each call: resend stored bytes, never sign again (threat R4)."""
        return self._key.sign(message, context)
