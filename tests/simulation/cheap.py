"""What would cost most of a history's time and is no matter in it, replaced or asked once."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from unittest import mock

from mce_exchange import limits
from mce_exchange.client import anchoring
from mce_exchange.log import note
from mce_exchange.primitives import vault, verify
from mce_exchange.primitives.sign import MlDsa44Key, MlDsa65Key
from tests.node.conftest import quick_key

PURE = ((verify, "ed25519"), (note, "parse"), (anchoring, "parse"), (MlDsa44Key, "from_seed"))
"""Functions of bytes: four nodes in one process ask each of them the same."""


def _mark(length: int, public: bytes, message: bytes, context: bytes) -> bytes:
    return hashlib.shake_128(public + bytes([len(context)]) + context + message).digest(length)


def _sign_44(self: MlDsa44Key, message: bytes, context: bytes = b"") -> bytes:
    return _mark(limits.ML_DSA_44_SIGNATURE, self.public, message, context)


def _sign_65(self: MlDsa65Key, message: bytes, context: bytes = b"") -> bytes:
    return _mark(limits.ML_DSA_65_SIGNATURE, self.public, message, context)


def _verify(public: bytes, signature: bytes, message: bytes, context: bytes = b"") -> bool:
    return signature == _mark(len(signature), public, message, context)


STAND_INS = (
    (vault, "passphrase_key", quick_key),
    (MlDsa44Key, "sign", _sign_44),
    (MlDsa65Key, "sign", _sign_65),
    (verify, "ml_dsa_44", _verify),
    (verify, "ml_dsa_65", _verify),
)


@contextmanager
def cheap() -> Iterator[None]:
    """Without Argon2id, and with a stand-in for ML-DSA: nobody here has a key's signature but by that key.

    Ed25519 is the real one, so a signature by another key or over other bytes does not hold.
    """
    with ExitStack() as stack:
        for where, name, new in STAND_INS:
            stack.enter_context(mock.patch.object(where, name, new))
        for where, name in PURE:
            stack.enter_context(mock.patch.object(where, name, lru_cache(2000)(getattr(where, name))))
        yield
