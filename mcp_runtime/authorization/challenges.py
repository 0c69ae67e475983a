"""What a client that is not let in is told to get: where to log in, and for what (RFC 9728 section 5, RFC 6750)."""

from urllib.parse import urlsplit

from core import refusals
from core.refusals import Refused
from tenants.authorization.gate import CALL_SCOPE

WELL_KNOWN = "/.well-known/oauth-protected-resource"
# What most clients are here for; it implies reading. They are told once, and not refused at their first call again.
USUAL_SCOPE = CALL_SCOPE
RESOURCE_METADATA = "resourceMetadata"
SCOPE = "scope"
# The scheme by which a client is challenged, where it is not Bearer.
CHALLENGE = "challenge"
_LOGIN_HELPS = frozenset(
    {refusals.AUTHENTICATION_REQUIRED.name, refusals.INVALID_CREDENTIALS.name, refusals.INVALID_DPOP_PROOF.name}
)


def metadata_url(resource: str) -> str:
    """Where the metadata of a protected resource is (RFC 9728 section 3.1)."""
    parts = urlsplit(resource)
    return f"{parts.scheme}://{parts.netloc}{WELL_KNOWN}{parts.path}"


def with_way_in(refused: Refused, resource: str) -> Refused:
    """The refusal, which says where one logs in if that would help."""
    if refused.refusal.name in _LOGIN_HELPS and RESOURCE_METADATA not in refused.data:
        refused.data = {**refused.data, RESOURCE_METADATA: metadata_url(resource), SCOPE: USUAL_SCOPE}
    return refused
