"""Keys that people paste into clients: shown once, stored as a SHA-256 digest, recognised by a prefix."""

import hashlib
import secrets
from dataclasses import dataclass

ACCESS_KEY = "amk"  # calls tools on one MCP endpoint
API_KEY = "aak"  # uses the REST API of one tenant
SCIM_TOKEN = "asc"  # noqa: S105  provisions one tenant over one connection; a prefix and no secret
SECRET_BYTES = 32  # 256 random bits: a plain digest of them needs no salt and no slow hash
SHOWN_CHARACTERS = 12


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key. `secret` is shown to its maker once; `prefix` and `digest` are what is stored."""

    secret: str
    prefix: str
    digest: str


def issue(kind: str, *, owner: str = "") -> IssuedKey:
    """A fresh key of `kind`; `owner`, if given, is embedded in clear so that the key says whose it is."""
    lead = f"{kind}_{owner}_" if owner else f"{kind}_"
    random = secrets.token_urlsafe(SECRET_BYTES)
    secret = lead + random
    return IssuedKey(
        secret=secret, prefix=secret[: len(lead) + SHOWN_CHARACTERS - len(kind) - 1], digest=digest(secret)
    )


def digest(secret: str) -> str:
    """The stored form of a key: its SHA-256 in hexadecimal."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
