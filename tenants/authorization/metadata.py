"""An authorization server's metadata (RFC 8414 section 2), which OpenID Connect's discovery takes as well.

Without Django: workers say it at tenants' own hosts, the console at the issuer of the path.
"""

from typing import Any

from tenants.authorization import proofs
from tenants.authorization.gate import ALGORITHM, CALL_SCOPE, READ_SCOPE
from tenants.authorization.grant_types import GRANT_TYPES

# How clients prove who they are, and by which signatures: as `AuthMethod` and `keys_of_clients` have it.
SIGNED = "private_key_jwt"
METHODS = ["none", "client_secret_basic", "client_secret_post", SIGNED]
ALGORITHMS = ["ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512"]
# draft-ietf-oauth-identity-assertion-authz-grant
PROFILES = ["urn:ietf:params:oauth:grant-profile:id-jag"]


# Clients name the revision that they know as they ask. Up to 1.12 the official SDK's, which are of these, take metadata
# that name signatures for no metadata at all; no client of that time proves itself by one.
EARLY = frozenset({"2024-11-05", "2025-03-26", "2025-06-18"})
REVISION = "MCP-Protocol-Version"


def metadata_of(issuer: str, endpoints: str, *, registers: bool, revision: str = "") -> dict[str, Any]:
    """The metadata of an issuer. `endpoints` is what the URLs of its endpoints begin with.

    `registers` says whether clients may register themselves; `revision` is the one that the client named, if it did.
    """
    known = METHODS[:-1] if revision in EARLY else METHODS
    said: dict[str, Any] = {
        "issuer": issuer,
        "authorization_endpoint": f"{endpoints}/authorize",
        "token_endpoint": f"{endpoints}/token",
        "device_authorization_endpoint": f"{endpoints}/device_authorization",
        "revocation_endpoint": f"{endpoints}/revoke",
        "introspection_endpoint": f"{endpoints}/introspect",
        "jwks_uri": f"{endpoints}/jwks",
        "scopes_supported": [READ_SCOPE, CALL_SCOPE],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": list(GRANT_TYPES),
        "authorization_grant_profiles_supported": PROFILES,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": True,
        "client_id_metadata_document_supported": True,
        "dpop_signing_alg_values_supported": list(proofs.ALGORITHMS),
        # What OpenID Connect's discovery demands; nobody is told who a person is, and no ID token is issued.
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": [ALGORITHM],
    }
    for endpoint in ("token", "revocation", "introspection"):
        methods = known[1:] if endpoint == "introspection" else known
        said[f"{endpoint}_endpoint_auth_methods_supported"] = methods
        if methods[-1] == SIGNED:
            said[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = ALGORITHMS
    if registers:
        said["registration_endpoint"] = f"{endpoints}/register"
    return said
