"""How long calls are kept one by one: as the tenant's tier says. Their sums stay."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import connection
from django.utils import timezone

from billing.ledger.models import UsageKept, UsageWatermark
from billing.ledger.partitions import partitions_drop
from billing.ledger.summing import lock_sums, usage_sum
from billing.plans.models import Entitlement
from billing.plans.selling import longest_days
from core.tenancy import tenant_context
from tenants.models import TenantSlug

# Not what is still to be summed: a call and the mark of its hour commit together, so one statement sees both.
_DELETE = """
    DELETE FROM billing_usageevent e WHERE e.tenant_id = %s AND e.at < %s AND NOT EXISTS (
        SELECT FROM billing_usagedue d WHERE d.tenant_id = e.tenant_id AND d.hour = date_trunc('hour', e.at, 'UTC')
    )
"""


def usage_expire() -> int:
    """Deletes the calls that no tier, or their tenant's tier, keeps any longer; returns how many rows went.

    Days that no tier keeps are dropped whole. Raises OperationalError where readers keep one of those busy.
    """
    usage_sum()
    now = timezone.now()
    tenant_ids = set(TenantSlug.objects.values_list("tenant_id", flat=True))
    deleted = sum(_expire(tenant_id, now) for tenant_id in tenant_ids)
    UsageWatermark.objects.filter(updated_at__lt=now - timedelta(days=longest_days())).delete()
    partitions_drop()
    return deleted


def _expire(tenant_id: UUID, now: datetime) -> int:
    with tenant_context(tenant_id):
        held = Entitlement.objects.first()
        if held is None or held.usage_days >= longest_days():
            return 0
        lock_sums(tenant_id)
        since = now.replace(minute=0, second=0, microsecond=0) - timedelta(days=held.usage_days)
        with connection.cursor() as cursor:
            cursor.execute(_DELETE, [tenant_id, since])
            deleted = int(cursor.rowcount)
        # An upgrade brings back nothing that was deleted before it.
        known = UsageKept.objects.first()
        if known is None or known.since < since:
            UsageKept.objects.update_or_create(tenant_id=tenant_id, defaults={"since": since})
    return deleted
