"""What others do for the same job: sign, then encrypt to several recipients. All of it classical.

jwcrypto and joserfc: a JWS (EdDSA) inside a JWE (ECDH-ES+A256KW on X25519, A256GCM) with a recipient
each. pyrage: Ed25519 by libsodium in front of the content, then age.
"""

from contextlib import ExitStack
from typing import Any, Final

import nacl.bindings

from bench.frame import NotRun

MOST: Final = 30
_ENC: Final = {"enc": "A256GCM"}
_ALG: Final = {"alg": "ECDH-ES+A256KW"}


class Jwcrypto:
    """JWS inside JWE."""

    name = "jwcrypto"

    def __init__(self, stack: ExitStack) -> None:
        try:
            from jwcrypto import jwe, jwk, jws
        except ImportError:
            raise NotRun("jwcrypto is not installed") from None
        self._jwe, self._jws = jwe, jws
        self._signer = jwk.JWK.generate(kty="OKP", crv="Ed25519")
        self._verifier = jwk.JWK.from_json(self._signer.export_public())
        self._keys = [jwk.JWK.generate(kty="OKP", crv="X25519") for _ in range(MOST)]
        self._publics = [jwk.JWK.from_json(key.export_public()) for key in self._keys]

    def seal(self, content: bytes, count: int) -> str:
        """See `sealing.Sealer`."""
        inner = self._jws.JWS(content)
        inner.add_signature(self._signer, None, '{"alg":"EdDSA"}', None)
        outer = self._jwe.JWE(inner.serialize(compact=True), protected=_ENC)
        for public in self._publics[:count]:
            outer.add_recipient(public, header=_ALG)
        return str(outer.serialize(compact=False))

    def open(self, sealed: str, count: int) -> bytes:
        """See `sealing.Sealer`."""
        outer = self._jwe.JWE()
        outer.deserialize(sealed, self._keys[count // 2])
        inner = self._jws.JWS()
        inner.deserialize(outer.payload.decode())
        inner.verify(self._verifier)
        return bytes(inner.payload)


class Joserfc:
    """The same by its maintained successor of Authlib's JOSE."""

    name = "joserfc"

    def __init__(self, stack: ExitStack) -> None:
        try:
            from joserfc import jwe, jws
            from joserfc.jwk import OKPKey
        except ImportError:
            raise NotRun("joserfc is not installed") from None
        self._jwe, self._jws = jwe, jws
        self._signer = OKPKey.generate_key("Ed25519")
        self._keys = [OKPKey.generate_key("X25519") for _ in range(MOST)]
        self._allowed = [*_ALG.values(), *_ENC.values()]

    def seal(self, content: bytes, count: int) -> Any:
        """See `sealing.Sealer`."""
        inner = self._jws.serialize_compact({"alg": "Ed25519"}, content, self._signer, algorithms=["Ed25519"])
        outer = self._jwe.GeneralJSONEncryption(dict(_ENC), inner.encode())
        for key in self._keys[:count]:
            outer.add_recipient(dict(_ALG), key)
        return self._jwe.encrypt_json(outer, None, algorithms=self._allowed)

    def open(self, sealed: Any, count: int) -> bytes:
        """See `sealing.Sealer`."""
        mine = {**sealed, "recipients": [sealed["recipients"][count // 2]]}
        outer = self._jwe.decrypt_json(mine, self._keys[count // 2], algorithms=self._allowed)
        inner = self._jws.deserialize_compact(outer.plaintext.decode(), self._signer, algorithms=["Ed25519"])
        return bytes(inner.payload)


class Pyrage:
    """Ed25519, then age."""

    name = "pyrage + Ed25519"

    def __init__(self, stack: ExitStack) -> None:
        try:
            import pyrage
        except ImportError:
            raise NotRun("pyrage is not installed") from None
        self._pyrage = pyrage
        self._public, self._private = nacl.bindings.crypto_sign_keypair()
        self._keys = [pyrage.x25519.Identity.generate() for _ in range(MOST)]
        self._publics = [key.to_public() for key in self._keys]

    def seal(self, content: bytes, count: int) -> bytes:
        """See `sealing.Sealer`."""
        signed = nacl.bindings.crypto_sign(content, self._private)
        return bytes(self._pyrage.encrypt(signed, self._publics[:count]))

    def open(self, sealed: bytes, count: int) -> bytes:
        """See `sealing.Sealer`."""
        signed = self._pyrage.decrypt(sealed, [self._keys[count // 2]])
        return nacl.bindings.crypto_sign_open(signed, self._public)
