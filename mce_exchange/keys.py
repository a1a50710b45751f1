"""Hybrid signing keys: Ed25519 and ML-DSA-65 that always sign together (SPEC section 3).

A private key is its two 32-byte seeds, a public key its two public halves. What may be signed with
them, and what a signature asserts, stands in `statement`.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

from mce_exchange.errors import MalformedError, StoreError
from mce_exchange.primitives import sign, verify

PRIVATE_KEY = 2 * sign.SEED


@dataclass(frozen=True)
class PublicKey:
    """Ed25519 (32 bytes) and ML-DSA-65 (1,952 bytes). Raises `MalformedError` unless both are admissible.

    Admission is what gives a signature one meaning for every verifier (threats E6, E8).
    """

    ed25519: bytes
    ml_dsa_65: bytes

    def __post_init__(self) -> None:
        if not verify.admissible_ed25519(self.ed25519):
            raise MalformedError("not an admissible Ed25519 public key")
        if not verify.admissible_ml_dsa_65(self.ml_dsa_65):
            raise MalformedError("not an ML-DSA-65 public key")

    @cached_property
    def id(self) -> bytes:
        """32 bytes; the halves have fixed lengths, so no two keys share an input."""
        return verify.sha256(b"mce1-key\0" + self.ed25519 + self.ml_dsa_65)

    def verifies(self, message: bytes, ed25519: bytes, ml_dsa_65: bytes, *, context: bytes) -> bool:
        """Whether both signatures hold: one alone is no signature (threat E9)."""
        return verify.ed25519(self.ed25519, ed25519, message) and verify.ml_dsa_65(
            self.ml_dsa_65, ml_dsa_65, message, context
        )


class PrivateKey:
    """The private key of a member, a relay or a root of the federation."""

    def __init__(self, ed25519: sign.Ed25519Key, ml_dsa_65: sign.MlDsa65Key) -> None:
        self._ed25519 = ed25519
        self._ml_dsa_65 = ml_dsa_65
        self.public = PublicKey(ed25519.public, ml_dsa_65.public)

    @classmethod
    def generate(cls) -> Self:
        """From the operating system's randomness."""
        return cls(sign.Ed25519Key.generate(), sign.MlDsa65Key.generate())

    @classmethod
    def from_seed(cls, seed: bytes) -> Self:
        """From 64 bytes: Ed25519's seed, then ML-DSA-65's. `StoreError` for any other length."""
        if len(seed) != PRIVATE_KEY:
            raise StoreError(f"a private key has {PRIVATE_KEY} bytes, not {len(seed)}")
        ed25519, ml_dsa_65 = seed[: sign.SEED], seed[sign.SEED :]
        return cls(sign.Ed25519Key.from_seed(ed25519), sign.MlDsa65Key.from_seed(ml_dsa_65))

    @property
    def seed(self) -> bytes:
        """64 bytes, to be kept at rest by `primitives.vault` only."""
        return self._ed25519.seed + self._ml_dsa_65.seed

    def sign(self, message: bytes, *, context: bytes) -> tuple[bytes, bytes]:
        """Both signatures, 64 and 3,309 bytes; `context` enters ML-DSA's own, the message carries it too."""
        return self._ed25519.sign(message), self._ml_dsa_65.sign(message, context)
