"""Hosts are looked at again: one whose record stays away is withdrawn, since the name may be somebody else's by now."""

from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from core.refusals import Refused
from core.tenancy import tenant_context
from mcp_runtime.services.hosts import next_look, proof_of
from mcp_runtime.services.withdrawing import host_withdraw
from tenants.domain_proof import is_missing_too_long
from tenants.models import EndpointHost, HostHolder

LOOKED_AT_ONCE = 50
# Until a record that was missing, or DNS that did not answer, is asked for again.
AGAIN = timedelta(hours=1)


def hosts_look() -> int:
    """Looks for the records of hosts whose turn it is; returns how many. Opens contexts of its own."""
    due = HostHolder.objects.filter(look_at__lte=timezone.now()).order_by("look_at")
    looked = list(due.values_list("name", "tenant_id")[:LOOKED_AT_ONCE])
    for name, tenant_id in looked:
        _look(name, tenant_id)
    return len(looked)


def _look(name: str, tenant_id: UUID) -> None:
    with tenant_context(tenant_id):
        host = EndpointHost.objects.filter(name=name).first()
    if host is None:
        # Its tenant was purged.
        HostHolder.objects.filter(name=name, tenant_id=tenant_id).delete()
        return
    missing = proof_of(host).missing()
    with tenant_context(tenant_id):
        # Released, or verified anew, while DNS was asked.
        again = EndpointHost.objects.select_for_update().filter(pk=host.pk, token=host.token).first()
        if again is not None and again.verified_at == host.verified_at:
            _note(again, missing)


def _note(host: EndpointHost, missing: Refused | None) -> None:
    now = timezone.now()
    if is_missing_too_long(host, missing, now):
        host.withdrawn_at = now
        host_withdraw(host)
    look_at = next_look(now) if missing is None else now + AGAIN
    HostHolder.objects.filter(name=host.name, tenant_id=host.tenant_id).update(look_at=look_at)
    host.save()
