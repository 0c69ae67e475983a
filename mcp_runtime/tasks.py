"""Periodic work on endpoints."""

from celery import shared_task
from django.utils import timezone

from core.tenancy import tenant_context
from mcp_runtime.models import EndedSession
from tenants.models import TenantSlug


@shared_task(name="mcp_runtime.purge_ended_sessions")
def purge_ended_sessions() -> int:
    """Forgets ended sessions whose token has expired by now; returns how many."""
    purged = 0
    for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)):
        with tenant_context(tenant_id):
            purged += EndedSession.objects.filter(expires_at__lte=timezone.now()).delete()[0]
    return purged
