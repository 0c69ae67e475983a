"""Which endpoints tokens may be for: the URLs under which a tenant's endpoints are known."""

from dataclasses import dataclass
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from mcp_runtime.addresses import mcp_url
from mcp_runtime.host_selectors import HOME, endpoint_at_host
from mcp_runtime.models import Access, Endpoint
from tenants.authorization.issuers import host_asked
from tenants.authorization.resources import Resource
from tenants.hosts.directory import hosting
from tenants.models import TenantSlug
from tenants.models.tenant import is_slug

MOST_SHOWN = 300
_TRANSPORTS = frozenset({("mcp",), ("sse",), ("ws",), ("preview", "mcp"), ("preview", "sse"), ("preview", "ws")})


@dataclass(frozen=True, slots=True)
class EndpointResources:
    """The endpoints of a tenant; asked inside its context."""

    tenant_id: UUID

    def named(self, url: str) -> Resource | None:
        """The endpoint at `url`, by the tenant's slug of now or a former one; None for any other URL."""
        steps = _steps(url)
        if steps is None:
            return resource_at_host(self.tenant_id, url)
        if not TenantSlug.objects.filter(slug=steps[0], tenant_id=self.tenant_id).exists():
            return None
        endpoint = Endpoint.objects.filter(slug=steps[1]).exclude(access=Access.OPEN).first()
        canonical = f"{settings.RUNTIME_URL}/t/{'/'.join(steps)}"
        return None if endpoint is None else Resource(canonical, endpoint.pk, endpoint.name)

    def is_at(self, url: str, endpoint: Endpoint) -> bool:
        """Whether a URL is one of the endpoint's."""
        found = self.named(url)
        return found is not None and found.endpoint_id == endpoint.pk

    def all(self) -> list[Resource]:
        """The endpoints to let people in to, by name; at a host, those that are there."""
        rows = Endpoint.objects.select_related("tenant").exclude(access=Access.OPEN).order_by("name", "pk")
        if host := host_asked():
            return self._all_at(host, list(rows[:MOST_SHOWN]))
        return [Resource(mcp_url(row.tenant.slug, row.slug), row.pk, row.name) for row in rows[:MOST_SHOWN]]

    def _all_at(self, host: str, rows: list[Endpoint]) -> list[Resource]:
        where = hosting()
        if not where.slug_at(host):
            found = resource_at_host(self.tenant_id, where.url(host, HOME))
            return [found] if found else []
        paths = [HOME if row.is_default else f"/{row.slug}{HOME}" for row in rows]
        return [Resource(where.url(host, path), row.pk, row.name) for path, row in zip(paths, rows, strict=True)]


def resource_at_host(tenant_id: UUID, url: str) -> Resource | None:
    """The endpoint at a URL of one of the tenant's hosts."""
    found = endpoint_at_host(tenant_id, url)
    if found is None or found[1].access == Access.OPEN:
        return None
    return Resource(found[0], found[1].pk, found[1].name)


def _steps(url: str) -> list[str] | None:
    """Tenant, endpoint and transport in an endpoint's URL (RFC 8707 section 2: absolute, no fragment)."""
    try:
        parts, runtime = urlsplit(url), urlsplit(settings.RUNTIME_URL)
        same = (parts.scheme, parts.hostname, parts.port) == (runtime.scheme, runtime.hostname, runtime.port)
    except ValueError:
        return None
    if not same or "@" in parts.netloc or "?" in url or "#" in url:
        return None
    match parts.path.removeprefix(runtime.path).removesuffix("/").split("/"):
        case ["", "t", tenant, endpoint, *_preview, _transport] as steps if is_slug(tenant) and is_slug(endpoint):
            return steps[2:] if tuple(steps[4:]) in _TRANSPORTS else None
    return None
