"""Door certificates have one form: nothing in them is of their maker's choosing but key and serial number."""

import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

from mce_exchange.errors import MalformedError
from mce_exchange.primitives import tls

DER = serialization.Encoding.DER


def name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def made(
    *,
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
    subject: x509.Name | None = None,
    until: int = 9999,
    extra: x509.ExtensionType | None = None,
) -> bytes:
    """A certificate as a door's, but for what is asked for."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    spki = own.public_key().public_bytes(DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    digest = hashes.Hash(hashes.SHA256())
    digest.update(spki)
    if subject is None:
        subject = name(digest.finalize().hex())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(own.public_key())
        .serial_number(1)
        .not_valid_before(datetime.datetime(1970, 1, 1))
        .not_valid_after(datetime.datetime(until, 12, 31, 23, 59, 59))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(tls.SERVER_NAME)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    if extra:
        builder = builder.add_extension(extra, critical=False)
    return builder.sign(own, hashes.SHA256()).public_bytes(DER)


def test_a_door_may_be_made_with_any_software() -> None:
    tls.check_certificate(made())
    tls.check_certificate(tls.make_certificate()[1])


def test_a_name_is_the_digest_of_the_key() -> None:
    _, other = tls.make_certificate()
    taken = x509.load_der_x509_certificate(other).subject
    for subject in (taken, name("be"), x509.Name([])):
        with pytest.raises(MalformedError):
            tls.check_certificate(made(subject=subject))


def test_anything_else_is_refused() -> None:
    good = made()
    others = [
        made(until=2030),
        made(extra=x509.KeyUsage(True, False, False, False, False, False, False, False, False)),
        made(key=ec.generate_private_key(ec.SECP384R1())),
        made(key=rsa.generate_private_key(65537, 2048)),
        good + b"\0",
        good[:-1],
        b"",
        bytes(3000),
        # The signature's last byte: no longer self-signed.
        good[:-1] + bytes([good[-1] ^ 1]),
    ]
    for other in others:
        with pytest.raises(MalformedError):
            tls.check_certificate(other)
