"""The certificates of the doors: self-made, P-256, pinned by Directory and Statements (SPEC section 8.7).

Given the key and a serial number everything else in one is fixed, so no two TLS libraries can read it
differently. Its dates say nothing (1970 to 9999): it lives exactly as long as the log says. Its name is
the digest of its key, because TLS libraries look a trusted certificate up by name and take the first
they find: with names of one's own choosing a member could shut another out. P-256 because the TLS
library refuses Ed25519 certificates.
"""

import datetime
from functools import cache
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mce_exchange import limits
from mce_exchange.errors import MalformedError
from mce_exchange.primitives.verify import sha256

SERVER_NAME: Final = "relay.mce-exchange"
"""The name that every certificate answers to: identity is the pinned key, not a host name."""

_FROM: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_TO: Final = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


def make_certificate() -> tuple[bytes, bytes]:
    """A new key and self-signed certificate: `(private key PEM, certificate DER)`."""
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = _profile(key.public_key(), x509.random_serial_number()).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.DER)


def check_certificate(der: bytes) -> None:
    """`MalformedError` unless this is a self-signed certificate of the one form, at most 2,048 bytes."""
    if not 0 < len(der) <= limits.CERTIFICATE:
        raise MalformedError(f"a certificate has 1 to {limits.CERTIFICATE} bytes, not {len(der)}")
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        certificate.verify_directly_issued_by(certificate)
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
            raise MalformedError("a door's certificate has a P-256 key")
        expected = _profile(key, certificate.serial_number).sign(_nobody(), hashes.SHA256())
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm, x509.InvalidVersion):
        raise MalformedError("this is not a self-signed X.509 certificate") from None
    if certificate.tbs_certificate_bytes != expected.tbs_certificate_bytes:
        raise MalformedError("a certificate with another name, date or extension than a door's")


def is_certificate(der: bytes) -> bool:
    """The same as a question."""
    try:
        check_certificate(der)
    except MalformedError:
        return False
    return True


def _profile(key: ec.EllipticCurvePublicKey, serial: int) -> x509.CertificateBuilder:
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, sha256(spki).hex())])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key)
        .serial_number(serial)
        .not_valid_before(_FROM)
        .not_valid_after(_TO)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )


@cache
def _nobody() -> ec.EllipticCurvePrivateKey:
    """A key to sign a profile with, of which only the signed part is looked at."""
    return ec.generate_private_key(ec.SECP256R1())


def to_pem(der: bytes) -> bytes:
    """The same certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def to_der(pem: bytes) -> bytes:
    """The same certificate as DER, from PEM; `MalformedError` if it is none."""
    try:
        return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    except (ValueError, x509.InvalidVersion):
        raise MalformedError("this is not a PEM certificate") from None
