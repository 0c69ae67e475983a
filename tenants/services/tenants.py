"""Tenants: create, rename, transfer, delete with a grace period, restore, purge."""

import re
import secrets
from datetime import timedelta
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.utils import timezone

from core import refusals
from core.events import ENDPOINTS_CHANNEL, notify
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.models import Membership, Role, Tenant, TenantSlug, User
from tenants.validation import cleaned

GRACE = timedelta(days=14)
RESERVED_SLUGS = frozenset({"account", "accounts", "admin", "api", "docs", "new", "static", "status", "support", "www"})


def tenant_create(*, owner: User, name: str, slug: str = "") -> Tenant:
    """Makes a tenant with `owner` as its owner. Without a slug, one is made from the name.

    Opens a tenant context of its own. Raises Refused(CONFLICT) for a slug in use, now or formerly.
    """
    tenant = Tenant(id=uuid4(), name=name.strip(), slug=slug or _free_slug(name))
    with tenant_context(tenant.id):
        cleaned(tenant)
        _claim(tenant.slug, tenant.id)
        tenant.save(force_insert=True)
        Membership.objects.create(tenant=tenant, user=owner, role=Role.OWNER)
    return tenant


def tenant_rename(*, actor: Actor, name: str, slug: str) -> Tenant:
    """Changes name and slug. URLs with the old slug go on working: nobody else can ever claim it."""
    actor.require(Permission.MANAGE_TENANT)
    tenant = Tenant.objects.select_for_update().get()
    tenant.name = name.strip()
    if slug != tenant.slug:
        tenant.slug = slug
        cleaned(tenant)
        _claim(slug, tenant.id)
    cleaned(tenant).save()
    announce(tenant.id)
    return tenant


def tenant_transfer(*, actor: Actor, to_user_id: UUID) -> None:
    """Hands ownership to another member; the former owner stays as an admin."""
    actor.require(Permission.TRANSFER_OR_DELETE)
    members = Membership.objects.select_for_update()
    successor = members.filter(user_id=to_user_id).first()
    if successor is None or actor.user is None or actor.user.pk == to_user_id:
        raise Refused(refusals.INVALID_INPUT, "Choose another member of this tenant.")
    members.filter(user=actor.user).update(role=Role.ADMIN)
    successor.role = Role.OWNER
    successor.save(update_fields=["role"])


def tenant_delete(*, actor: Actor) -> Tenant:
    """Stops every endpoint now and deletes everything after the grace period, unless restored before."""
    actor.require(Permission.TRANSFER_OR_DELETE)
    return _set_delete_after(GRACE)


def tenant_restore(*, actor: Actor) -> Tenant:
    """Takes a deletion back within its grace period; endpoints work again at once."""
    actor.require(Permission.TRANSFER_OR_DELETE)
    return _set_delete_after(None)


def purge_deleted() -> int:
    """Deletes every tenant whose grace period is over; returns how many. Their slugs stay taken."""
    tenant_ids = set(TenantSlug.objects.values_list("tenant_id", flat=True))
    return sum(_purge(tenant_id) for tenant_id in tenant_ids)


def announce(tenant_id: UUID) -> None:
    """Tells the workers, on commit, to look again at everything they hold of a tenant."""
    notify(ENDPOINTS_CHANNEL, f'{{"tenant_id":"{tenant_id}"}}')


def _purge(tenant_id: UUID) -> bool:
    with tenant_context(tenant_id):
        deleted, _ = Tenant.objects.filter(delete_after__lte=timezone.now()).delete()
    return deleted > 0


def _set_delete_after(grace: timedelta | None) -> Tenant:
    tenant = Tenant.objects.select_for_update().get()
    tenant.delete_after = timezone.now() + grace if grace else None
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


def _free_slug(name: str) -> str:
    base = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:32].strip("-") or "tenant"
    taken = base in RESERVED_SLUGS or TenantSlug.objects.filter(slug=base).exists()
    return f"{base}-{secrets.token_hex(3)}" if taken else base
