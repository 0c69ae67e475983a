"""What workers know of a tenant in order to let people in. Without Django: the console writes it, workers read it."""

from typing import Any

import msgspec

ALGORITHM = "ES256"
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  RFC 9068 section 2.1, no secret
# No access token lives longer, so that what was cut off before can be forgotten.
MAXIMUM_TOKEN_SECONDS = 3_600
READ_SCOPE = "mcp:read"
CALL_SCOPE = "mcp:call"


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """`keys` are JSON Web Keys; `cutoffs` maps subjects to seconds since the epoch, infinite ones as a large number.

    Endpoints may be called from `networks` (CIDR) alone, from everywhere where there are none.
    """

    version: int = 0
    issuers: list[str] = []
    keys: list[dict[str, Any]] = []
    cutoffs: dict[str, float] = {}
    networks: list[str] = []


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Gate).decode


def grants(granted: frozenset[str], needed: str) -> bool:
    """Whether what was granted covers `needed`: a scope implies those that begin with it and a colon; and who may
    call may read.
    """
    if needed in granted or (needed == READ_SCOPE and CALL_SCOPE in granted):
        return True
    return any(needed.startswith(f"{scope}:") for scope in granted)
