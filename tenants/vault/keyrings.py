"""Tenants' data keys: made when first needed, rotated, rewrapped under a new platform key, destroyed.

Each runs inside the tenant's context, except those whose docstring says otherwise. Whoever seals holds the key's row
against a rotation (FOR SHARE); a rotation holds all of a tenant's against whoever seals.
"""

from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from core import envelope
from core.envelope import Keyring
from core.tenancy import tenant_context
from tenants.models import TenantKey, TenantSlug

# Django has no FOR SHARE, and FOR UPDATE would have all who seal wait for each other.
_HELD = "SELECT * FROM tenants_tenantkey WHERE tenant_id = %s AND destroyed_at IS NULL FOR SHARE"


def keyring_for_sealing(tenant_id: UUID) -> Keyring:
    """The keys of the tenant in context, with one to seal with, which stays until the transaction ends."""
    # A rotation that was waited for leaves rows that the waiting statement does not see: hence a second look.
    keyring = _held(tenant_id)
    if not keyring.wrapped:
        keyring = _held(tenant_id)
    if not keyring.wrapped:
        _make_first(tenant_id)
        keyring = _held(tenant_id)
    return keyring


def keyring_for_opening(tenant_id: UUID) -> Keyring:
    """The keys of the tenant in context, of which there may be none."""
    return Keyring(str(tenant_id), dict(_whole().values_list("version", "wrapped")))


def key_added(tenant_id: UUID) -> Keyring:
    """The keys with a new one that seals from now on; nobody seals with an older one until the transaction ends."""
    list(TenantKey.objects.select_for_update().order_by("version"))
    _add(tenant_id)
    return keyring_for_opening(tenant_id)


def keys_destroyed(*, before: int | None = None) -> int:
    """Destroys the keys of the tenant in context, or those older than version `before`; how many they were.

    What they sealed can never be opened again.
    """
    keys = _whole() if before is None else _whole().filter(version__lt=before)
    return keys.update(wrapped="", destroyed_at=timezone.now())


def keys_rewrapped() -> int:
    """Wraps every tenant's keys with the platform's current key; how many they were. Opens contexts of its own.

    Afterwards ARMSTRONG_SECRET_KEY_FALLBACKS is not needed for the vault any more. Raises core.crypto.Forged when a
    key was wrapped with a secret that is neither current nor a fallback.
    """
    return sum(_rewrap(tenant_id) for tenant_id in set(TenantSlug.objects.values_list("tenant_id", flat=True)))


def _whole() -> QuerySet[TenantKey]:
    return TenantKey.objects.filter(destroyed_at=None)


def _held(tenant_id: UUID) -> Keyring:
    rows = TenantKey.objects.raw(_HELD, [tenant_id])
    return Keyring(str(tenant_id), {key.version: key.wrapped for key in rows})


def _make_first(tenant_id: UUID) -> None:
    try:
        with transaction.atomic():
            _add(tenant_id)
    except IntegrityError:
        pass  # another made it meanwhile


def _add(tenant_id: UUID) -> None:
    latest = TenantKey.objects.order_by("-version").values_list("version", flat=True).first() or 0
    wrapped = envelope.new_wrapped_key(str(tenant_id), latest + 1)
    TenantKey.objects.create(tenant_id=tenant_id, version=latest + 1, wrapped=wrapped)


def _rewrap(tenant_id: UUID) -> int:
    with tenant_context(tenant_id):
        found = list(_whole().select_for_update())
        for key in found:
            key.wrapped = envelope.rewrapped(key.wrapped, str(tenant_id), key.version)
            key.save(update_fields=["wrapped"])
    return len(found)
