"""What is used up goes: codes, devices' codes, refresh tokens, and grants that nobody will ask about any more.

What tells a second use from a guess stays as long as its grant lives: the code that it began with, and its refresh
tokens until each would have run out. Each tenant in a context of its own, in bounded portions.
"""

from datetime import timedelta
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from django.utils import timezone

from core.tenancy import tenant_context
from tenants.models import AuthorizationCode, ClientGrant, DeviceCode, RefreshToken, TenantSlug

MOST_AT_ONCE = 5_000
# A grant whose client never came for its tokens: the code that it came by has long run out.
UNUSED_KEPT = timedelta(days=1)
# An ended grant is shown nowhere; the audit log keeps what it was. Its access tokens died within the hour.
ENDED_KEPT = timedelta(days=30)


def used_up_purge() -> int:
    """Deletes what is used up, of every tenant; how many rows that were."""
    return sum(tenant_purge(tenant_id) for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)))


def tenant_purge(tenant_id: UUID) -> int:
    """The same of one tenant. Opens its context."""
    now = timezone.now()
    is_over = Q(revoked_at__lt=now - ENDED_KEPT) | Q(expires_at__lt=now - ENDED_KEPT)
    is_unused = Q(last_used_at=None, created_at__lt=now - UNUSED_KEPT)
    is_ended = Q(grant__revoked_at__isnull=False)
    with tenant_context(tenant_id):
        codes = _deleted(AuthorizationCode.objects.filter(is_ended | Q(used_at=None, expires_at__lt=now)))
        devices = _deleted(DeviceCode.objects.filter(is_ended | Q(used_at=None, expires_at__lt=now)))
        refreshes = _deleted(RefreshToken.objects.filter(is_ended | Q(expires_at__lt=now)))
        return codes + devices + refreshes + _deleted(ClientGrant.objects.filter(is_over | is_unused))


def _deleted[M: Model](rows: QuerySet[M]) -> int:
    picked = rows.order_by("pk").values("pk")[:MOST_AT_ONCE]
    return rows.filter(pk__in=picked).delete()[0]
