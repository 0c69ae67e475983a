"""Putting a person out of a tenant: one way for whatever asks for it, and a receipt of all that ended.

Everything ends in one transaction, and the word to the workers commits with it. What was under way at that moment (a
call that became a task, a key that was being made) is ended by a second look shortly after.
"""

from datetime import timedelta
from uuid import UUID

from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils import timezone

from core import refusals
from core.jobs import send_or_leave
from core.refusals import Refused
from core.tenancy import person_context, tenant_context
from tenants.access import PERMISSIONS
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.grants import alive, grant_end
from tenants.leaving import Ended, Leaver, all_ended
from tenants.models import ApiKey, Deprovision, DeprovisionItem, GroupMember, Membership, Role, User
from tenants.models.deprovision import KEEPING, Cause
from tenants.vault.revocations import member_forget

# Workers refuse what was cut off within a second; what they had let in before has committed by then.
SECOND_LOOK = timedelta(seconds=2)
SIGNED_OUT = "Signed out everywhere: nothing else is open to them."
SHUT_OUT = "Every page of this tenant is closed to them at once. They stay signed in for what else they belong to."
STREAMS_END = "Workers refuse them within a second, and end the streams that are open."


def deprovision(*, membership: Membership, cause: Cause, by: User | None) -> Deprovision:
    """Puts a member out, with all that they hold and made; who calls checks who may. Runs inside the tenant's context.

    Where `cause` is one after which people come back, the membership is deactivated, else deleted. Asked again, it
    writes a further receipt of what came since. Raises Refused(CONFLICT) for the owner.
    """
    locked = Membership.objects.select_for_update().select_related("user").get(pk=membership.pk)
    if locked.role == Role.OWNER:
        raise Refused(refusals.CONFLICT, "The owner stays until the tenant is transferred to another member.")
    user = locked.user
    receipt = Deprovision.objects.create(
        tenant_id=locked.tenant_id, user=user, email=user.email, cause=cause, requested_by=by
    )
    _note(receipt, [_membership_ended(locked, cause), *all_ended(Leaver(locked.tenant_id, user.pk, by))])
    transaction.on_commit(lambda: _afterwards(receipt, sign_out=by is None or by.pk != user.pk))
    return receipt


def second_look(*, tenant_id: UUID, deprovision_id: UUID) -> int:
    """Ends what came after everything had ended; how much it was. Opens a tenant context of its own.

    Nothing is ended of somebody who has come back since.
    """
    with tenant_context(tenant_id):
        receipt = Deprovision.objects.filter(pk=deprovision_id).first()
        if receipt is None or receipt.user_id is None:
            return 0
        if Membership.objects.active().filter(user_id=receipt.user_id).exists():
            return 0
        ended = all_ended(Leaver(tenant_id, receipt.user_id, receipt.requested_by))
        late = [one for one in ended if one.reference is not None]
        _note(receipt, late)
    return len(late)


def api_keys_end(leaver: Leaver) -> list[Ended]:
    """Ends the API keys that a leaver made."""
    made = ApiKey.objects.select_for_update().filter(created_by_id=leaver.user_id, revoked_at=None).order_by("pk")
    ended = [Ended("api_key", f"{key.name} ({key.prefix}…)", key.pk) for key in made]
    ApiKey.objects.filter(pk__in=[one.reference for one in ended]).update(revoked_at=timezone.now())
    return ended


def api_keys_end_above(user_id: UUID, role: str) -> None:
    """Ends the API keys that a member made and that may do what their new role may not."""
    above = [known for known, permissions in PERMISSIONS.items() if not permissions <= PERMISSIONS[role]]
    made = ApiKey.objects.filter(created_by_id=user_id, role__in=above, revoked_at=None)
    made.update(revoked_at=timezone.now())


def connections_end(leaver: Leaver) -> list[Ended]:
    """Disconnects what a leaver connected for themselves; providers are told afterwards, as each receipt shows."""
    receipts = member_forget(tenant_id=leaver.tenant_id, user_id=leaver.user_id, by=leaver.by)
    return [
        Ended("connection", f"{one.label} at {one.issuer}".removeprefix(" at "), one.pk, f"{one.tokens} tokens")
        for one in receipts
    ]


def grants_end(leaver: Leaver) -> list[Ended]:
    """Ends what a leaver let clients do: their codes and refresh tokens are good for nothing from then on."""
    grants = list(alive().filter(user_id=leaver.user_id).select_related("client").order_by("pk"))
    for grant in grants:
        grant_end(grant, "deprovisioned")
    return [Ended("grant", f"{grant.client.name} at {grant.resource}", grant.pk) for grant in grants]


def tokens_end(leaver: Leaver) -> list[Ended]:
    """Cuts off every access token and ticket that was issued to a leaver until now."""
    cut_off(leaver.tenant_id, f"member:{leaver.user_id}", "deprovisioned")
    return [Ended("access_tokens", "Access tokens, and the console's tickets", None, STREAMS_END)]


def _membership_ended(membership: Membership, cause: Cause) -> Ended:
    label = f"Member as {membership.get_role_display().lower()}"
    if cause not in KEEPING:
        # A row that is gone has no id: the receipt keeps the one it had.
        membership_id = membership.pk
        # Whom a provider tells of keeps their places in its groups, member or not.
        GroupMember.objects.filter(membership=membership).exclude(provisioned=None).update(membership=None)
        membership.delete()
        return Ended("membership", label, membership_id, "Deleted.")
    membership.deactivated_at = membership.deactivated_at or timezone.now()
    membership.save(update_fields=["deactivated_at"])
    return Ended("membership", label, membership.pk, "Deactivated: it can be taken back.")


def _afterwards(receipt: Deprovision, *, sign_out: bool) -> None:
    if sign_out and receipt.user_id is not None:
        ended = _console_sessions_ended(receipt.user_id)
        with tenant_context(receipt.tenant_id):
            _note(receipt, [ended])
    send_or_leave("tenants.revoke_at_providers")
    send_or_leave("tenants.deprovision_second_look", (str(receipt.tenant_id), str(receipt.pk)), after=SECOND_LOOK)


def _console_sessions_ended(user_id: UUID) -> Ended:
    with person_context(user_id):
        belongs_elsewhere = Membership.objects.filter(user_id=user_id).exists()
    if belongs_elsewhere:
        return Ended("console_sessions", "Console sessions", None, SHUT_OUT)
    for session in UserSession.objects.filter(user_id=user_id):
        session.end()
    return Ended("console_sessions", "Console sessions", None, SIGNED_OUT)


def _note(receipt: Deprovision, ended: list[Ended]) -> None:
    now = timezone.now()
    DeprovisionItem.objects.bulk_create(
        DeprovisionItem(
            tenant_id=receipt.tenant_id,
            deprovision=receipt,
            kind=one.kind,
            label=one.label[:200],
            reference=one.reference,
            note=one.note[:300],
            ended_at=now,
        )
        for one in ended
    )
