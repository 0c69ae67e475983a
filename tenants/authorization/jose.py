"""JSON Web Tokens read strictly, before and beside their signatures. Without Django: workers read them too."""

import base64
import binascii
import json
from collections.abc import Iterable
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

type PublicKey = ECKey | OKPKey | RSAKey

_PARTS = 3
_KINDS: dict[str, type[PublicKey]] = {"EC": ECKey, "OKP": OKPKey, "RSA": RSAKey}
_CURVES = frozenset({"P-256", "P-384", "P-521", "Ed25519"})
# Weaker ones can be broken (NIST SP 800-131A), larger ones cost whoever verifies more than whoever sends.
_RSA_BITS = range(2_048, 4_097)
# RFC 7518 section 6: what only the holder of a key may know.
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})


class BadToken(ValueError):
    """No JSON Web Token, or not signed as it says; the message says why in a sentence."""


class BadKey(ValueError):
    """No public key of a kind that is taken."""


class _Registry(JWSRegistry):
    """For headers that hold a key or certificates; whoever reads a token has bounded the whole of it."""

    max_header_length = 16_384


class StrictDecoder(json.JSONDecoder):
    """JSON without names that come twice, and without numbers that JSON does not know."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{**options, "object_pairs_hook": _unique, "parse_constant": _no_constant})


def peeked(token: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token in its compact form, which nobody has verified. Raises BadToken."""
    parts = token.split(".")
    if len(parts) != _PARTS or not all(parts):
        raise BadToken("It is not a signed JSON Web Token: three parts with two dots between them.")
    header, claims = _object(parts[0], "header"), _object(parts[1], "claims")
    if "crit" in header:
        raise BadToken("Its header has critical parameters (crit), of which none is understood.")
    return header, claims


def require_signed(token: str, key: PublicKey, algorithm: str) -> None:
    """Raises BadToken unless `key` signed the token by `algorithm`, whatever the token says of either."""
    registry = _Registry(algorithms=[algorithm], strict_check_header=False)
    try:
        jwt.decode(token, key, algorithms=[algorithm], registry=registry)
    except (JoseError, ValueError, TypeError, RecursionError):
        raise BadToken("Its signature is not the key's that it names.") from None


def public_key(jwk: object) -> PublicKey:
    """A public key for signatures (RFC 7517). Raises BadKey for private ones, secrets, and weak or odd ones."""
    if not isinstance(jwk, dict) or _PRIVATE & jwk.keys():
        raise BadKey("It is not a public key.")
    kind = _KINDS.get(str(jwk.get("kty")))
    if kind is None or (kind is not RSAKey and jwk.get("crv") not in _CURVES):
        raise BadKey("Keys are RSA, or of the curves P-256, P-384, P-521 and Ed25519.")
    try:
        key = kind.import_key(
            {name: value for name, value in jwk.items() if name in ("kty", "crv", "x", "y", "n", "e")}
        )
        size = key.public_key.key_size if isinstance(key, RSAKey) else _RSA_BITS.start
    except (JoseError, ValueError, TypeError, KeyError, binascii.Error):
        raise BadKey("The key cannot be read.") from None
    if size not in _RSA_BITS:
        raise BadKey(f"RSA keys have {_RSA_BITS.start:,} to {_RSA_BITS.stop - 1:,} bits.")
    return key


def _object(part: str, name: str) -> dict[str, Any]:
    try:
        text = base64.b64decode(part + "=" * (-len(part) % 4), altchars=b"-_", validate=True).decode()
        value = json.loads(text, cls=StrictDecoder)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadToken(f"Its {name} cannot be read as one JSON object in which each name comes once.")
    return value


def _unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    listed = list(pairs)
    found = dict(listed)
    if len(found) != len(listed):
        raise ValueError("a name comes twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
