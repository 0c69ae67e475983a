"""Access tokens of the tenant's authorization server (RFC 9068): verified here, without asking anybody."""

import math
import time
from typing import Any
from urllib.parse import SplitResult, urlsplit

from joserfc import jwt
from joserfc.errors import JoseError

from mcp_runtime.protocol.served import Principal, ServedEndpoint
from tenants.authorization.gate import ACCESS_TOKEN_TYPE, ALGORITHM, MAXIMUM_TOKEN_SECONDS, TRUSTED
from tenants.hosts.addressing import at

MAXIMUM_TOKEN_BYTES = 8_192
MAXIMUM_ADMITTED = 10_000
# How far the clock of whoever issued a token may be ahead of ours.
SKEW_SECONDS = 30.0
_FURTHEST = 2**53  # JSON's integers have no end, and floats do
_DOTS = 2
_TYPES = frozenset({ACCESS_TOKEN_TYPE, f"application/{ACCESS_TOKEN_TYPE}"})
_TEXTS = ("iss", "sub", "client_id", "scope", "jti", "grant", "endpoint")
# What only the holder of a key may use (RFC 7800); it is proved by DPoP alone (RFC 9449 section 6.1).
_BOUND, _THUMBPRINT = "cnf", "jkt"
_TRANSPORTS = frozenset({"mcp", "sse", "messages", "ws"})


def looks_like_one(token: bytes) -> bool:
    """Whether a credential is a signed JSON Web Token by its form."""
    return token.startswith(b"eyJ") and token.count(b".") == _DOTS


def admit(token: bytes, digest: bytes, endpoint: ServedEndpoint) -> Principal | None:
    """Who presents an access token, remembered by its digest until the endpoint or its gate changes.

    None for one that is not good here: forged, expired, cut off, another tenant's or another endpoint's.
    """
    claims = _verified(token, endpoint) if endpoint.logins != TRUSTED else None
    resource = _audience(claims, endpoint) if claims is not None else ""
    if claims is None or not resource:
        return None
    principal = _principal(claims, endpoint, resource)
    if endpoint.gate.is_cut_off(principal.subjects, principal.issued_at):
        return None
    remember(digest, principal, endpoint)
    return principal


def remember(digest: bytes, principal: Principal, endpoint: ServedEndpoint) -> None:
    """Spares a token that was verified the next time, until the endpoint, its people or its gate change."""
    admitted = endpoint.admitted
    if len(admitted) >= MAXIMUM_ADMITTED:
        del admitted[next(iter(admitted))]
    admitted[digest] = principal


def _verified(token: bytes, endpoint: ServedEndpoint) -> dict[str, Any] | None:
    if len(token) > MAXIMUM_TOKEN_BYTES:
        return None
    keys = endpoint.gate.keys

    def key_of(guest: Any) -> Any:
        return keys[guest.headers()["kid"]]

    try:
        found = jwt.decode(token, key_of, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None
    if str(found.header.get("typ", "")).lower() not in _TYPES:
        return None
    return found.claims if _is_whole(found.claims) else None


def _is_whole(claims: dict[str, Any]) -> bool:
    """Whether the claims are there that RFC 9068 section 2.2 demands, and ours, each of its kind, at this time."""
    if not is_provable(claims) or any(type(claims.get(name)) is not str for name in _TEXTS):
        return False
    issued_at, expires_at = _seconds(claims.get("iat")), _seconds(claims.get("exp"))
    now = time.time()
    return issued_at - SKEW_SECONDS <= now < expires_at <= issued_at + MAXIMUM_TOKEN_SECONDS


def is_provable(claims: dict[str, Any]) -> bool:
    """Whether a token is bound to no key, or to one by which a request can be proved here."""
    bound = claims.get(_BOUND, {_THUMBPRINT: ""})
    return isinstance(bound, dict) and bound.keys() == {_THUMBPRINT} and isinstance(bound[_THUMBPRINT], str)


def _seconds(value: object) -> float:
    """A NumericDate (RFC 7519 section 2); what is none is a time that is never reached and always past."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return math.nan
    return float(value) if abs(value) < _FURTHEST else math.nan


def _audience(claims: dict[str, Any], endpoint: ServedEndpoint) -> str:
    """The address of the endpoint for which a token is; empty for one that is for something else."""
    if claims["iss"] not in endpoint.gate.issuers or claims["endpoint"] != endpoint.endpoint_id:
        return ""
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    return next((one for one in audiences if isinstance(one, str) and is_address(one, endpoint)), "")


def is_address(url: str, endpoint: ServedEndpoint) -> bool:
    """Whether a URL is one of the endpoint's, under whatever name its tenant has or had (RFC 8707)."""
    try:
        parts, own = urlsplit(url), urlsplit(endpoint.gate.public_url)
    except ValueError:
        return False
    if parts.query or parts.fragment:
        return False
    if (parts.scheme.lower(), parts.netloc.lower()) != (own.scheme, own.netloc):
        return _is_at_host(parts, endpoint)
    names = parts.path.removeprefix(own.path).split("/")
    is_ours = len(names) in (5, 6) and names[:2] == ["", "t"]
    # Two tenants may trust one issuer and each have an endpoint of this name.
    is_ours = is_ours and names[2] in endpoint.gate.slugs and names[3] == endpoint.slug
    return is_ours and names[-1] in _TRANSPORTS and names[4:-1] in ([], ["preview"])


def _is_at_host(parts: SplitResult, endpoint: ServedEndpoint) -> bool:
    """Whether a URL is one of the endpoint's at a host of its tenant, each of which is an issuer.

    Which endpoint is at the host itself may have changed since: the token says which one it is for.
    """
    if f"{parts.scheme}://{parts.netloc}".lower() not in endpoint.gate.issuers:
        return False
    readings = [at(parts.path, is_tenants=is_tenants) for is_tenants in (True, False)]
    return any(meant is not None and meant.endpoint in ("", endpoint.slug) for meant in readings)


def _principal(claims: dict[str, Any], endpoint: ServedEndpoint, resource: str) -> Principal:
    client, subject = f"client:{claims['client_id']}", claims["sub"]
    # RFC 9068 section 2.2: a client that acts for itself is its own subject.
    who = client if subject == claims["client_id"] else f"member:{subject}"
    return Principal(
        who,
        float(claims["exp"]),
        endpoint.tools_of_member(who),
        scopes=frozenset(claims["scope"].split()),
        subjects=tuple(dict.fromkeys((who, client, f"grant:{claims['grant']}"))),
        issued_at=float(claims["iat"]),
        resource=resource,
        bound_to=claims.get(_BOUND, {}).get(_THUMBPRINT, ""),
    )
