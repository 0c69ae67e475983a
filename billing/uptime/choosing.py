"""Whose uptime is counted: tenants that show it to everybody, and those to whom their plan promises it."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from billing.plans.models import Entitlement
from billing.uptime.models import StatusPage, UptimeDay, UptimeWatch, WatchedEndpoint
from core.tenancy import tenant_context
from tenants.models import TenantSlug

# A year's worth of days, and the longest month before.
KEPT = timedelta(days=400)


def uptime_choose() -> int:
    """Decides for every tenant anew, and forgets what is too old; returns how many are watched."""
    tenants = set(TenantSlug.objects.values_list("tenant_id", flat=True))
    return sum(_choose_one(tenant_id) for tenant_id in tenants)


def uptime_watch(tenant_id: UUID) -> None:
    """Has the uptime of a tenant's endpoints counted from the next look on."""
    UptimeWatch.objects.get_or_create(tenant_id=tenant_id)


def _choose_one(tenant_id: UUID) -> bool:
    with tenant_context(tenant_id):
        wanted = is_watched(tenant_id)
        if wanted:
            uptime_watch(tenant_id)
        else:
            UptimeWatch.objects.filter(tenant_id=tenant_id).delete()
            WatchedEndpoint.objects.filter(until=None).update(until=timezone.now())
        old = timezone.now() - KEPT
        UptimeDay.objects.filter(day__lt=old.date()).delete()
        WatchedEndpoint.objects.filter(until__lt=old).delete()
    return wanted


def is_watched(tenant_id: UUID) -> bool:
    """Whether anything asks for a tenant's uptime. Inside its context."""
    is_promised = Entitlement.objects.filter(tenant_id=tenant_id, sla=True).exists()
    return is_promised or StatusPage.objects.filter(tenant_id=tenant_id, published=True).exists()
