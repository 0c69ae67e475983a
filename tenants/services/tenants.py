"""Tenants: create, rename, transfer, delete with a grace period, restore, purge."""

import re
import secrets
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from core import refusals
from core.channels import ENDPOINTS_CHANNEL
from core.events import notify
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.authorization.publishing import gate_publish
from tenants.issuers.services import issuers_forget
from tenants.models import ApiKey, HostHolder, Membership, Role, Tenant, TenantPurgeDue, TenantSlug, User
from tenants.sso.domains import domains_forget
from tenants.validation import cleaned, refused_fields
from tenants.vault.revocations import tenant_forget

GRACE = timedelta(days=14)
RESERVED_SLUGS = frozenset(
    {
        "account",
        "accounts",
        "admin",
        "api",
        "connections",
        "docs",
        "new",
        "setup",
        "signed-out",
        "static",
        "status",
        "support",
        "www",
    }
)


def tenant_create(*, owner: User, name: str, slug: str = "") -> Tenant:
    """Makes a tenant with `owner` as its owner. Without a slug, one is made from the name.

    Opens a tenant context of its own. Raises Refused(CONFLICT) for a slug in use, now or formerly.
    """
    if slug:
        return _create(owner, name, slug)
    try:
        return _create(owner, name, _slug_from(name))
    except Refused as refused:
        if refused.refusal is not refusals.CONFLICT:
            raise
        return _create(owner, name, f"{_slug_from(name)}-{secrets.token_hex(3)}")


def _create(owner: User, name: str, slug: str) -> Tenant:
    tenant = Tenant(id=uuid4(), name=name.strip(), slug=slug)
    with tenant_context(tenant.id):
        cleaned(tenant)
        _claim(tenant.slug, tenant.id)
        tenant.save(force_insert=True)
        Membership.objects.create(tenant=tenant, user=owner, role=Role.OWNER)
    return tenant


def tenant_rename(*, actor: Actor, name: str, slug: str) -> Tenant:
    """Changes name and slug. URLs with the old slug go on working: nobody else can ever claim it."""
    actor.require(Permission.MANAGE_TENANT)
    tenant = _locked()
    tenant.name = name.strip()
    if slug != tenant.slug:
        tenant.slug = slug
        cleaned(tenant)
        _claim(slug, tenant.id)
        gate_publish(tenant.id)
    cleaned(tenant).save()
    announce(tenant.id)
    return tenant


def tenant_transfer(*, actor: Actor, to_user_id: UUID) -> None:
    """Hands ownership to another member. The former owner stays as an admin; API keys with the owner's role end."""
    actor.require(Permission.TRANSFER_OR_DELETE)
    _locked()
    owner = Membership.objects.get(role=Role.OWNER)
    if actor.user is not None and owner.user_id != actor.user.pk:
        raise Refused(refusals.PERMISSION_DENIED, "The tenant has been transferred meanwhile.")
    successor = Membership.objects.active().filter(user_id=to_user_id).exclude(pk=owner.pk).first()
    if successor is None:
        raise refused_fields({"user_id": "Choose another member of this tenant."})
    Membership.objects.filter(pk=owner.pk).update(role=Role.ADMIN)
    Membership.objects.filter(pk=successor.pk).update(role=Role.OWNER)
    ApiKey.objects.filter(role=Role.OWNER, revoked_at=None).update(revoked_at=timezone.now())


def tenant_delete(*, actor: Actor) -> Tenant:
    """Stops every endpoint now and deletes everything after the grace period, unless restored before.

    Its connections are revoked at their providers at once: after a restoration somebody logs in again. A second
    deletion changes nothing: the grace period runs from the first.
    """
    actor.require(Permission.TRANSFER_OR_DELETE)
    tenant = _locked()
    if tenant.is_being_deleted:
        return tenant
    tenant_forget(tenant_id=tenant.id, by=actor.user)
    return _set_delete_after(tenant, timezone.now() + GRACE)


def tenant_restore(*, actor: Actor) -> Tenant:
    """Takes a deletion back within its grace period; endpoints work again at once."""
    actor.require(Permission.TRANSFER_OR_DELETE)
    return _set_delete_after(_locked(), None)


def purge_deleted() -> int:
    """Deletes every tenant whose grace period is over; returns how many. Their slugs stay taken."""
    due = list(TenantPurgeDue.objects.filter(due_at__lte=timezone.now()).values_list("tenant_id", flat=True))
    return sum(_purge(tenant_id) for tenant_id in due)


def announce(tenant_id: UUID) -> None:
    """Tells the workers, on commit, to look again at everything they hold of a tenant."""
    notify(ENDPOINTS_CHANNEL, f'{{"tenant_id":"{tenant_id}"}}')


def _purge(tenant_id: UUID) -> bool:
    with tenant_context(tenant_id):
        # Locked first: deletion selects and deletes in two steps, and a restore may come between them.
        due = Tenant.objects.select_for_update().filter(delete_after__lte=timezone.now()).first()
        if due is not None:
            due.delete()
            domains_forget(tenant_id)
            HostHolder.objects.filter(tenant_id=tenant_id).delete()
            issuers_forget(tenant_id)
        if not Tenant.objects.exists():
            TenantPurgeDue.objects.filter(tenant_id=tenant_id).delete()
    return due is not None


def _locked() -> Tenant:
    """The tenant in context, against a second writer; raises Refused(NOT_FOUND) once it is purged."""
    tenant = Tenant.objects.select_for_update(no_key=True).first()
    if tenant is None:
        raise Refused(refusals.NOT_FOUND)
    return tenant


def _set_delete_after(tenant: Tenant, moment: datetime | None) -> Tenant:
    tenant.delete_after = moment
    tenant.save(update_fields=["delete_after"])
    announce(tenant.id)
    return tenant


def _claim(slug: str, tenant_id: UUID) -> None:
    if slug in RESERVED_SLUGS:
        raise Refused(refusals.CONFLICT, f"{slug} is reserved. Choose another address.")
    former = TenantSlug.objects.filter(slug=slug).first()
    if former is not None and former.tenant_id == tenant_id:
        return
    try:
        with transaction.atomic():
            TenantSlug.objects.create(slug=slug, tenant_id=tenant_id)
    except IntegrityError:
        raise Refused(refusals.CONFLICT, f"The address {slug} is taken. Choose another.") from None


def _slug_from(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32].strip("-") or "tenant"
