"""Dynamic client registration (RFC 7591): open, counted, bounded, and for each tenant to switch off."""

import secrets
import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from authlib.oauth2.rfc6749 import AccessDeniedError
from django.utils import timezone

from core import keys
from tenants.authorization import pace, tokens
from tenants.authorization.clients import SECRET_METHODS
from tenants.authorization.descriptions import Description, description_of
from tenants.authorization.grant_types import CODE
from tenants.authorization.policies import policy_of
from tenants.models import AuthMethod, ClientKind, McpClient

MAXIMUM_CLIENTS = 5_000
UNUSED_FOR = timedelta(days=1)
METHODS = frozenset({AuthMethod.NONE, AuthMethod.BASIC, AuthMethod.POST})


def client_registered(*, tenant_id: UUID, said: dict[str, Any], address: str) -> dict[str, Any]:
    """What is answered to a client that registers from `address`. Inside the tenant's context. Raises OAuth2Error.

    Whoever is public gets no secret, whatever it asked for; a secret is told here and nowhere else.
    """
    if not policy_of(tenant_id).dynamic_registration:
        raise AccessDeniedError("Clients cannot register themselves here.", status_code=403)
    described = description_of(said, default_method=AuthMethod.BASIC, methods=METHODS)
    pace.require("register", tenant_id, address)
    _require_room()
    secret = tokens.secret(tokens.SECRET) if described.auth_method in SECRET_METHODS else ""
    return _told(_stored(tenant_id, described, secret), secret)


def _require_room() -> None:
    """Forgets clients that registered and never came back, when there are too many; raises TooMany when that is few."""
    dynamic = McpClient.objects.filter(kind=ClientKind.DYNAMIC)
    if dynamic.count() < MAXIMUM_CLIENTS:
        return
    dynamic.filter(created_at__lt=timezone.now() - UNUSED_FOR, grants=None).delete()
    if dynamic.count() >= MAXIMUM_CLIENTS:
        raise pace.TooMany("Too many clients are registered here.")


def _stored(tenant_id: UUID, described: Description, secret: str) -> McpClient:
    return McpClient.objects.create(
        tenant_id=tenant_id,
        kind=ClientKind.DYNAMIC,
        client_id=f"dyn-{secrets.token_urlsafe(24)}",
        name=described.name,
        redirect_uris=described.redirect_uris,
        grant_types=described.grant_types,
        auth_method=described.auth_method,
        secret_digest=keys.digest(secret) if secret else "",
    )


def _told(client: McpClient, secret: str) -> dict[str, Any]:
    """The client information response (RFC 7591 section 3.2.1): what was registered, not what was asked for."""
    said: dict[str, Any] = {
        "client_id": client.client_id,
        "client_id_issued_at": int(time.time()),
        "client_name": client.name,
        "redirect_uris": client.redirect_uris,
        "grant_types": client.grant_types,
        "response_types": ["code"] if CODE in client.grant_types else [],
        "token_endpoint_auth_method": client.auth_method,
    }
    return said | {"client_secret": secret, "client_secret_expires_at": 0} if secret else said
