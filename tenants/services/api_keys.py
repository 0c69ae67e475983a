"""Keys of the REST API: issue, revoke, recognise."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from core import crypto, keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission
from tenants.models import ApiKey
from tenants.validation import cleaned, require_expiry

LAST_USED_RESOLUTION = timedelta(minutes=1)  # a busy key writes its row once a minute, not once a request

MAXIMUM_LIVE_KEYS = 100


def live() -> Q:
    """The condition of a row whose expiry, if it has one, is ahead."""
    return Q(expires_at=None) | Q(expires_at__gt=timezone.now())


def api_key_issue(*, actor: Actor, name: str, role: str, expires_at: datetime | None = None) -> tuple[ApiKey, str]:
    """A new key, and its secret, which is not stored and cannot be shown again.

    Its role is at most the actor's. Raises Refused: INVALID_INPUT, LIMIT_REACHED.
    """
    actor.require(Permission.MANAGE_API_KEYS)
    actor.require_grantable(role)
    actor.require_standing()
    require_expiry(expires_at)
    if ApiKey.objects.filter(live(), revoked_at=None).count() >= MAXIMUM_LIVE_KEYS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_LIVE_KEYS} live API keys.")
    issued = keys.issue(keys.API_KEY, owner=crypto.encode(actor.tenant.id.bytes))
    api_key = ApiKey(
        tenant=actor.tenant,
        name=name.strip(),
        role=role,
        prefix=issued.prefix,
        digest=issued.digest,
        created_by_id=actor.maker_id,
        expires_at=expires_at,
    )
    cleaned(api_key).save()
    return api_key, issued.secret


def api_key_revoke(*, actor: Actor, api_key_id: UUID) -> None:
    """Ends a key at once."""
    actor.require(Permission.MANAGE_API_KEYS)
    changed = ApiKey.objects.filter(pk=api_key_id, revoked_at=None).update(revoked_at=timezone.now())
    if not changed:
        raise Refused(refusals.NOT_FOUND)


def actor_for_api_key(secret: str) -> Actor:
    """Who a presented key acts as; raises Refused(INVALID_CREDENTIALS). Opens a tenant context of its own."""
    with tenant_context(tenant_named_in(secret, keys.API_KEY)):
        api_key = ApiKey.objects.select_related("tenant").filter(digest=keys.digest(secret), revoked_at=None).first()
        if api_key is None or _is_past(api_key.expires_at):
            raise Refused(refusals.INVALID_CREDENTIALS)
        _note_use(api_key)
        return Actor(
            api_key.tenant,
            api_key.role,
            api_key_id=api_key.pk,
            api_key_name=api_key.name,
            key_made_by=api_key.created_by_id,
        )


def tenant_named_in(secret: str, kind: str) -> UUID:
    """The tenant that a key of `kind` says it belongs to; raises Refused(INVALID_CREDENTIALS)."""
    # The owner is base64url and may hold underscores itself: it is cut by length, not by separator.
    lead = f"{kind}_"
    try:
        return UUID(bytes=crypto.decode(secret.removeprefix(lead)[:22]))
    except (crypto.Forged, ValueError):
        raise Refused(refusals.INVALID_CREDENTIALS) from None


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= timezone.now()


def _note_use(api_key: ApiKey) -> None:
    now = timezone.now()
    if api_key.last_used_at is None or now - api_key.last_used_at > LAST_USED_RESOLUTION:
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)
