"""Keys of other issuers: fetched through the outbound door, kept for a while, looked at again for a key that is new."""

import hashlib
import time
from collections.abc import Collection
from typing import Any

from django.core.cache import cache
from joserfc import jws, jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from core.outbound import Client
from tenants.vault.oauth.exchanging import read_document
from tenants.vault.oauth.failures import OAuthFailed
from tenants.vault.oauth.running import with_provider

KEPT_SECONDS = 600
# An unknown key has the set fetched anew, but not by everybody who makes one up.
ANEW_SECONDS = 30
MAXIMUM_KEYS = 50
MAXIMUM_TOKEN_BYTES = 16_384
_KINDS = ("RSA", "EC", "OKP")  # a tuple: what stands in a key may have no hash
ASYMMETRIC = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})


class TokenRefused(Exception):
    """A token that was not signed by one of its issuer's keys; the message says what failed, for administrators."""


def verified(token: str, *, jwks_uri: str, algorithms: Collection[str]) -> jwt.Token:
    """The token, whose signature one of the keys at `jwks_uri` made with one of `algorithms`; claims are not looked at.

    Never inside a transaction, since the keys may have to be fetched. Raises TokenRefused.
    """
    allowed = sorted(ASYMMETRIC.intersection(algorithms))
    header = _header(token)
    if header.get("alg") not in allowed:
        raise TokenRefused(f"The token is signed with {header.get('alg')!r}; {', '.join(allowed)} are accepted.")
    try:
        return jwt.decode(token, _keys_for(jwks_uri, header.get("kid")), algorithms=allowed)
    except (JoseError, ValueError, TypeError, RecursionError) as error:
        raise TokenRefused(f"The token's signature is not one of its issuer's: {error}") from None


def key_set(jwks_uri: str) -> KeySet:
    """The keys at `jwks_uri` as they are kept. Raises TokenRefused where there are none to be had."""
    return _read(cache.get(_name(jwks_uri)) or _fetched(jwks_uri))


def _header(token: str) -> dict[str, Any]:
    if len(token) > MAXIMUM_TOKEN_BYTES:
        raise TokenRefused(f"The token is longer than {MAXIMUM_TOKEN_BYTES} bytes.")
    try:
        return dict(jws.extract_compact(token.encode()).headers())
    except (JoseError, ValueError, TypeError, RecursionError):
        raise TokenRefused("The token is not a signed JSON Web Token.") from None


def _keys_for(jwks_uri: str, kid: object) -> KeySet:
    keys = key_set(jwks_uri)
    if kid is None or any(key.kid == kid for key in keys.keys):
        return keys
    if not cache.add(f"{_name(jwks_uri)}:anew", time.time(), ANEW_SECONDS):
        return keys
    return _read(_fetched(jwks_uri))


def _fetched(jwks_uri: str) -> dict[str, Any]:
    async def fetch(client: Client) -> dict[str, Any] | None:
        return await read_document(client, jwks_uri, "key set")

    try:
        document = with_provider(fetch)
    except OAuthFailed as failed:
        raise TokenRefused(str(failed)) from None
    if document is None:
        raise TokenRefused("There is no key set at the address that the issuer names.")
    cache.set(_name(jwks_uri), document, KEPT_SECONDS)
    return document


def _read(document: dict[str, Any]) -> KeySet:
    """The keys that can verify: those of kinds that we do not know, or for encryption, are none of ours."""
    found = document.get("keys")
    usable = [key for key in found if _is_usable(key)] if isinstance(found, list) else []
    try:
        return KeySet.import_key_set({"keys": usable[:MAXIMUM_KEYS]})
    except (JoseError, ValueError, TypeError, KeyError):
        raise TokenRefused("The issuer's key set cannot be read.") from None


def _is_usable(key: object) -> bool:
    return isinstance(key, dict) and key.get("kty") in _KINDS and key.get("use", "sig") == "sig"


def _name(jwks_uri: str) -> str:
    return f"jwks:{hashlib.sha256(jwks_uri.encode()).hexdigest()}"
