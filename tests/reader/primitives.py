"""The algorithms of SPEC section 3: hashes, HKDF, both signatures, X-Wing and HPKE, the stream cipher."""

import functools
import hashlib
import hmac

import nacl.bindings
import nacl.exceptions
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import mldsa, mlkem, x25519
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from .refusal import RefusalError

ED25519, ML_DSA_65 = 64, 3309
X_WING_ENC, WRAP = 1120, 1168


def u16(value: int) -> bytes:
    return value.to_bytes(2, "big")


def u32(value: int) -> bytes:
    return value.to_bytes(4, "big")


def u64(value: int) -> bytes:
    return value.to_bytes(8, "big")


def u8_prefixed(data: bytes) -> bytes:
    return bytes([len(data)]) + data


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def hkdf_extract(salt: bytes, ikm: bytes) -> bytes:
    return hmac.digest(salt or bytes(32), ikm, "sha256")


def hkdf_expand(prk: bytes, info: bytes, length: int) -> bytes:
    out, block = b"", b""
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([len(out) // 32 + 1]), "sha256")
        out += block
    return out[:length]


def key_id(ed25519: bytes, ml_dsa_65: bytes) -> bytes:
    """3.2."""
    return sha256(b"mce1-key\0" + ed25519 + ml_dsa_65)


@functools.cache
def admissible(ed25519: bytes) -> bool:
    """3.2: canonical, on the curve, of prime order, not the identity."""
    return len(ed25519) == 32 and bool(nacl.bindings.crypto_core_ed25519_is_valid_point(ed25519))


@functools.lru_cache(4096)
def ed25519_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        nacl.bindings.crypto_sign_open(signature + message, public)
    except nacl.exceptions.BadSignatureError:
        return False
    return True


@functools.lru_cache(4096)
def ml_dsa_65_holds(public: bytes, signature: bytes, message: bytes, context: bytes) -> bool:
    try:
        mldsa.MLDSA65PublicKey.from_public_bytes(public).verify(signature, message, context)
    except InvalidSignature:
        return False
    return True


@functools.lru_cache(4096)
def ml_dsa_44_holds(public: bytes, signature: bytes, message: bytes) -> bool:
    try:
        mldsa.MLDSA44PublicKey.from_public_bytes(public).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def ed25519_public(seed: bytes) -> bytes:
    return Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes_raw()


def public_of_seeds(ed25519: bytes, ml_dsa_65: bytes) -> tuple[bytes, bytes]:
    """3.2: a private key is two seeds."""
    return (
        ed25519_public(ed25519),
        mldsa.MLDSA65PrivateKey.from_seed_bytes(ml_dsa_65).public_key().public_bytes_raw(),
    )


def ml_dsa_44_public(seed: bytes) -> bytes:
    return mldsa.MLDSA44PrivateKey.from_seed_bytes(seed).public_key().public_bytes_raw()


def x_wing_private(seed: bytes) -> tuple[mlkem.MLKEM768PrivateKey, x25519.X25519PrivateKey]:
    """3.3: SHAKE256 of the seed gives 64 bytes of ML-KEM seed, then the X25519 scalar."""
    expanded = hashlib.shake_256(seed).digest(96)
    return (
        mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]),
        x25519.X25519PrivateKey.from_private_bytes(expanded[64:]),
    )


def x_wing_public(seed: bytes) -> bytes:
    ml_kem, x = x_wing_private(seed)
    return ml_kem.public_key().public_bytes_raw() + x.public_key().public_bytes_raw()


def x_wing_secret(seed: bytes, enc: bytes) -> bytes:
    """draft-connolly-cfrg-xwing-kem: both secrets, the X25519 halves and the label, in SHA3-256."""
    ml_kem, x = x_wing_private(seed)
    theirs, own = enc[1088:], x.public_key().public_bytes_raw()
    try:
        classical = x.exchange(x25519.X25519PublicKey.from_public_bytes(theirs))
    except ValueError:
        raise RefusalError("decryption", "the ephemeral X25519 key has low order") from None
    post_quantum = ml_kem.decapsulate(enc[:1088])
    return hashlib.sha3_256(post_quantum + classical + theirs + own + b"\\.//^\\").digest()


def hpke_key(secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """RFC 9180 section 5.1, base mode, KEM 0x647a, HKDF-SHA256 (1), ChaCha20-Poly1305 (3)."""
    suite = b"HPKE" + u16(0x647A) + u16(1) + u16(3)

    def extract(salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hkdf_extract(salt, b"HPKE-v1" + suite + label + ikm)

    def expand(prk: bytes, label: bytes, context: bytes, length: int) -> bytes:
        return hkdf_expand(prk, u16(length) + b"HPKE-v1" + suite + label + context, length)

    context = b"\0" + extract(b"", b"psk_id_hash", b"") + extract(b"", b"info_hash", info)
    prk = extract(secret, b"secret", b"")
    return expand(prk, b"key", context, 32), expand(prk, b"base_nonce", context, 12)


def hpke_open(seed: bytes, wrap: bytes, info: bytes) -> bytes:
    if len(wrap) != WRAP:
        raise RefusalError("decryption", "a wrap of another length")
    key, nonce = hpke_key(x_wing_secret(seed, wrap[:X_WING_ENC]), info)
    return aead_open(key, nonce, wrap[X_WING_ENC:])


def aead_open(key: bytes, nonce: bytes, sealed: bytes) -> bytes:
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, sealed, None)
    except InvalidTag:
        raise RefusalError("decryption", "ciphertext that does not open") from None
