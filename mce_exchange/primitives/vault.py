"""A home at rest: a passphrase becomes a key by Argon2id, boxes are libsodium secretboxes (SPEC 9).

What this protects: a lost disk or backup. What it does not: a running process, whose memory and
swap hold keys in the clear.
"""

import secrets
from dataclasses import dataclass
from enum import Enum

import nacl.exceptions
import nacl.pwhash.argon2id as argon2id
import nacl.secret

from mce_exchange.errors import StoreError
from mce_exchange.primitives.verify import equal

KEY = 32
SALT = argon2id.SALTBYTES


class Cost(Enum):
    """Argon2id costs as (operations, bytes of memory)."""

    INTERACTIVE = (argon2id.OPSLIMIT_INTERACTIVE, argon2id.MEMLIMIT_INTERACTIVE)
    MODERATE = (argon2id.OPSLIMIT_MODERATE, argon2id.MEMLIMIT_MODERATE)


@dataclass(frozen=True, kw_only=True)
class PassphraseParameters:
    """What is stored beside a box to derive its key again: salt (16 bytes) and cost."""

    salt: bytes
    cost: Cost

    @classmethod
    def fresh(cls, cost: Cost) -> "PassphraseParameters":
        """With a new random salt."""
        return cls(salt=secrets.token_bytes(SALT), cost=cost)


def passphrase_key(passphrase: str, parameters: PassphraseParameters) -> bytes:
    """32 bytes by Argon2id."""
    operations, memory = parameters.cost.value
    return argon2id.kdf(KEY, passphrase.encode(), parameters.salt, opslimit=operations, memlimit=memory)


def new_key() -> bytes:
    """32 random bytes: one for each message body, so that erasing a key erases the body."""
    return secrets.token_bytes(KEY)


def shut(key: bytes, plaintext: bytes, *, label: bytes) -> bytes:
    """Encrypt; `label` (a short constant plus the row's id) keeps boxes from being exchanged."""
    # Random 24-byte nonces never meet in practice; the label is compared on opening.
    framed = len(label).to_bytes(2, "big") + label + plaintext
    return bytes(nacl.secret.SecretBox(key).encrypt(framed))


def unshut(key: bytes, box: bytes, *, label: bytes) -> bytes:
    """Decrypt; `StoreError` if the key is wrong, the box damaged or moved to another place."""
    try:
        framed = nacl.secret.SecretBox(key).decrypt(box)
    except (nacl.exceptions.CryptoError, ValueError, TypeError):
        raise StoreError("a sealed record of this home does not open: wrong passphrase or damage") from None
    head = len(label).to_bytes(2, "big") + label
    if not equal(framed[: len(head)], head):
        raise StoreError("a sealed record of this home stands in another record's place")
    return framed[len(head) :]
