"""Withdrawing hosts, and telling workers which endpoints are at a tenant's hosts. Inside the tenant's context."""

from uuid import UUID

from core.channels import ENDPOINTS_CHANNEL
from core.events import notify
from mcp_runtime.models import Endpoint
from mcp_runtime.snapshots.structs import EndpointChanged, encode
from tenants.authorization.grants import grants_end_at
from tenants.authorization.publishing import gate_publish
from tenants.hosts.directory import hosting
from tenants.models import EndpointHost, HostHolder


def host_withdraw(host: EndpointHost) -> None:
    """Frees a host's name, ends what was granted there, and tells the workers. Its row is locked, and not saved."""
    tenant_id = host.tenant_id
    held = HostHolder.objects.filter(name=host.name, tenant_id=tenant_id).delete()[0]
    host.verified_at = None
    if held:
        grants_end_at(tenant_id=tenant_id, origin=hosting().url(host.name), reason="its host was given up")
        hosts_publish(tenant_id)


def hosts_forget(endpoint: Endpoint) -> None:
    """Gives up all hosts of an endpoint that is about to be deleted."""
    for host in EndpointHost.objects.select_for_update().filter(endpoint=endpoint.pk):
        host_withdraw(host)
        host.delete()


def hosts_announce(tenant_id: UUID) -> None:
    """Tells the workers, on commit, that other endpoints may be at a tenant's hosts."""
    notify(ENDPOINTS_CHANNEL, encode(EndpointChanged(tenant_id=str(tenant_id), hosts=True)).decode())


def hosts_publish(tenant_id: UUID) -> None:
    """Has workers know which hosts are a tenant's, on commit: where they lead, and whose tokens they take."""
    gate_publish(tenant_id)
    hosts_announce(tenant_id)
