"""What people see and end of the clients that were let in. Each runs inside the tenant's context."""

from datetime import timedelta
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from core.rows import one_of
from tenants.access import Actor, Permission
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.gate import MAXIMUM_TOKEN_SECONDS
from tenants.authorization.grants import alive, grant_end
from tenants.models import ClientGrant, McpClient

BY_PERSON = "somebody revoked it in the console"


def grants_visible(actor: Actor) -> QuerySet[ClientGrant]:
    """Grants that let somebody in now, the newest first: one's own, or for those who manage the tenant everybody's."""
    actor.require(Permission.VIEW)
    rows = alive().select_related("client", "user")
    return rows if actor.may(Permission.MANAGE_TENANT) else rows.filter(user=actor.user) if actor.user else rows.none()


def grant_shown(actor: Actor, grant_id: UUID) -> ClientGrant:
    """A grant that the actor may see; raises Refused(NOT_FOUND)."""
    return one_of(grants_visible(actor), grant_id)


def grant_revoke(*, actor: Actor, grant_id: UUID) -> None:
    """Ends a grant with all its tokens, at every worker within a second. Raises Refused(NOT_FOUND)."""
    grant_end(grant_shown(actor, grant_id), BY_PERSON)


def clients_known(actor: Actor) -> QuerySet[McpClient]:
    """Clients of the tenant, the newest first; `people` is annotated: how many have let it in."""
    actor.require(Permission.MANAGE_TENANT)
    standing = Q(grants__revoked_at=None, grants__expires_at__gt=timezone.now())
    counted = McpClient.objects.annotate(people=Count("grants__user", filter=standing, distinct=True))
    return counted.order_by("-created_at", "pk")


def client_shown(actor: Actor, client_row: UUID) -> McpClient:
    """A client of the tenant; raises Refused(NOT_FOUND)."""
    return one_of(clients_known(actor), client_row)


def client_remove(*, actor: Actor, client_row: UUID) -> None:
    """Forgets a client and ends everything that it was granted or holds for itself. Raises Refused(NOT_FOUND).

    One that registered itself may come back and ask people again: `policies` says whether such clients are taken.
    """
    client = client_shown(actor, client_row)
    since = timezone.now() - timedelta(seconds=MAXIMUM_TOKEN_SECONDS)
    # Tokens that other clients hold because of it are theirs by name.
    exchanged = list(ClientGrant.objects.filter(client=client, exchanged_at__gt=since).values_list("pk", flat=True))
    # Cut off afterwards: whoever is being issued a token holds a row that is deleted first.
    McpClient.objects.filter(pk=client.pk).delete()
    for subject in (f"client:{client.client_id}", *(f"grant:{grant}" for grant in exchanged)):
        cut_off(actor.tenant.id, subject, BY_PERSON)
