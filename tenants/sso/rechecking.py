"""Verified domains, looked at once a day: one whose record is gone is warned of, and counts no more in the end."""

from uuid import UUID

from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.domain_proof import is_missing_too_long
from tenants.models import SsoDomain, SsoDomainHolder
from tenants.sso.domains import proof_of


def domains_recheck() -> int:
    """Looks for the record of every verified domain; how many are missing theirs. Opens contexts of its own."""
    tenants = set(SsoDomainHolder.objects.values_list("tenant_id", flat=True))
    return sum(tenant_recheck(tenant_id) for tenant_id in tenants)


def tenant_recheck(tenant_id: UUID) -> int:
    """The same of one tenant's."""
    return sum(_recheck(tenant_id, domain_id) for domain_id in _verified(tenant_id))


def _verified(tenant_id: UUID) -> list[UUID]:
    with tenant_context(tenant_id):
        return list(SsoDomain.objects.exclude(verified_at=None).values_list("pk", flat=True))


def _recheck(tenant_id: UUID, domain_id: UUID) -> bool:
    with tenant_context(tenant_id):
        domain = SsoDomain.objects.filter(pk=domain_id).first()
    if domain is None:
        return False
    missing = proof_of(domain).missing()
    with tenant_context(tenant_id):
        _note(domain_id, missing)
    return missing is not None and missing.refusal is refusals.CONFLICT


def _note(domain_id: UUID, missing: Refused | None) -> None:
    domain = SsoDomain.objects.select_for_update().filter(pk=domain_id).exclude(verified_at=None).first()
    if domain is None:  # given up meanwhile
        return
    if is_missing_too_long(domain, missing, timezone.now()):
        domain.verified_at, domain.missing_since = None, None
        SsoDomainHolder.objects.filter(name=domain.name, tenant_id=domain.tenant_id).delete()
    domain.save()
