"""Limits agreed with one tenant, which operators set: its plan's hold for everything else."""

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import Tenant, TenantSlug
from tenants.models.tenant import MAXIMUM_CONNECTIONS
from tenants.validation import refused_fields


def connection_limit_set(*, slug: str, limit: int | None) -> None:
    """Lets a tenant hold `limit` connections open; None gives it its plan's limit back. Opens its own context.

    Workers hear of it at once; connections above it stay open, and no further ones are opened.
    Raises Refused: NOT_FOUND; INVALID_INPUT for a limit below 1 or beyond what anyone could mean.
    """
    if limit is not None and not 1 <= limit <= MAXIMUM_CONNECTIONS:
        raise refused_fields({"limit": f"Choose 1 to {MAXIMUM_CONNECTIONS:,} connections."})
    found = TenantSlug.objects.filter(slug=slug).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    with tenant_context(found.tenant_id):
        Tenant.objects.filter(pk=found.tenant_id).update(connection_limit=limit)
