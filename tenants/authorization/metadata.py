"""An authorization server's metadata (RFC 8414 section 2), which OpenID Connect's discovery takes as well."""

from typing import Any
from uuid import UUID

from tenants.authorization import scopes
from tenants.authorization.clients import CLIENT, CODE, DEVICE, REFRESH
from tenants.authorization.gate import ALGORITHM
from tenants.authorization.keys_of_clients import ALGORITHMS
from tenants.authorization.policies import policy_of
from tenants.authorization.publishing import issuer_of
from tenants.models import AuthMethod

METHODS = [AuthMethod.NONE, AuthMethod.BASIC, AuthMethod.POST, AuthMethod.SIGNED]
GRANTS = [CODE, REFRESH, CLIENT, DEVICE]


def metadata_of(tenant_id: UUID) -> dict[str, Any]:
    """The metadata of the tenant in context."""
    issuer = issuer_of(tenant_id)
    said: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{issuer}/authorize",
        "token_endpoint": f"{issuer}/token",
        "device_authorization_endpoint": f"{issuer}/device_authorization",
        "revocation_endpoint": f"{issuer}/revoke",
        "introspection_endpoint": f"{issuer}/introspect",
        "jwks_uri": f"{issuer}/jwks",
        "scopes_supported": list(scopes.SUPPORTED),
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GRANTS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        # What OpenID Connect's discovery demands; nobody is told who a person is, and no ID token is issued.
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
    for endpoint in ("token", "revocation", "introspection"):
        methods = METHODS[1:] if endpoint == "introspection" else METHODS
        said[f"{endpoint}_endpoint_auth_methods_supported"] = methods
        said[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = ALGORITHMS
    if policy_of(tenant_id).dynamic_registration:
        said["registration_endpoint"] = f"{issuer}/register"
    return said
