"""Keys derived from the platform's secret, one per purpose; signing and sealing with rotation.

`ARMSTRONG_SECRET_KEY` is current; `ARMSTRONG_SECRET_KEY_FALLBACKS` (comma separated) still verify and open.
"""

import base64
import functools
import hashlib
import hmac
import os

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core import environment

NONCE_BYTES = 12  # NIST SP 800-38D section 8.2: 96 bit nonces
TAG_BYTES = 16


class Forged(Exception):
    """A signature or a sealed value does not verify: it was made elsewhere, altered, or its key is gone."""


def encode(raw: bytes) -> str:
    """URL-safe base64 without padding (RFC 7515 section 2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(value: str) -> bytes:
    """The inverse of `encode`; raises Forged for anything that `encode` would not have made."""
    try:
        raw = base64.b64decode(value + "=" * (-len(value) % 4), altchars=b"-_", validate=True)
    except ValueError:
        raise Forged from None
    if encode(raw) != value:
        raise Forged
    return raw


def sign(purpose: str, message: bytes) -> bytes:
    """An HMAC-SHA256 tag of `message`, valid for `purpose` alone."""
    return hmac.digest(_keys(purpose)[0], message, "sha256")


def verify(purpose: str, message: bytes, tag: bytes) -> None:
    """Raises Forged unless `tag` is the signature of `message` for `purpose` under a current or fallback key."""
    if not any(hmac.compare_digest(hmac.digest(key, message, "sha256"), tag) for key in _keys(purpose)):
        raise Forged


def seal(purpose: str, plaintext: bytes, *, bound_to: str) -> str:
    """AES-256-GCM encrypts `plaintext`; only the same `purpose` and `bound_to` (tenant, object) open it again."""
    nonce = os.urandom(NONCE_BYTES)
    return encode(nonce + AESGCM(_keys(purpose)[0]).encrypt(nonce, plaintext, bound_to.encode()))


def unseal(purpose: str, sealed: str, *, bound_to: str) -> bytes:
    """The plaintext of `seal`; raises Forged when it was altered, or sealed for another purpose, tenant or object."""
    raw = decode(sealed)
    if len(raw) < NONCE_BYTES + TAG_BYTES:
        raise Forged
    for key in _keys(purpose):
        try:
            return AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bound_to.encode())
        except InvalidTag:
            continue
    raise Forged


@functools.cache
def _keys(purpose: str) -> tuple[bytes, ...]:
    secrets = [environment.secret("ARMSTRONG_SECRET_KEY"), *environment.words("ARMSTRONG_SECRET_KEY_FALLBACKS")]
    # The secret is uniformly random, so one HMAC is a sound key derivation (RFC 5869 section 3.3).
    return tuple(
        hmac.digest(hashlib.sha256(secret.encode()).digest(), purpose.encode(), "sha256") for secret in secrets
    )
