"""Taking connections out of use: here at once, then at the provider (RFC 7009), with a receipt for each.

Tokens leave the connection in the transaction that says so, and so does the word to every worker. What the provider has
to be told waits in the receipt, sealed for that alone, until it took it or was asked often enough.
"""

from datetime import datetime
from uuid import UUID, uuid4

from django.db.models import Q, QuerySet
from django.utils import timezone

from core import refusals
from core.crypto import Forged
from core.envelope import KeyGone, Keyring
from core.refusals import Refused
from tenants.access import Actor, Permission
from tenants.models import Connection, ConnectionState, Login, Revocation, RevocationDue, RevocationOutcome, User
from tenants.vault.clients import provider_of, registration_of
from tenants.vault.connections import connection_for
from tenants.vault.keyrings import keyring_for_sealing
from tenants.vault.oauth.errand import encode, errand_for
from tenants.vault.purposes import REVOCATION, own_row
from tenants.vault.token_sets import tokens_dropped, tokens_of

UNREADABLE = "The tokens could not be opened any more."


def connection_disconnect(*, actor: Actor, connection_id: UUID) -> list[Revocation]:
    """Disconnects one connection, and those that live on its token. Runs inside the tenant's context.

    Raises Refused: NOT_FOUND, PERMISSION_DENIED.
    """
    connection = connection_for(actor=actor, connection_id=connection_id)
    return _taken_out(Connection.objects.filter(pk=connection.pk), actor.tenant.id, actor.user, "disconnected")


def connection_delete(*, actor: Actor, connection_id: UUID) -> list[Revocation]:
    """Disconnects a connection and removes it; its receipts stay. Runs inside the tenant's context. Raises Refused."""
    receipts = connection_disconnect(actor=actor, connection_id=connection_id)
    connection = Connection.objects.get(pk=connection_id)
    connection.delete()
    remaining = Connection.objects.filter(holder=connection.holder, user=connection.user).order_by("created_at")
    if connection.is_chosen and (heir := remaining.first()) is not None:
        Connection.objects.filter(pk=heir.pk).update(is_chosen=True)
    return receipts


def revoke_all_of_tenant(*, actor: Actor) -> list[Revocation]:
    """Disconnects everything of the tenant. Runs inside its context. Raises Refused(PERMISSION_DENIED)."""
    actor.require(Permission.MANAGE_TENANT)
    return _taken_out(Connection.objects.all(), actor.tenant.id, actor.user, "everything of the tenant")


def revoke_all_at_provider(*, actor: Actor, issuer: str) -> list[Revocation]:
    """Disconnects everything at one provider. Runs inside the tenant's context. Raises Refused(PERMISSION_DENIED)."""
    actor.require(Permission.MANAGE_TENANT)
    rows = Connection.objects.filter(client__in=_clients_at(issuer))
    return _taken_out(rows, actor.tenant.id, actor.user, "everything at this provider")


def revoke_all_of_user(*, actor: Actor, user_id: UUID) -> list[Revocation]:
    """Disconnects what a member connected for themselves. Runs inside the tenant's context.

    Anyone may do that to their own; others' takes MANAGE_MEMBERS. Raises Refused(PERMISSION_DENIED).
    """
    if actor.user is None or actor.user.pk != user_id:
        actor.require(Permission.MANAGE_MEMBERS)
    return _taken_out(Connection.objects.filter(user_id=user_id), actor.tenant.id, actor.user, "everything of a member")


def member_forget(*, tenant_id: UUID, user_id: UUID, by: User | None) -> list[Revocation]:
    """Revokes and removes what a member who leaves connected for themselves; who calls checks who may do that.

    Runs inside the tenant's context.
    """
    Login.objects.filter(user_id=user_id).delete()
    rows = Connection.objects.filter(user_id=user_id)
    receipts = _taken_out(rows, tenant_id, by, "the member left")
    rows.delete()
    return receipts


def holder_forget(*, tenant_id: UUID, holder: UUID, by: User | None) -> None:
    """Revokes and removes all connections of a holder: it is deleted, or goes elsewhere; who calls checks who may.

    Runs inside the tenant's context. Its static secrets are `secrets.secrets_forget`'s.
    """
    rows = Connection.objects.filter(holder=holder)
    _taken_out(rows, tenant_id, by, "what used it was deleted or goes elsewhere")
    rows.delete()


def tenant_forget(*, tenant_id: UUID, by: User | None) -> None:
    """Disconnects everything of a tenant that is deleted: restored later, its people log in again.

    Runs inside the tenant's context; who calls checks who may do that.
    """
    _taken_out(Connection.objects.all(), tenant_id, by, "the tenant was deleted")


def _taken_out(rows: QuerySet[Connection], tenant_id: UUID, by: User | None, reason: str) -> list[Revocation]:
    keyring = keyring_for_sealing(tenant_id)
    affected = Connection.objects.filter(Q(pk__in=rows.values("pk")) | Q(subject__in=rows.values("pk")))
    found = list(affected.select_for_update(of=("self",)).select_related("client").order_by("pk"))
    receipts = [_receipt(keyring, connection, by, reason) for connection in found if connection.sealed]
    for connection in found:
        tokens_dropped(connection, ConnectionState.REVOKED)
    Revocation.objects.bulk_create(receipts)
    waiting = [receipt for receipt in receipts if receipt.outcome == RevocationOutcome.PENDING]
    RevocationDue.objects.bulk_create(
        RevocationDue(revocation_id=receipt.pk, tenant_id=tenant_id, due_at=timezone.now()) for receipt in waiting
    )
    return receipts


def _receipt(keyring: Keyring, connection: Connection, by: User | None, reason: str) -> Revocation:
    receipt = Revocation(
        id=uuid4(),
        tenant_id=connection.tenant_id,
        connection_id=connection.pk,
        holder=connection.holder,
        label=connection.label,
        issuer=connection.client.issuer,
        user_id=connection.user_id,
        requested_by=by,
        reason=reason,
        tokens=0,
    )
    try:
        got = tokens_of(keyring, connection)
        errand = errand_for(provider_of(connection.client), registration_of(keyring, connection.client), got)
    except (Forged, KeyGone):
        return _ended(receipt, RevocationOutcome.GAVE_UP, UNREADABLE)
    receipt.tokens = len(errand.tokens)
    if not errand.provider.revocation_endpoint:
        return _ended(receipt, RevocationOutcome.UNSUPPORTED, "The provider publishes no revocation endpoint.")
    receipt.sealed = keyring.seal(REVOCATION, encode(errand), *own_row(receipt.pk))
    return receipt


def receipts_forget(*, ended_before: datetime) -> int:
    """Deletes receipts of what was over before then, of the tenant in context; how many. What is pending stays."""
    over = Revocation.objects.filter(ended_at__lt=ended_before).exclude(outcome=RevocationOutcome.PENDING)
    return over.delete()[0]


def _ended(receipt: Revocation, outcome: RevocationOutcome, why: str) -> Revocation:
    receipt.outcome, receipt.last_error, receipt.ended_at = outcome, why, timezone.now()
    return receipt


def _clients_at(issuer: str) -> list[UUID]:
    found = Connection.objects.filter(client__issuer=issuer).values_list("client_id", flat=True)
    if not found:
        raise Refused(refusals.NOT_FOUND, "Nothing is connected at this provider.")
    return list(found)
