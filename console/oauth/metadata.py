"""What a tenant's authorization server says of itself, and its keys (RFC 8414, OpenID Connect Discovery, RFC 7517)."""

from uuid import UUID

from django.http import HttpRequest

from console.oauth.machines import machine
from core.tenancy import tenant_context
from tenants.authorization.metadata import metadata_of
from tenants.authorization.server import Answer
from tenants.authorization.signing import public_keys

FRESH_SECONDS = 60


@machine("GET", "HEAD", cached_seconds=FRESH_SECONDS)
def document(_request: HttpRequest, tenant_id: UUID) -> Answer:
    """The metadata, the same at each of the places where clients look."""
    with tenant_context(tenant_id):
        # Makes the first key, which workers hear of before the first token that it signs comes.
        public_keys(tenant_id)
        return Answer(200, metadata_of(tenant_id))


@machine("GET", "HEAD", cached_seconds=FRESH_SECONDS)
def keys(_request: HttpRequest, tenant_id: UUID) -> Answer:
    """The keys that access tokens are signed with."""
    with tenant_context(tenant_id):
        return Answer(200, {"keys": public_keys(tenant_id)})
