"""What `armstrong audit export` asks of the platform: a tenant's audit log, for whoever may use its machine."""

from collections.abc import Iterator

from config.problems import Problem
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, tenant_id_for
from tenants.audit.reading import audit_export
from tenants.models import Role, Tenant


def exported(slug: str, form: str, after: int) -> Iterator[str]:
    """The lines of an export of the tenant that `slug` names. Raises Problem."""
    try:
        with tenant_context(tenant_id_for(slug)):
            actor = Actor(tenant=Tenant.objects.get(), role=Role.OWNER)
        return audit_export(actor=actor, form=form, after=after)
    except Refused as refused:
        raise Problem(str(refused)) from None
