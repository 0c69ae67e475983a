"""Reads of what the vault holds: names, states and times, never a value. Each runs inside a tenant context."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, QuerySet

from core.rows import one_of
from tenants.access import Actor, Permission
from tenants.models import Connection, ConnectionState, Revocation, Secret
from tenants.vault.connections import may_log_in


@dataclass(frozen=True, slots=True)
class SecretInfo:
    """That a secret is there: its name, where it may be sent, and when it was first and last stored."""

    name: str
    destination: str
    created_at: datetime
    updated_at: datetime


def secrets_of(holder: UUID) -> list[SecretInfo]:
    """The holder's secrets by name, also those that were given for another destination than it has now."""
    rows = Secret.objects.filter(holder=holder).order_by("name")
    return [SecretInfo(*row) for row in rows.values_list("name", "destination", "created_at", "updated_at")]


def connections_visible(actor: Actor) -> QuerySet[Connection]:
    """The tenant's connections and the actor's own; to who manages members, everybody's. Oldest first."""
    rows = Connection.objects.filter(_visible(actor)).select_related("client", "user", "connected_by")
    return rows.order_by("created_at", "pk")


def connections_to_log_in(actor: Actor) -> list[Connection]:
    """Those that need a login which the actor may make, or would do more after one.

    What calls use comes first, the tenant's before the actor's.
    """
    rows = connections_visible(actor).exclude(state=ConnectionState.CONNECTED, further_scopes="")
    found = [connection for connection in rows if may_log_in(actor, connection)]
    return sorted(found, key=lambda connection: (not connection.is_chosen, connection.user_id is not None))


def connection_shown(actor: Actor, connection_id: UUID) -> Connection:
    """One of them; raises Refused(NOT_FOUND)."""
    return one_of(connections_visible(actor), connection_id)


def receipts_visible(actor: Actor) -> QuerySet[Revocation]:
    """Receipts of what the actor may see the connections of, the newest first."""
    rows = Revocation.objects.filter(_visible(actor)).select_related("user", "requested_by")
    return rows.order_by("-requested_at", "pk")


def _visible(actor: Actor) -> Q:
    if actor.may(Permission.MANAGE_MEMBERS):
        return Q()
    return Q(user=None) | Q(user=actor.user) if actor.user is not None else Q(user=None)
