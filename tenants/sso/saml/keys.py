"""Keys and certificates of SAML: ours, made for one connection, and providers', checked before they are believed."""

import base64
import binascii
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

KEY_BITS = 2048
LIFETIME = timedelta(days=3650)  # providers pin it: one that ends early would stop logouts without a word
MAXIMUM_CERTIFICATE = 16_384
WEAKEST_RSA_BITS = 2048
COMMON_NAME = "Joe Armstrong AGI MCP"


class BadCertificate(ValueError):
    """A text that is no certificate with which signatures may be checked; the message says why."""


class KeyPair(NamedTuple):
    """A private key as PEM, and its self-signed certificate as base64 of DER."""

    key: str
    certificate: str


def new_key_pair() -> KeyPair:
    """A fresh pair, with which our messages to one provider are signed."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=KEY_BITS)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, COMMON_NAME)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + LIFETIME)
        .sign(key, hashes.SHA256())
    )
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    return KeyPair(pem, base64.b64encode(certificate.public_bytes(serialization.Encoding.DER)).decode())


def certificate_text(text: str) -> str:
    """A provider's certificate, given as PEM or base64, as base64 of DER. Raises BadCertificate.

    That it has expired is no reason to refuse it: it is a container of a key that somebody trusts by name, and
    providers let them expire (SAML 2.0 metadata interoperability profile, section 2.6.1).
    """
    bare = "".join(line for line in text.strip().splitlines() if not line.startswith("-----"))
    try:
        der = base64.b64decode("".join(bare.split()), validate=True)
        certificate = x509.load_der_x509_certificate(der)
        key = certificate.public_key()
    except (binascii.Error, ValueError, TypeError, x509.UnsupportedGeneralNameType):
        raise BadCertificate("This is no X.509 certificate.") from None
    if len(der) > MAXIMUM_CERTIFICATE:
        raise BadCertificate("This certificate is too large.")
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < WEAKEST_RSA_BITS:
        raise BadCertificate(f"Its RSA key has {key.key_size} bits; {WEAKEST_RSA_BITS} are the least.")
    if not isinstance(key, rsa.RSAPublicKey | ec.EllipticCurvePublicKey):
        raise BadCertificate("Its key is neither RSA nor EC.")
    return base64.b64encode(der).decode()


def fingerprint(certificate: str) -> str:
    """The SHA-256 of a certificate, as consoles of providers show it."""
    digest = x509.load_der_x509_certificate(base64.b64decode(certificate)).fingerprint(hashes.SHA256())
    return ":".join(f"{byte:02X}" for byte in digest)
