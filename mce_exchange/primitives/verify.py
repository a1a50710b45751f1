"""Checking signatures and digests: functions of public bytes, safe for everyone to load (SPEC 3).

Wrong input of any kind gives False, never an exception: callers decide whose fault it is.
"""

import hashlib
import hmac
from functools import lru_cache

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import mldsa

from mce_exchange import limits


def sha256(data: bytes) -> bytes:
    """SHA-256 (FIPS 180-4), 32 bytes."""
    return hashlib.sha256(data).digest()


def equal(left: bytes, right: bytes) -> bool:
    """Compare in time that depends on the lengths only; for digests, tags and commitments."""
    return hmac.compare_digest(left, right)


def admissible_ed25519(public: bytes) -> bool:
    """Whether an Ed25519 public key (32 bytes) may enter the Directory.

    Canonical, on the curve, in the prime-order subgroup and not the identity. With such keys only,
    a signature has one meaning for every verifier: under a small-order key one constant signature
    verifies any message (threat E8).
    """
    return len(public) == limits.ED25519_PUBLIC and bool(
        nacl.bindings.crypto_core_ed25519_is_valid_point(public)
    )


def admissible_ml_dsa_65(public: bytes) -> bool:
    """Whether an ML-DSA-65 public key (1,952 bytes) parses."""
    # FIPS 204's pkDecode takes every string of this length: ten bits a coefficient, all of them in range.
    return len(public) == limits.ML_DSA_65_PUBLIC


def ed25519(public: bytes, signature: bytes, message: bytes) -> bool:
    """Ed25519 by libsodium: refuses non-canonical S and R, small-order R and small-order keys."""
    if len(public) != limits.ED25519_PUBLIC or len(signature) != limits.ED25519_SIGNATURE:
        return False
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


def ml_dsa_65(public: bytes, signature: bytes, message: bytes, context: bytes = b"") -> bool:
    """ML-DSA-65 (FIPS 204, pure, context up to 255 bytes)."""
    if len(public) != limits.ML_DSA_65_PUBLIC or len(signature) != limits.ML_DSA_65_SIGNATURE:
        return False
    try:
        _ml_dsa_65_key(public).verify(signature, message, context)
    except (InvalidSignature, ValueError):
        return False
    return True


@lru_cache(maxsize=512)
def _ml_dsa_65_key(public: bytes) -> mldsa.MLDSA65PublicKey:
    """Parsed once for the many Statements by one key; public bytes only."""
    return mldsa.MLDSA65PublicKey.from_public_bytes(public)


def ml_dsa_44(public: bytes, signature: bytes, message: bytes, context: bytes = b"") -> bool:
    """ML-DSA-44, used by log checkpoints and witnesses only (C2SP tlog-cosignature)."""
    if len(public) != limits.ML_DSA_44_PUBLIC or len(signature) != limits.ML_DSA_44_SIGNATURE:
        return False
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message, context)
    except (InvalidSignature, ValueError):
        return False
    return True
