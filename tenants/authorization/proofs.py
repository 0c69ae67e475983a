"""Proofs that whoever presents a token holds the key that it is bound to (DPoP, RFC 9449). Without Django."""

import hashlib
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from tenants.authorization.jose import BadKey, BadToken, peeked, public_key, require_signed

ALGORITHMS = ("ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256")
TYPE = "dpop+jwt"
MAXIMUM_BYTES = 4_096
MAXIMUM_ID = 256
# No nonces are handed out, which would cost a round trip. So a proof is good for this long, and once.
AGE_SECONDS = 60.0
SKEW_SECONDS = 30.0
# Of an RFC 7638 thumbprint by SHA-256, in base64url.
THUMBPRINT = 43
_PORTS = {"http": 80, "https": 443}


class BadProof(ValueError):
    """A proof that proves nothing here; the message says why in a sentence."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that is good. `key` is the RFC 7638 thumbprint of the key that signed it, `id` its `jti`.

    It is refused for its age from `expires_at` on, in seconds since the epoch.
    """

    key: str
    id: str
    expires_at: float


def proof_read(proof: str, *, method: str, url: str, now: float, token: bytes | None = None) -> Proof:
    """Checks a proof for one request (RFC 9449 section 4.3), but for whether it was seen before.

    `url` is the request's, without its query; `now` in seconds since the epoch; `token` the access token that it comes
    with. Raises BadProof.
    """
    if len(proof) > MAXIMUM_BYTES:
        raise BadProof(f"A proof has at most {MAXIMUM_BYTES:,} bytes.")
    try:
        header, claims = peeked(proof)
        key = public_key(header.get("jwk"))
        _require(f"Its typ is not {TYPE}.", holds=header.get("typ") == TYPE)
        _require(f"It is signed by none of {', '.join(ALGORITHMS)}.", holds=header.get("alg") in ALGORITHMS)
        require_signed(proof, key, header["alg"])
    except (BadToken, BadKey) as error:
        raise BadProof(str(error)) from None
    _require(f"It is not for {method} (htm).", holds=claims.get("htm") == method)
    _require("It is for another address (htu).", holds=_normal(claims.get("htu")) == _normal(url))
    _require_bound(claims, token)
    return Proof(key.thumbprint(), _id(claims), _issued(claims, now) + AGE_SECONDS)


def token_hash(token: bytes) -> str:
    """What a proof says of the access token that it comes with (`ath`, RFC 9449 section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(token).digest()).rstrip(b"=").decode()


def _issued(claims: dict[str, Any], now: float) -> float:
    issued_at = claims.get("iat")
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float):
        raise BadProof("It does not say when it was made (iat).")
    if not now - AGE_SECONDS < issued_at <= now + SKEW_SECONDS:
        raise BadProof("It was not made just now (iat).")
    return float(issued_at)


def _id(claims: dict[str, Any]) -> str:
    found = claims.get("jti")
    if not isinstance(found, str) or not 0 < len(found) <= MAXIMUM_ID:
        raise BadProof(f"It has no name of its own of at most {MAXIMUM_ID} characters (jti).")
    return found


def _require_bound(claims: dict[str, Any], token: bytes | None) -> None:
    if token is not None:
        _require("It was made for another access token (ath).", holds=claims.get("ath") == token_hash(token))


def _normal(url: object) -> tuple[str, str, int | None, str] | None:
    """A URL without query and fragment, as far as two that mean the same differ (RFC 3986 sections 6.2.2, 6.2.3)."""
    try:
        parts = urlsplit(url if isinstance(url, str) else "")
        port = parts.port
    except ValueError:
        return None
    if not parts.hostname or "@" in parts.netloc:
        return None
    return parts.scheme, parts.hostname, port or _PORTS.get(parts.scheme), parts.path or "/"


def _require(sentence: str, *, holds: bool) -> None:
    if not holds:
        raise BadProof(sentence)
