"""Provisioning connections and their tokens. Each runs inside the actor's tenant context."""

from datetime import datetime
from uuid import UUID

from django.db.models import Q
from django.utils import timezone

from core import crypto, keys, refusals
from core.refusals import Refused
from core.rows import one_of
from tenants.access import Actor, Permission
from tenants.allowance import require_right
from tenants.models import Group, GroupSource, Invitation, Membership, Role, ScimConnection, ScimToken
from tenants.models.group import GRANTED_ROLES
from tenants.scim.linking import role_follows
from tenants.services.api_keys import live
from tenants.validation import cleaned, refused_fields, require_expiry

MAXIMUM_CONNECTIONS = 10
# One that works and one that takes its place.
MAXIMUM_TOKENS = 2


def scim_connection_create(*, actor: Actor, name: str, default_role: str = Role.VIEWER) -> ScimConnection:
    """A connection without a token. Whoever it tells of joins with `default_role`, which is at most the actor's.

    Raises Refused: INVALID_INPUT, LIMIT_REACHED, NOT_IN_PLAN, PERMISSION_DENIED.
    """
    actor.require(Permission.MANAGE_MEMBERS)
    _require_given(actor, default_role)
    actor.require_standing()
    require_right(actor.tenant.id, "scim")
    if ScimConnection.objects.count() >= MAXIMUM_CONNECTIONS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_CONNECTIONS} provisioning connections.")
    connection = ScimConnection(
        tenant=actor.tenant, name=name.strip(), default_role=default_role, created_by_id=actor.maker_id
    )
    cleaned(connection).save(force_insert=True)
    return connection


def scim_connection_change(*, actor: Actor, connection_id: UUID, name: str, default_role: str) -> ScimConnection:
    """Another name, and another role for those who join from now on. Raises Refused."""
    actor.require(Permission.MANAGE_MEMBERS)
    _require_given(actor, default_role)
    connection = scim_connection_of(connection_id, locked=True)
    connection.name, connection.default_role = name.strip(), default_role
    cleaned(connection).save()
    return connection


def scim_connection_delete(*, actor: Actor, connection_id: UUID) -> None:
    """Ends provisioning: its tokens, groups and open invitations go. Members stay, with the roles that they have."""
    actor.require(Permission.MANAGE_MEMBERS)
    connection = scim_connection_of(connection_id, locked=True)
    Invitation.objects.filter(provider=connection.pk).delete()
    Group.objects.filter(source=GroupSource.SCIM, provider=connection.pk).delete()
    connection.delete()


def scim_token_issue(*, actor: Actor, connection_id: UUID, expires_at: datetime | None = None) -> tuple[ScimToken, str]:
    """A token, and its secret, which is shown once. Raises Refused(LIMIT_REACHED) while two work already."""
    actor.require(Permission.MANAGE_MEMBERS)
    actor.require_standing()
    require_expiry(expires_at)
    connection = scim_connection_of(connection_id, locked=True)
    connection.tokens.exclude(live()).delete()
    if connection.tokens.count() >= MAXIMUM_TOKENS:
        raise Refused(refusals.LIMIT_REACHED, f"{MAXIMUM_TOKENS} tokens work at once: revoke the one that is not used.")
    issued = keys.issue(keys.SCIM_TOKEN, owner=crypto.encode(connection.tenant_id.bytes))
    token = ScimToken.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        prefix=issued.prefix,
        digest=issued.digest,
        expires_at=expires_at,
    )
    return token, issued.secret


def scim_token_revoke(*, actor: Actor, connection_id: UUID, token_id: UUID) -> None:
    """Ends a token at once. Raises Refused(NOT_FOUND)."""
    actor.require(Permission.MANAGE_MEMBERS)
    deleted, _ = ScimToken.objects.filter(connection_id=connection_id, pk=token_id).delete()
    if not deleted:
        raise Refused(refusals.NOT_FOUND)


def group_take_role(*, actor: Actor, connection_id: UUID, group_id: UUID, role: str) -> Group:
    """Gives the members of a provisioned group a role, or with "" none; it is at most the actor's. Raises Refused."""
    actor.require(Permission.MANAGE_MEMBERS)
    if role:
        _require_given(actor, role)
    connection = scim_connection_of(connection_id, locked=True)
    groups = Group.objects.select_for_update()
    group = groups.filter(source=GroupSource.SCIM, provider=connection.pk, pk=group_id).first()
    if group is None:
        raise Refused(refusals.NOT_FOUND)
    if group.role:
        # Whoever takes a role away could have given it.
        actor.require_grantable(group.role)
    group.role = role
    group.save(update_fields=["role"])
    role_follows(connection, list(Membership.objects.filter(groups__group=group)))
    return group


def scim_connection_of(connection_id: UUID, *, locked: bool = False) -> ScimConnection:
    """A connection of the tenant in context; raises Refused(NOT_FOUND)."""
    return one_of(ScimConnection.objects.all(), connection_id, locked=locked)


def connection_presenting(secret: str, connection_id: UUID) -> ScimToken:
    """The token that was presented to a connection of the tenant in context; raises Refused(INVALID_CREDENTIALS)."""
    known = Q(connection_id=connection_id, digest=keys.digest(secret))
    token = ScimToken.objects.select_related("connection__tenant").filter(live(), known).first()
    if token is None:
        raise Refused(refusals.INVALID_CREDENTIALS)
    return token


def token_used(token: ScimToken) -> None:
    """Notes, to the minute, when a token was last used."""
    now = timezone.now()
    if token.last_used_at is None or (now - token.last_used_at).total_seconds() > 60:
        ScimToken.objects.filter(pk=token.pk).update(last_used_at=now)


def _require_given(actor: Actor, role: str) -> None:
    if role not in {granted.value for granted in GRANTED_ROLES}:
        raise refused_fields({"role": f"Choose one of {', '.join(role.value for role in GRANTED_ROLES)}."})
    actor.require_grantable(role)
