"""Clients that act for themselves, in groups made by hand. Each service runs inside the actor's tenant context."""

from uuid import UUID

from core.rows import one_of
from tenants.access import Actor, Permission
from tenants.models import Group, GroupClient, GroupSource, McpClient
from tenants.selectors import clients_of_their_own
from tenants.services.groups import manual_group
from tenants.validation import refused_fields


def group_clients_set(*, actor: Actor, group_id: UUID, clients: list[UUID]) -> Group:
    """Puts exactly these clients into a group; members stay. Workers hear of it within a second.

    Raises Refused: INVALID_INPUT for one that does not act for itself, NOT_FOUND, CONFLICT for a provider's group.
    """
    actor.require(Permission.MANAGE_MEMBERS)
    group = manual_group(group_id)
    wanted = set(clients)
    known = set(
        clients_of_their_own().filter(pk__in=wanted).select_for_update(no_key=True).values_list("pk", flat=True)
    )
    if known != wanted:
        raise refused_fields({"clients": "Choose clients of this tenant that act for themselves."})
    GroupClient.objects.filter(group=group).exclude(client__in=known).delete()
    _put([GroupClient(tenant=actor.tenant, group=group, client_id=client) for client in sorted(known)])
    return group


def client_groups_set(*, actor: Actor, client_id: UUID, groups: list[UUID]) -> McpClient:
    """Has a client in exactly these groups. Workers hear of it within a second.

    Raises Refused: INVALID_INPUT for a group that was not made here, NOT_FOUND for a client that does not act for
    itself.
    """
    actor.require(Permission.MANAGE_MEMBERS)
    client = one_of(clients_of_their_own().select_for_update(no_key=True), client_id)
    wanted = set(groups)
    made_here = Group.objects.filter(pk__in=wanted, source=GroupSource.MANUAL).order_by("pk").select_for_update()
    known = set(made_here.values_list("pk", flat=True))
    if known != wanted:
        raise refused_fields({"groups": "Choose groups of this tenant that were made here."})
    GroupClient.objects.filter(client=client).exclude(group__in=known).delete()
    _put([GroupClient(tenant=actor.tenant, group_id=group, client=client) for group in sorted(known)])
    return client


def _put(places: list[GroupClient]) -> None:
    GroupClient.objects.bulk_create(places, ignore_conflicts=True)
