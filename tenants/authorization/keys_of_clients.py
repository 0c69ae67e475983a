"""The public keys by which clients prove who they are: which can be stored, and which may sign."""

from typing import Any
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tenants.jwks import ASYMMETRIC

MAXIMUM_KEYS = 10
LONGEST_URI = 2048
ALGORITHMS = sorted(ASYMMETRIC)
_KINDS = ("RSA", "EC", "OKP")  # a tuple: what stands in a key may have no hash
_PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "k"}


def problem(jwks: object, jwks_uri: object) -> str:
    """Why a client cannot be known by these; empty where it can: by a set of public keys, or by where one is."""
    if (jwks is None) is (not jwks_uri):
        return "Give either jwks or jwks_uri."
    return _uri_problem(jwks_uri) if jwks is None else _set_problem(jwks)


def imported(jwks: dict[str, Any]) -> KeySet:
    """A stored set."""
    return KeySet.import_key_set({"keys": jwks["keys"]})


def _uri_problem(uri: object) -> str:
    if not isinstance(uri, str) or len(uri) > LONGEST_URI or not uri.isascii() or not uri.isprintable():
        return "The jwks_uri is not a URL."
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "The jwks_uri is not a URL."
    return "" if parts.scheme == "https" and parts.hostname else "The jwks_uri is not an https URL."


def _set_problem(jwks: object) -> str:
    keys = jwks.get("keys") if isinstance(jwks, dict) else None
    if not isinstance(keys, list) or not 0 < len(keys) <= MAXIMUM_KEYS:
        return f"The jwks is a JSON Web Key Set of 1 to {MAXIMUM_KEYS} keys."
    for key in keys:
        if not isinstance(key, dict) or key.get("kty") not in _KINDS or _PRIVATE & key.keys():
            return "The jwks holds public keys alone, of RSA, EC or OKP."
    try:
        KeySet.import_key_set({"keys": keys})
    except (JoseError, ValueError, TypeError, KeyError):
        return "A key of the jwks cannot be read."
    return ""
