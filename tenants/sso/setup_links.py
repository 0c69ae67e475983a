"""Setup links: somebody who runs an identity provider, and has no account here, configures one connection."""

import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from core import keys, refusals
from core.acting import act_as
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, tenant_id_for
from tenants.models import SsoSetupLink
from tenants.sso.connections import Configurer, changeable, configurer

LIFETIME = timedelta(days=7)
MAXIMUM_OPEN = 10  # for one connection
LONGEST_TOKEN = 100


def setup_link_make(*, actor: Actor, connection_id: UUID) -> str:
    """The address of a new link, told this once: what is stored of it is a digest. Runs inside the tenant's context.

    Raises Refused: CONFLICT for a connection in use, which only the owner changes; LIMIT_REACHED, NOT_FOUND,
    PERMISSION_DENIED.
    """
    connection = changeable(configurer(actor), connection_id)
    if connection.is_enabled:
        raise Refused(refusals.CONFLICT, "It is in use: disable it before somebody else configures it.")
    if setup_links_open(connection_id).count() >= MAXIMUM_OPEN:
        raise Refused(refusals.LIMIT_REACHED, "Too many links are open. Revoke one first.")
    token = secrets.token_urlsafe(32)
    SsoSetupLink.objects.create(
        tenant=actor.tenant,
        connection=connection,
        token_digest=keys.digest(token),
        made_by=actor.user,
        expires_at=timezone.now() + LIFETIME,
    )
    return f"{settings.CONSOLE_URL}/sso/setup/{actor.tenant.slug}/{token}/"


def setup_link_revoke(*, actor: Actor, connection_id: UUID, link_id: UUID) -> None:
    """Makes a link useless. Runs inside the tenant's context. Raises Refused: NOT_FOUND, PERMISSION_DENIED."""
    configurer(actor)
    links = SsoSetupLink.objects.filter(pk=link_id, connection_id=connection_id, revoked_at=None)
    if not links.update(revoked_at=timezone.now()):
        raise Refused(refusals.NOT_FOUND)


def setup_links_open(connection_id: UUID) -> QuerySet[SsoSetupLink]:
    """The links of a connection that work, the newest first."""
    rows = SsoSetupLink.objects.select_related("made_by").filter(connection_id=connection_id, revoked_at=None)
    return rows.filter(expires_at__gt=timezone.now()).order_by("-created_at")


def setup_link_opened(*, slug: str, token: str) -> tuple[Configurer, UUID]:
    """Who the holder of a link is, and the connection that it is for. Opens a context of its own.

    Raises Refused(EXPIRED) for a link that is unknown, expired or revoked, or whose connection is in use by now.
    """
    if not 0 < len(token) <= LONGEST_TOKEN:
        raise Refused(refusals.EXPIRED)
    with tenant_context(_tenant_id(slug)):
        rows = SsoSetupLink.objects.select_related("connection", "tenant")
        link = rows.filter(token_digest=keys.digest(token), revoked_at=None, expires_at__gt=timezone.now()).first()
        if link is None or link.connection.is_enabled or link.tenant.is_being_deleted:
            raise Refused(refusals.EXPIRED)
        if link.opened_at is None:
            SsoSetupLink.objects.filter(pk=link.pk).update(opened_at=timezone.now())
        act_as("setup_link", link.pk, "the holder of a setup link")
        return Configurer(link.tenant, only=link.connection_id), link.connection_id


def _tenant_id(slug: str) -> UUID:
    try:
        return tenant_id_for(slug)
    except Refused:
        raise Refused(refusals.EXPIRED) from None
