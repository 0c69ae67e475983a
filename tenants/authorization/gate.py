"""What workers know of a tenant in order to let people in. Without Django: the console writes it, workers read it."""

from typing import Any

import msgspec

ALGORITHM = "ES256"
ACCESS_TOKEN_TYPE = "at+jwt"  # noqa: S105  RFC 9068 section 2.1, no secret
# No access token lives longer, so that what was cut off before can be forgotten.
MAXIMUM_TOKEN_SECONDS = 3_600
# Nor does one of another issuer: what was cut off is remembered for as long, so that nothing comes back to life.
MAXIMUM_TRUSTED_SECONDS = 86_400
READ_SCOPE = "mcp:read"
CALL_SCOPE = "mcp:call"

# Whose access tokens an endpoint takes: our own authorization server's, trusted issuers', or both.
OWN, TRUSTED, BOTH = "own", "trusted", "both"
# Who a subject is here.
EXTERNAL, BY_SSO, BY_EMAIL = "external", "sso", "email"


class Trusted(msgspec.Struct, frozen=True, omit_defaults=True):
    """An issuer that a tenant trusts, as workers know it. `revision` rises with each change but that of its keys.

    Tokens are for `audience`, or where that is empty for the address of the endpoint. `scopes` and `groups` say what
    values of the claims of these names mean here: a scope of ours, a group's id.
    """

    id: str
    revision: int
    issuer: str
    keys: list[dict[str, Any]] = []
    algorithms: list[str] = []
    audience: str = ""
    takes_plain: bool = False
    people: str = EXTERNAL
    connection: str = ""
    subject_claim: str = "sub"
    scope_claim: str = "scope"
    scopes: dict[str, str] = {}
    default_scope: str = ""
    groups_claim: str = ""
    groups: dict[str, str] = {}


class Gate(msgspec.Struct, frozen=True, omit_defaults=True):
    """`keys` are JSON Web Keys; `cutoffs` maps subjects to seconds since the epoch, infinite ones as a large number.

    `trusted` are issuers beside our own; `slugs` are the names of the tenant in its endpoints' addresses, of now and
    former ones. Endpoints may be called from `networks` (CIDR) alone, from everywhere where
    there are none.
    """

    version: int = 0
    issuers: list[str] = []
    keys: list[dict[str, Any]] = []
    cutoffs: dict[str, float] = {}
    networks: list[str] = []
    trusted: list[Trusted] = []
    slugs: list[str] = []


encode = msgspec.json.Encoder().encode
decode = msgspec.json.Decoder(Gate).decode


def grants(granted: frozenset[str], needed: str) -> bool:
    """Whether what was granted covers `needed`: a scope implies those that begin with it and a colon; and who may
    call may read.
    """
    if needed in granted or (needed == READ_SCOPE and CALL_SCOPE in granted):
        return True
    return any(needed.startswith(f"{scope}:") for scope in granted)
