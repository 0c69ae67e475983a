"""Whose uptime is counted: tenants that show it to everybody, and those to whom their plan promises it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from billing.uptime.models import StatusPage, UptimeDay, UptimeDue, UptimePromise, UptimeWatch, WatchedEndpoint
from billing.uptime.recording import KEPT, LOOK_BACK
from core.tenancy import tenant_context
from tenants.models import Tenant


def uptime_choose(now: datetime | None = None) -> int:
    """Ends watches that nobody asks for any more, and forgets what is too old; returns how many tenants are watched."""
    tenants = list(UptimeWatch.objects.values_list("tenant_id", flat=True))
    return sum(_choose_one(tenant_id, now or timezone.now()) for tenant_id in tenants)


def uptime_watch(tenant_id: UUID) -> None:
    """Has the uptime of a tenant's endpoints counted from the next look on."""
    UptimeWatch.objects.update_or_create(tenant_id=tenant_id, defaults={"ended_at": None})


def _choose_one(tenant_id: UUID, now: datetime) -> bool:
    with tenant_context(tenant_id):
        # Held before it is asked: who begins to ask for it meanwhile comes after, and has it watched again.
        watch = UptimeWatch.objects.select_for_update().filter(tenant_id=tenant_id).first()
        if watch is None:
            return False
        wanted = _is_wanted(tenant_id, now)
        if not wanted and watch.ended_at is None:
            watch.ended_at = now
            watch.save(update_fields=["ended_at"])
            WatchedEndpoint.objects.filter(until=None).update(until=now)
        if watch.ended_at is not None:
            UptimeDue.objects.filter(tenant_id=tenant_id).delete()
        _forget(watch, now)
    return wanted


def _is_wanted(tenant_id: UUID, now: datetime) -> bool:
    """Whether anything asks for a tenant's uptime, or did until just now: the last calls may not be shipped yet."""
    promises = UptimePromise.objects.filter(Q(until=None) | Q(until__gt=now - LOOK_BACK), tenant_id=tenant_id)
    return promises.exists() or StatusPage.objects.filter(tenant_id=tenant_id, published=True).exists()


def _forget(watch: UptimeWatch, now: datetime) -> None:
    old = now - KEPT
    UptimeDay.objects.filter(day__lt=old.date()).delete()
    WatchedEndpoint.objects.filter(until__lt=old).delete()
    UptimePromise.objects.filter(until__lt=old).delete()
    is_over = watch.ended_at is not None and watch.ended_at < old and not watch.is_owed
    if is_over or not Tenant.objects.exists():
        UptimeDue.objects.filter(tenant_id=watch.tenant_id).delete()
        watch.delete()
