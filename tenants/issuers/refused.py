"""Tokens that workers refused: how often and why, as far as whoever manages a tenant has to know."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import Max, Sum

from tenants.access import Actor, Permission
from tenants.authorization.trusted import NOBODYS, REFUSED_DAYS
from tenants.models import TokenRefusal

UNKNOWN = UUID(NOBODYS)

# By the check that failed, as a trial of a token names it.
REASONS = {
    "form": "They are too long, or no tokens.",
    "typ": "They are of another type, such as ID tokens, or plain JWTs that are not taken.",
    "alg": "They are signed by an algorithm that is not accepted.",
    "kid": "They name a key that is not among those of the issuer that are known.",
    "signature": "They are not signed by the key that they name.",
    "iss": "Nobody here trusts the issuer that they name.",
    "exp": "They had ended, do not say when they end, or would live too long.",
    "iat": "They were issued later than now.",
    "nbf": "They are not good yet.",
    "aud": "They are for something else.",
    "email": "They name no mail address that the issuer has verified.",
    "scope": "Nothing that they may do means anything here, or the role of their member does not give it.",
    "cnf": "They are bound to a key in a way that cannot be proved here.",
    "member": "No active member is known by what they say.",
    "cut off": "Who bears them, or the issuer, was put out after they were issued.",
    "endpoint": "The endpoint does not take tokens of trusted issuers.",
}


@dataclass(frozen=True, slots=True)
class Refusals:
    """Tokens of one issuer that failed one check; `issuer_id` is None for issuers that nobody here trusts."""

    issuer_id: UUID | None
    check: str
    sentence: str
    times: int
    last_at: datetime


def tokens_refused(actor: Actor, *issuers: UUID) -> list[Refusals]:
    """What was refused in the last 30 days, of these issuers or of all; the last first. Inside the tenant's context.

    Raises Refused(PERMISSION_DENIED).
    """
    actor.require(Permission.MANAGE_TENANT)
    since = datetime.now(UTC).date() - timedelta(days=REFUSED_DAYS)
    rows = TokenRefusal.objects.filter(day__gt=since)
    if issuers:
        rows = rows.filter(issuer_id__in=issuers)
    summed = rows.values("issuer_id", "reason").annotate(sum=Sum("times"), last=Max("last_at"))
    return [
        Refusals(
            issuer_id=row["issuer_id"] if row["issuer_id"] != UNKNOWN else None,
            check=row["reason"],
            sentence=REASONS.get(row["reason"], f"They have no claim {row['reason']} that says who somebody is."),
            times=row["sum"],
            last_at=row["last"],
        )
        for row in summed.order_by("-last", "reason")
    ]
