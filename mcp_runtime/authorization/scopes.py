"""What an access token's scopes allow (2026-07-28, basic/authorization: scopes imply narrower ones)."""

import functools

from core import refusals
from core.refusals import Refused
from mcp_runtime.authorization.challenges import CHALLENGE, RESOURCE_METADATA, SCOPE, metadata_url
from mcp_runtime.authorization.dpop import SCHEME
from mcp_runtime.protocol.served import Principal
from tenants.authorization.gate import CALL_SCOPE, READ_SCOPE, grants

_CALLING = ("tools/call", "tasks/")


def require_scope(principal: Principal, method: str) -> None:
    """Raises Refused(INSUFFICIENT_SCOPE), which names the scope that would do, unless the token covers the method."""
    needed = CALL_SCOPE if method.startswith(_CALLING) else READ_SCOPE
    if not _covers(principal.scopes or frozenset(), needed):
        told = {SCOPE: needed}
        if principal.resource:
            told[RESOURCE_METADATA] = metadata_url(principal.resource)
        if principal.bound_to:
            told[CHALLENGE] = SCHEME
        raise Refused(refusals.INSUFFICIENT_SCOPE, f"This needs the scope {needed}.", told)


_covers = functools.lru_cache(maxsize=4_096)(grants)
