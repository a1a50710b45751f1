"""The primitives held to vectors that others published (threats E6, E7, E8)."""

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.bindings._rust import openssl
from cryptography.hazmat.primitives.asymmetric import mlkem, x25519
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from mce_exchange.errors import MalformedError
from mce_exchange.primitives import kem, verify
from mce_exchange.primitives.sign import Ed25519Key, MlDsa44Key, MlDsa65Key
from mce_exchange.primitives.stream import _hkdf

VECTORS = Path(__file__).parent.parent / "vectors"
GOOD = kem.KemKey(b"g" * 32)


def load(path: str) -> Any:
    data = (VECTORS / path).read_bytes()
    return json.loads(gzip.decompress(data) if path.endswith(".gz") else data)


def h(text: str) -> bytes:
    return bytes.fromhex(text)


# Ed25519.


def _holds(case: dict[str, Any], message: bytes) -> bool:
    key = h(case["key"])
    return verify.admissible_ed25519(key) and verify.ed25519(key, h(case["sig"]), message)


def test_e8_of_all_edge_cases_only_the_ordinary_one_holds() -> None:
    cases = load("cctv/ed25519.json.gz")
    assert len(cases) == 914
    held = [case for case in cases if _holds(case, case["msg"].encode())]
    assert [case["flags"] for case in held] == [None]


def test_e8_without_admission_small_order_would_hold() -> None:
    """Why a key is looked at before it is used: the verifier alone takes keys of mixed order."""
    cases = load("cctv/ed25519.json.gz")
    alone = [c for c in cases if verify.ed25519(h(c["key"]), h(c["sig"]), c["msg"].encode())]
    assert len(alone) > 1


def test_ed25519_of_wycheproof() -> None:
    for case in load("wycheproof/ed25519.json.gz"):
        assert _holds(case, h(case["msg"])) == (case["result"] == "valid"), case["tcId"]


