"""Tokens of others that are good once: SAML assertions, logout tokens, client assertions, ID-JAGs."""

import hashlib
from datetime import datetime
from uuid import UUID

from django.utils import timezone

from tenants.models import SeenAssertion

MAXIMUM_FORGOTTEN = 1_000


def first_time(*, tenant_id: UUID, kind: str, token: str, expires_at: datetime) -> bool:
    """Whether a token is seen for the first time in the tenant in context; from now on it is not.

    `kind` says whose and which it is (issuer and `jti`, say, go into `token`). `expires_at` is when the token itself
    is refused for its age, with the leeway that its reader allows: until then it has to be remembered. Two that come at
    once are told apart by PostgreSQL's unique index: one of them is first.
    """
    digest = hashlib.sha256(f"{kind}\0{token}".encode("utf-8", "surrogatepass")).hexdigest()
    _forget_expired()
    row = SeenAssertion(tenant_id=tenant_id, digest=digest, expires_at=expires_at)
    SeenAssertion.objects.bulk_create([row], ignore_conflicts=True)
    return SeenAssertion.objects.filter(pk=row.pk).exists()


def _forget_expired() -> None:
    # Whoever adds one clears away: what is remembered stays as small as what is good.
    old = SeenAssertion.objects.filter(expires_at__lte=timezone.now()).values("pk")[:MAXIMUM_FORGOTTEN]
    SeenAssertion.objects.filter(pk__in=old).delete()
