"""`private_key_jwt`: a client proves who it is with a signature of its own key (RFC 7523 section 3)."""

import time
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from joserfc import jws, jwt
from joserfc.errors import JoseError

from core.foreign_json import foreign_object
from core.tenancy import tenant_context
from tenants.authorization import keys_of_clients
from tenants.authorization.clients import KnownClient
from tenants.authorization.issuers import endpoints_of, issuer_of
from tenants.jwks import TokenRefused, verified
from tenants.replay import first_time

TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
LEEWAY_SECONDS = 30
LONGEST_SECONDS = 3_600  # from now to `exp`: an assertion is for one request
LONGEST_JTI = 500


def named_in(assertion: str) -> str:
    """The client that an assertion says it is of, nothing verified; empty for what is none."""
    try:
        claims = foreign_object(jws.extract_compact(assertion.encode()).payload)
    except (JoseError, ValueError, TypeError):
        return ""
    subject = claims.get("sub")
    return subject if isinstance(subject, str) else ""


def is_proven(tenant_id: UUID, client: KnownClient, assertion: str) -> bool:
    """Whether the client signed it, for this server, for now and for the first time. Never inside a transaction."""
    claims = _signed(client, assertion)
    return claims is not None and _is_meant_so(tenant_id, client, claims) and _is_first(tenant_id, client, claims)


def _signed(client: KnownClient, assertion: str) -> dict[str, Any] | None:
    row = client.row
    try:
        if row.jwks_uri:
            return dict(verified(assertion, jwks_uri=row.jwks_uri, algorithms=keys_of_clients.ALGORITHMS).claims)
        keys = keys_of_clients.imported(row.jwks or {"keys": []})
        return dict(jwt.decode(assertion, keys, algorithms=keys_of_clients.ALGORITHMS).claims)
    except (TokenRefused, JoseError, ValueError, TypeError, KeyError, RecursionError):
        return None


def _is_meant_so(tenant_id: UUID, client: KnownClient, claims: dict[str, Any]) -> bool:
    """RFC 7523 section 3; the audience is the issuer, or as older clients have it the token endpoint."""
    name, issuer, now = client.get_client_id(), issuer_of(tenant_id), time.time()
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    expires_at, jti = claims.get("exp"), claims.get("jti")
    if type(expires_at) not in (int, float) or not isinstance(jti, str) or not 0 < len(jti) <= LONGEST_JTI:
        return False
    not_before = [claims[claim] for claim in ("iat", "nbf") if claim in claims]
    if any(type(moment) not in (int, float) or moment > now + LEEWAY_SECONDS for moment in not_before):
        return False
    is_its_own = claims.get("iss") == name and claims.get("sub") == name
    is_for_us = any(one in {issuer, f"{endpoints_of(tenant_id)}/token"} for one in audiences if isinstance(one, str))
    return is_its_own and is_for_us and now - LEEWAY_SECONDS < float(str(expires_at)) < now + LONGEST_SECONDS


def _is_first(tenant_id: UUID, client: KnownClient, claims: dict[str, Any]) -> bool:
    until = datetime.fromtimestamp(claims["exp"] + LEEWAY_SECONDS, UTC)
    with tenant_context(tenant_id):
        token = f"{client.get_client_id()} {claims['jti']}"
        return first_time(tenant_id=tenant_id, kind="client assertion", token=token, expires_at=until)
