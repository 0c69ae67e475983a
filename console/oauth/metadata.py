"""What a tenant's authorization server says of itself, and its keys (RFC 8414, OpenID Connect Discovery, RFC 7517)."""

from uuid import UUID

from django.http import HttpRequest

from console.oauth.machines import machine
from core.tenancy import tenant_context
from tenants.authorization.issuers import endpoints_of, issuer_of
from tenants.authorization.metadata import REVISION, metadata_of
from tenants.authorization.policies import policy_of
from tenants.authorization.server import Answer
from tenants.authorization.signing import public_keys

FRESH_SECONDS = 60


@machine("GET", "HEAD", cached_seconds=FRESH_SECONDS)
def document(request: HttpRequest, tenant_id: UUID) -> Answer:
    """The metadata, the same at each of the places where clients look."""
    with tenant_context(tenant_id):
        # Makes the first key, which workers hear of before the first token that it signs comes.
        public_keys(tenant_id)
        registers = policy_of(tenant_id).dynamic_registration
        revision = request.headers.get(REVISION, "")
        said = metadata_of(issuer_of(tenant_id), endpoints_of(tenant_id), registers=registers, revision=revision)
        return Answer(200, said, {"Vary": REVISION})


@machine("GET", "HEAD", cached_seconds=FRESH_SECONDS)
def keys(_request: HttpRequest, tenant_id: UUID) -> Answer:
    """The keys that access tokens are signed with."""
    with tenant_context(tenant_id):
        return Answer(200, {"keys": public_keys(tenant_id)})
