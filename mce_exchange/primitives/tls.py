"""The certificates of the doors: self-made, P-256, pinned by Directory and Statements (SPEC 8).

Their dates say nothing (1970 to 9999): a certificate lives exactly as long as the log says. P-256
because the TLS library refuses Ed25519 certificates.
"""

import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from mce_exchange import limits
from mce_exchange.errors import MalformedError

SERVER_NAME = "relay.mce-exchange"
"""The name in every relay certificate: identity is the pinned key, not a host name."""

_FROM = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_TO = datetime.datetime(9999, 12, 31, 23, 59, 59, tzinfo=datetime.UTC)


def make_certificate(common_name: str) -> tuple[bytes, bytes]:
    """A new key and self-signed certificate: `(private key PEM, certificate DER)`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_FROM)
        .not_valid_after(_TO)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(SERVER_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(serialization.Encoding.DER)


def check_certificate(der: bytes) -> None:
    """Raise `MalformedError` unless this is a self-signed P-256 certificate of at most 2,048 bytes."""
    if not 0 < len(der) <= limits.CERTIFICATE:
        raise MalformedError(f"a certificate has 1 to {limits.CERTIFICATE} bytes, not {len(der)}")
    try:
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature):
        raise MalformedError("this is not a self-signed X.509 certificate") from None
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise MalformedError("a door's certificate has a P-256 key")
    if certificate.public_bytes(serialization.Encoding.DER) != der:
        raise MalformedError("this certificate is not canonical DER")


def to_pem(der: bytes) -> bytes:
    """The same certificate as PEM."""
    return x509.load_der_x509_certificate(der).public_bytes(serialization.Encoding.PEM)


def to_der(pem: bytes) -> bytes:
    """The same certificate as DER, from PEM; `MalformedError` if it is none."""
    try:
        return x509.load_pem_x509_certificate(pem).public_bytes(serialization.Encoding.DER)
    except ValueError:
        raise MalformedError("this is not a PEM certificate") from None