def test_ed25519_of_rfc_8032() -> None:
    key = Ed25519Key.from_seed(h("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
    assert key.public == h("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a")
    assert key.sign(b"") == h(
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )


# ML-DSA.


@pytest.mark.parametrize(("name", "check"), [("mldsa_44", verify.ml_dsa_44), ("mldsa_65", verify.ml_dsa_65)])
def test_ml_dsa_of_wycheproof(name: str, check: Any) -> None:
    for case in load(f"wycheproof/{name}_verify.json.gz"):
        held = check(h(case["key"]), h(case["sig"]), h(case["msg"]), h(case["ctx"]))
        assert held == (case["result"] == "valid"), (case["tcId"], case["flags"], case["comment"])


@pytest.mark.parametrize("kind", [MlDsa44Key, MlDsa65Key])
def test_ml_dsa_signs_what_verifies_and_never_twice_the_same(
    kind: type[MlDsa44Key] | type[MlDsa65Key],
) -> None:
    check = verify.ml_dsa_44 if kind is MlDsa44Key else verify.ml_dsa_65
    key = kind.from_seed(bytes(32))
    once, again = key.sign(b"message", b"context"), key.sign(b"message", b"context")
    assert once != again
    for signature in (once, again):
        assert check(key.public, signature, b"message", b"context")
        for message, context in ((b"massage", b"context"), (b"message", b"contexts"), (b"message", b"")):
            assert not check(key.public, signature, message, context)


# X25519, ML-KEM, X-Wing, HPKE.


def _with_x25519(public: bytes) -> bytes:
    return GOOD.public[:-32] + public


def test_e7_every_key_that_gives_a_zero_secret_is_refused() -> None:
    cases = load("wycheproof/x25519.json.gz")
    zero = {case["public"] for case in cases if not any(h(case["shared"]))}
    assert len(zero) >= 10
    for public in zero:
        with pytest.raises(MalformedError):
            kem.wrap(bytes(32), _with_x25519(h(public)), b"")
    for case in cases[:40]:
        if case["public"] not in zero:
            assert len(kem.wrap(bytes(32), _with_x25519(h(case["public"])), b"")) == 1168


def test_x25519_of_wycheproof() -> None:
    for case in load("wycheproof/x25519.json.gz"):
        private = x25519.X25519PrivateKey.from_private_bytes(h(case["private"]))
        public = x25519.X25519PublicKey.from_public_bytes(h(case["public"]))
        if any(h(case["shared"])):
            assert private.exchange(public) == h(case["shared"]), case["tcId"]
        else:
            with pytest.raises(ValueError, match=r"."):
                private.exchange(public)


def test_e6_encapsulation_keys_above_the_modulus_are_refused() -> None:
    lines = gzip.decompress((VECTORS / "cctv/modulus-ML-KEM-768.txt.gz").read_bytes()).split()
    assert len(lines) == 780
    for line in lines:
        with pytest.raises(MalformedError):
            kem.wrap(bytes(32), h(line.decode()) + GOOD.public[-32:], b"")


def test_ml_kem_of_wycheproof() -> None:
    for case in load("wycheproof/mlkem_768.json.gz"):
        try:
            key = mlkem.MLKEM768PrivateKey.from_seed_bytes(h(case["seed"]))
            secret = key.decapsulate(h(case["c"]))
        except ValueError:
            assert case["result"] == "invalid"
            continue
        assert case["result"] == "valid"
        assert secret == h(case["K"]), case["tcId"]
        assert key.public_key().public_bytes_raw() == h(case["ek"])


def test_x_wing_of_its_draft() -> None:
    for case in load("xwing/test-vectors.json"):
        key = kem.KemKey(h(case["sk"]))
        assert key.public == h(case["pk"])
        expanded = hashlib.shake_256(h(case["sk"])).digest(96)
        ct = h(case["ct"])
        ml_kem = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64]).decapsulate(ct[:1088])
        x = x25519.X25519PrivateKey.from_private_bytes(expanded[64:])
        secret = x.exchange(x25519.X25519PublicKey.from_public_bytes(ct[1088:]))
        combined = hashlib.sha3_256(ml_kem + secret + ct[1088:] + key.public[-32:] + b"\\.//^\\").digest()
        assert combined == h(case["ss"])


def test_hpke_with_x_wing_of_its_draft() -> None:
    case = load("hpke/xwing-hkdf-sha256-chacha20poly1305.json")
    key = kem.KemKey(h(case["skRm"]))
    assert key.public == h(case["pkRm"])
    [one] = case["encryptions"]
    sealed = h(case["enc"]) + h(one["ct"])
    # The package's own interface takes no associated data, which the published cases have.
    opened = openssl.hpke._decrypt_with_aad(kem._SUITE, sealed, key._key, h(case["info"]), h(one["aad"]))
    assert opened == h(one["pt"])
    with pytest.raises(InvalidTag):
        openssl.hpke._decrypt_with_aad(kem._SUITE, sealed, key._key, h(case["info"])[1:], h(one["aad"]))


# ChaCha20-Poly1305, HKDF.


def test_chacha20_poly1305_of_wycheproof() -> None:
    for case in load("wycheproof/chacha20_poly1305.json.gz"):
        aead = ChaCha20Poly1305(h(case["key"]))
        try:
            opened = aead.decrypt(h(case["iv"]), h(case["ct"]) + h(case["tag"]), h(case["aad"]))
        except (InvalidTag, ValueError):
            assert case["result"] == "invalid", case["tcId"]
            continue
        assert case["result"] == "valid", case["tcId"]
        assert opened == h(case["msg"])
        assert aead.encrypt(h(case["iv"]), opened, h(case["aad"])) == h(case["ct"]) + h(case["tag"])


def test_hkdf_of_wycheproof() -> None:
    for case in load("wycheproof/hkdf_sha256.json.gz"):
        if case["result"] == "valid":
            made = _hkdf(h(case["ikm"]), salt=h(case["salt"]), info=h(case["info"]), length=case["size"])
            assert made == h(case["okm"]), case["tcId"]
