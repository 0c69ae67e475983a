"""What is at a tenant's hosts. Inside its context."""

from uuid import UUID

from mcp_runtime.models import Endpoint
from tenants.hosts.addressing import at
from tenants.hosts.directory import hosting, is_host_of
from tenants.models import EndpointHost, HostHolder

# The path at which the endpoint is that a host itself stands for.
HOME = "/mcp"


def default_endpoint() -> Endpoint | None:
    """The endpoint at the tenant's host itself: the one that was chosen, or the only one."""
    rows = list(Endpoint.objects.order_by("-is_default", "slug")[:2])
    return rows[0] if rows and (rows[0].is_default or len(rows) == 1) else None


def endpoint_at_host(tenant_id: UUID, url: str) -> tuple[str, Endpoint] | None:
    """The canonical form of a URL at one of the tenant's hosts, and the endpoint that is there; None for any other."""
    where = hosting()
    split = where.split(url.removesuffix("/"))
    if split is None or not is_host_of(split[0], tenant_id):
        return None
    host, path = split
    is_tenants = bool(where.slug_at(host))
    meant = at(path, is_tenants=is_tenants)
    if meant is None:
        return None
    if not is_tenants:
        held = HostHolder.objects.filter(name=host, tenant_id=tenant_id).values_list("endpoint_id", flat=True)
        endpoint = Endpoint.objects.filter(pk__in=held).first()
    else:
        endpoint = Endpoint.objects.filter(slug=meant.endpoint).first() if meant.endpoint else default_endpoint()
    return (where.url(host, path), endpoint) if endpoint else None


def hosts_with_endpoints() -> list[tuple[EndpointHost, Endpoint]]:
    """The hosts that the tenant brought along, by name, each with its endpoint."""
    hosts = list(EndpointHost.objects.order_by("name"))
    endpoints = Endpoint.objects.in_bulk([host.endpoint for host in hosts])
    return [(host, endpoints[host.endpoint]) for host in hosts if host.endpoint in endpoints]


def hosts_in_trouble() -> list[EndpointHost]:
    """Hosts whose record is missing, or that were withdrawn for it, by name."""
    return list(EndpointHost.objects.exclude(missing_since=None).order_by("name"))
