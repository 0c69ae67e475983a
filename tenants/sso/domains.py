"""Domains of mail addresses: claimed by a tenant, proven by a TXT record, one tenant's at most.

A tenant's providers speak for the addresses at its verified domains and for no others.
"""

from uuid import UUID

from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.domain_proof import Proof, look_noted, name_taken, new_token, normal_domain
from tenants.models import SsoDomain, SsoDomainHolder
from tenants.validation import cleaned, refused_fields

PREFIX = "armstrong-domain-verification="
MAXIMUM_DOMAINS = 50


def domain_of(email: str) -> str:
    """The domain of a mail address, as it is compared; "" for what is no address."""
    local, at, domain = email.rpartition("@")
    return normal_domain(domain) if at and local else ""


def proof_of(domain: SsoDomain) -> Proof:
    """The TXT record that proves a domain."""
    return Proof(domain.name, f"{PREFIX}{domain.token}")


def domain_add(*, actor: Actor, name: str) -> SsoDomain:
    """Claims a domain, which counts for nothing until it is verified. Runs inside the tenant's context.

    Raises Refused: INVALID_INPUT, CONFLICT for one that is claimed here already, LIMIT_REACHED, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    normal = normal_domain(name)
    if not normal:
        raise refused_fields({"name": "Enter a domain, such as example.com."})
    if SsoDomain.objects.count() >= MAXIMUM_DOMAINS:
        raise Refused(refusals.LIMIT_REACHED, f"There are at most {MAXIMUM_DOMAINS} domains.")
    domain = cleaned(SsoDomain(tenant=actor.tenant, name=normal, token=new_token()))
    domain.save(force_insert=True)
    return domain


def domain_verify(*, actor: Actor, domain_id: UUID) -> SsoDomain:
    """Looks for the domain's TXT record. Opens contexts of its own, and asks DNS between them.

    Raises Refused: CONFLICT where the record is missing, or another tenant has verified the domain;
    TEMPORARILY_UNAVAILABLE where DNS does not answer; NOT_FOUND, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    with tenant_context(actor.tenant.id):
        domain = domain_for(domain_id)
    refused = proof_of(domain).missing()
    with tenant_context(actor.tenant.id):
        domain = domain_for(domain_id, locked=True)
        now = timezone.now()
        refused = refused or name_taken(SsoDomainHolder.objects, domain.name, domain.tenant_id)
        look_noted(domain, refused, now)
        if refused is None:
            domain.verified_at, domain.missing_since = domain.verified_at or now, None
        domain.save()
    if refused is not None:
        raise refused
    return domain


def domain_remove(*, actor: Actor, domain_id: UUID) -> None:
    """Gives a domain up: providers of this tenant vouch for its addresses no more, and another tenant may verify it.

    Runs inside the tenant's context. Raises Refused: NOT_FOUND, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_TENANT)
    domain = domain_for(domain_id, locked=True)
    SsoDomainHolder.objects.filter(name=domain.name, tenant_id=actor.tenant.id).delete()
    domain.delete()


def domains_forget(tenant_id: UUID) -> None:
    """Frees all domains of a tenant that is gone."""
    SsoDomainHolder.objects.filter(tenant_id=tenant_id).delete()


def domain_for(domain_id: UUID, *, locked: bool = False) -> SsoDomain:
    """A domain of the tenant in context; raises Refused(NOT_FOUND)."""
    rows = SsoDomain.objects.select_for_update() if locked else SsoDomain.objects
    found = rows.filter(pk=domain_id).first()
    if found is None:
        raise Refused(refusals.NOT_FOUND)
    return found


def holder_of(email: str) -> UUID | None:
    """The tenant that has verified the domain of an address, if one has."""
    return SsoDomainHolder.objects.filter(name=domain_of(email)).values_list("tenant_id", flat=True).first()
