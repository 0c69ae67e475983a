"""Access keys: issue and revoke. Each service runs inside the actor's tenant context."""

from datetime import datetime
from uuid import UUID

from django.utils import timezone

from core import keys, refusals
from core.refusals import Refused
from mcp_runtime.models import AccessKey, Tool
from mcp_runtime.services.endpoints import endpoint_for
from mcp_runtime.services.publish import publish
from mcp_runtime.services.rates import require_rate
from mcp_runtime.services.tool_rules import require_usable
from tenants.access import Actor, Permission
from tenants.services.api_keys import live
from tenants.validation import cleaned, refused_fields, require_expiry

MAXIMUM_LIVE_KEYS = 1_000  # per endpoint, beside those of its buyers: they travel in its snapshot


def access_key_issue(
    *,
    actor: Actor,
    endpoint_slug: str,
    name: str,
    tools: list[str] | None = None,
    expires_at: datetime | None = None,
    calls_per_minute: int | None = None,
) -> tuple[AccessKey, str]:
    """A new key, and its secret, which is not stored and cannot be shown again.

    `tools` limits it to those names, `calls_per_minute` what it may call; None allows all.
    Raises Refused(INVALID_INPUT) for unknown tools, those that rules keep from its maker, a past expiry, a limit that
    is none.
    """
    actor.require(Permission.MANAGE_ACCESS_KEYS)
    actor.require_standing()
    endpoint = endpoint_for(endpoint_slug, lock=True)
    require_expiry(expires_at)
    require_rate(calls_per_minute)
    if (
        AccessKey.objects.filter(live(), endpoint=endpoint, revoked_at=None, purchase_id=None).count()
        >= MAXIMUM_LIVE_KEYS
    ):
        raise Refused(refusals.LIMIT_REACHED, f"An endpoint has at most {MAXIMUM_LIVE_KEYS} live keys.")
    if tools is not None:
        _require_known(set(tools), set(Tool.objects.filter(endpoint=endpoint).values_list("name", flat=True)))
    require_usable(actor, endpoint, tools)
    issued = keys.issue(keys.ACCESS_KEY)
    access_key = AccessKey(
        tenant=actor.tenant,
        endpoint=endpoint,
        name=name.strip(),
        prefix=issued.prefix,
        digest=issued.digest,
        tools=sorted(set(tools)) if tools is not None else None,
        created_by_id=actor.maker_id,
        expires_at=expires_at,
        calls_per_minute=calls_per_minute,
    )
    cleaned(access_key).save()
    publish(endpoint)
    return access_key, issued.secret


def access_key_revoke(*, actor: Actor, endpoint_slug: str, access_key_id: UUID) -> None:
    """Ends a key: every worker refuses it within a second."""
    actor.require(Permission.MANAGE_ACCESS_KEYS)
    endpoint = endpoint_for(endpoint_slug, lock=True)
    live = AccessKey.objects.filter(endpoint=endpoint, pk=access_key_id, revoked_at=None)
    if not live.update(revoked_at=timezone.now()):
        raise Refused(refusals.NOT_FOUND)
    publish(endpoint)


def _require_known(wanted: set[str], known: set[str]) -> None:
    unknown = sorted(wanted - known)
    if unknown:
        raise refused_fields({"tools": f"{', '.join(unknown)}: no such tool on this endpoint."})
