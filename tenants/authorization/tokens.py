"""Access tokens (RFC 9068): short, signed by the tenant's key, for one endpoint."""

import math
import secrets
import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from tenants.authorization.gate import ACCESS_TOKEN_TYPE
from tenants.authorization.issuers import issuer_of
from tenants.authorization.signing import sign

ACCESS_SECONDS = 15 * 60
# What tells secrets of ours from others: scanners find them by it, and RFC 7662's callers need no hint.
CODE, REFRESH, SECRET, DEVICE = "amc_", "amr_", "ams_", "amd_"
SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Issue:
    """One access token to be made. `subject` is a person's id, or the client's own name; `grant` ends it early.

    With a `proof_key` it is good for whoever holds that key alone (RFC 9449 section 6).
    """

    tenant_id: UUID
    subject: str
    client_id: str
    scope: str
    resource: str
    endpoint_id: UUID
    grant: str
    # Seconds since the epoch; a token that stands for another outlives it by nothing.
    at_most_until: float = math.inf
    proof_key: str = ""


def secret(prefix: str) -> str:
    """A fresh secret of 256 random bits."""
    return prefix + secrets.token_urlsafe(SECRET_BYTES)


def answered(issue: Issue, refresh_token: str = "") -> dict[str, Any]:
    """The token response (RFC 6749 section 5.1) with a fresh access token. Inside the tenant's context."""
    claims = _claims(issue)
    answer: dict[str, Any] = {
        "access_token": sign(issue.tenant_id, claims, typ=ACCESS_TOKEN_TYPE),
        "token_type": token_type(issue.proof_key),
        "expires_in": claims["exp"] - int(claims["iat"]),
        "scope": issue.scope,
    }
    return answer | {"refresh_token": refresh_token} if refresh_token else answer


def token_type(proof_key: object) -> str:
    """How a token is presented (RFC 6749 section 7.1): one that is bound to a key, with a proof."""
    return "DPoP" if proof_key else "Bearer"


def _claims(issue: Issue) -> dict[str, Any]:
    now = time.time()
    bound = {"cnf": {"jkt": issue.proof_key}} if issue.proof_key else {}
    return bound | {
        "iss": issuer_of(issue.tenant_id),
        "aud": issue.resource,
        "sub": issue.subject,
        "client_id": issue.client_id,
        "scope": issue.scope,
        # With its fraction: what is cut off now must not end what is issued in the same second, nor outlive it.
        "iat": now,
        "exp": int(min(int(now) + ACCESS_SECONDS, issue.at_most_until)),
        "jti": secrets.token_urlsafe(16),
        "grant": issue.grant,
        "endpoint": str(issue.endpoint_id),
    }
