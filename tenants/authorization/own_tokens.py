"""Access tokens of our own, presented to us: what one says, as long as it is good."""

import time
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from tenants.authorization.gate import ACCESS_TOKEN_TYPE, ALGORITHM
from tenants.authorization.issuers import issuers_of
from tenants.authorization.signing import public_keys
from tenants.models import Cutoff


@dataclass(frozen=True, slots=True)
class OwnToken:
    """An access token of the tenant's, which is good."""

    claims: dict[str, Any]

    @property
    def subjects(self) -> list[str]:
        """What may have been cut off, as workers look at it."""
        client = f"client:{self.claims['client_id']}"
        is_client = self.claims["sub"] == self.claims["client_id"]
        return [f"grant:{self.claims['grant']}", client, *([] if is_client else [f"member:{self.claims['sub']}"])]


def read(tenant_id: UUID, token: str) -> OwnToken | None:
    """What a good access token of the tenant in context says; None for any other text."""
    try:
        keys = KeySet.import_key_set({"keys": public_keys(tenant_id)})
        found = jwt.decode(token, keys, algorithms=[ALGORITHM])
    except (JoseError, ValueError, TypeError, RecursionError):
        return None
    claims = found.claims
    is_ours = found.header.get("typ") == ACCESS_TOKEN_TYPE and claims.get("iss") in issuers_of(tenant_id)
    if not is_ours or claims["exp"] <= time.time():
        return None
    read = OwnToken(claims)
    cut = Cutoff.objects.filter(subject__in=read.subjects).values_list("at", flat=True)
    return None if any(moment.timestamp() >= claims["iat"] for moment in cut) else read
