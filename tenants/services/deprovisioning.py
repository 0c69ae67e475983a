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
from tenants.models import (
    ApiKey,
    Deprovision,
    DeprovisionDue,
    DeprovisionItem,
    GroupMember,
    Membership,
    Role,
    SsoSession,
    User,
)
from tenants.models.deprovision import KEEPING, Cause
from tenants.vault.revocations import member_forget

# Workers refuse what was cut off within a second; what they had let in before has committed by then.
SECOND_LOOK = timedelta(seconds=2)
# Longer than a second look takes: whoever dies with one leaves it to another then.
HELD = timedelta(seconds=30)
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
    # Whatever befalls this process and the broker, somebody finds this.
    DeprovisionDue.objects.create(
        deprovision_id=receipt.pk, tenant_id=locked.tenant_id, due_at=timezone.now() + SECOND_LOOK
    )
    transaction.on_commit(lambda: _afterwards(receipt))
    return receipt


def second_look(*, tenant_id: UUID, deprovision_id: UUID) -> int:
    """Ends what came after everything had ended; how much it was. Opens contexts of its own.

    Nothing is ended of somebody who has come back since.
    """
    receipt, late = _looked_again(tenant_id, deprovision_id)
    if receipt is not None:
        _sign_out(receipt)
    DeprovisionDue.objects.filter(pk=deprovision_id).delete()
    return late


def second_looks_run() -> int:
    """Takes the second looks that nobody took in time, as when the broker was away; how many they were."""
    count = 0
    while (due := _next_look()) is not None:
        second_look(tenant_id=due.tenant_id, deprovision_id=due.pk)
        count += 1
    return count


def _next_look() -> DeprovisionDue | None:
    """One that is due, held against everybody else for a while."""
    with transaction.atomic():
        rows = DeprovisionDue.objects.filter(due_at__lte=timezone.now())
        due = rows.order_by("due_at").select_for_update(skip_locked=True).first()
        if due is not None:
            DeprovisionDue.objects.filter(pk=due.pk).update(due_at=timezone.now() + HELD)
    return due


def _looked_again(tenant_id: UUID, deprovision_id: UUID) -> tuple[Deprovision | None, int]:
    """The receipt of somebody who has not come back, and how much of theirs ended late."""
    with tenant_context(tenant_id):
        receipt = Deprovision.objects.filter(pk=deprovision_id).first()
        if receipt is None or receipt.user_id is None:
            return None, 0
        if Membership.objects.active().filter(user_id=receipt.user_id).exists():
            return None, 0
        ended = all_ended(Leaver(tenant_id, receipt.user_id, receipt.requested_by))
        late = [one for one in ended if one.reference is not None]
        _note(receipt, late)
    return receipt, len(late)


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


def sso_sessions_end(leaver: Leaver) -> list[Ended]:
    """Ends what a provider of the tenant let a leaver into: browsers that stand on it are signed out at once."""
    rows = SsoSession.objects.filter(identity__user_id=leaver.user_id).select_related("identity__connection")
    ended = [Ended("sso_session", f"Session by {row.identity.connection.name}", row.pk) for row in rows]
    SsoSession.objects.filter(pk__in=[one.reference for one in ended]).delete()
    return ended


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


def _afterwards(receipt: Deprovision) -> None:
    _sign_out(receipt)
    send_or_leave("tenants.revoke_at_providers")
    send_or_leave("tenants.deprovision_second_look", (str(receipt.tenant_id), str(receipt.pk)), after=SECOND_LOOK)


def _sign_out(receipt: Deprovision) -> None:
    """Signs somebody out of the console who has nothing else to see there; the receipt says so once."""
    by_themselves = receipt.requested_by_id == receipt.user_id and receipt.cause != Cause.ACCOUNT_CLOSED
    if receipt.user_id is None or by_themselves:
        return
    ended = _console_sessions_ended(receipt.user_id)
    with tenant_context(receipt.tenant_id):
        if not DeprovisionItem.objects.filter(deprovision=receipt, kind=ended.kind).exists():
            _note(receipt, [ended])


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
