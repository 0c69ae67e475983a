"""Verified domains, looked at once a day: one whose record is gone is warned of, and counts no more in the end."""

import logging
from datetime import timedelta
from uuid import UUID

from django.utils import timezone

from core.tenancy import tenant_context
from tenants.dns import LookupFailed, texts_at
from tenants.models import SsoDomain, SsoDomainHolder
from tenants.sso.domains import record_name, record_text

logger = logging.getLogger(__name__)

# Long enough for somebody to see it and to put the record back; a domain that was sold is another's by then.
GRACE = timedelta(days=7)


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
    try:
        is_there = record_text(domain) in texts_at(record_name(domain))
    except LookupFailed as failed:
        logger.warning("A domain was not looked at again: %s", failed)
        return False
    with tenant_context(tenant_id):
        _noted(domain_id, is_there=is_there)
    return not is_there


def _noted(domain_id: UUID, *, is_there: bool) -> None:
    domain = SsoDomain.objects.select_for_update().filter(pk=domain_id).exclude(verified_at=None).first()
    if domain is None:  # given up meanwhile
        return
    domain.checked_at = timezone.now()
    domain.missing_since = None if is_there else domain.missing_since or domain.checked_at
    domain.last_error = "" if is_there else f"The TXT record at {record_name(domain)} is gone."
    if domain.missing_since is not None and domain.missing_since + GRACE <= domain.checked_at:
        domain.verified_at, domain.missing_since = None, None
        SsoDomainHolder.objects.filter(name=domain.name, tenant_id=domain.tenant_id).delete()
    domain.save()
