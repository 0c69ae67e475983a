"""Whose a host is: by a tenant's slug below the platform's domain, or by the directory of verified ones."""

from uuid import UUID

from django.conf import settings

from tenants.hosts.addressing import Hosting
from tenants.models import HostHolder, TenantSlug


def hosting() -> Hosting:
    """Where tenants' hosts are."""
    return Hosting(settings.RUNTIME_URL, settings.TENANT_DOMAIN)


def hosts_of(tenant_id: UUID) -> list[str]:
    """Every host of a tenant: under its slugs, of now and former ones, and those that it verified."""
    where = hosting()
    slugs = TenantSlug.objects.filter(tenant_id=tenant_id).order_by("created_at", "slug") if where.domain else []
    brought = HostHolder.objects.filter(tenant_id=tenant_id).order_by("name").values_list("name", flat=True)
    return [*(where.host_of(row.slug) for row in slugs), *brought]


def is_host_of(host: str, tenant_id: UUID) -> bool:
    """Whether a host is a tenant's."""
    slug = hosting().slug_at(host)
    if slug:
        return TenantSlug.objects.filter(slug=slug, tenant_id=tenant_id).exists()
    return HostHolder.objects.filter(name=host, tenant_id=tenant_id).exists()
