"""Members and invitations."""

import logging
import secrets
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import send_mail
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.utils import timezone

from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import Actor, Permission, tenant_id_for
from tenants.allowance import require_member_room
from tenants.models import Cause, Deprovision, Invitation, Membership, Role, ScimConnection, Tenant, User
from tenants.scim.linking import linked_on_joining
from tenants.services.deprovisioning import deprovision
from tenants.services.roles import member_take_role
from tenants.validation import fields_cleaned, refused_fields

logger = logging.getLogger(__name__)

INVITATION_LIFETIME = timedelta(days=7)
_AWAY = {True: "", False: ", and deactivated: reactivate them"}
MAXIMUM_OPEN_INVITATIONS = 100  # a mail flood from one tenant stops here


def member_invite(*, actor: Actor, email: str, role: str) -> Invitation:
    """Invites an address by mail, or renews an earlier invitation; the mail leaves when the transaction commits."""
    actor.require(Permission.MANAGE_MEMBERS)
    actor.require_grantable(role)
    _require_not_owner(role)
    token = secrets.token_urlsafe(32)
    invitation = fields_cleaned(
        Invitation(
            tenant=actor.tenant,
            email=email.strip().lower(),
            role=role,
            token_digest=keys.digest(token),
            invited_by=actor.user,
            expires_at=timezone.now() + INVITATION_LIFETIME,
        )
    )
    _make_room(actor.tenant.id, invitation.email)
    invitation.save()
    # One line, whatever a person called themselves: this name stands in mail to people who did not ask for it.
    inviter = " ".join((actor.user.get_full_name() if actor.user else actor.tenant.name).split())
    transaction.on_commit(lambda: _send(actor.tenant, invitation, token, inviter))
    return invitation


def member_invite_for(*, connection: ScimConnection, email: str) -> None:
    """Invites somebody whom a provisioning connection told of, unless somebody has. Runs inside the tenant's context.

    Where too many invitations are open nobody is invited: the provider is not told to stop, and they wait.
    """
    if Invitation.objects.filter(email=email).exists() or Invitation.objects.count() >= MAXIMUM_OPEN_INVITATIONS:
        return
    token = secrets.token_urlsafe(32)
    invitation = Invitation.objects.create(
        tenant_id=connection.tenant_id,
        email=email,
        role=connection.default_role,
        token_digest=keys.digest(token),
        provider=connection.pk,
        expires_at=timezone.now() + INVITATION_LIFETIME,
    )
    tenant = Tenant.objects.get()
    # What was written stays written, whatever befalls the mail.
    transaction.on_commit(lambda: _send(tenant, invitation, token, tenant.name), robust=True)


def invitation_withdraw(*, actor: Actor, invitation_id: UUID) -> None:
    """Makes an invitation's link useless."""
    actor.require(Permission.MANAGE_MEMBERS)
    deleted, _ = Invitation.objects.filter(pk=invitation_id).delete()
    if not deleted:
        raise Refused(refusals.NOT_FOUND)


def invitation_for(*, slug: str, token: str) -> Invitation:
    """The open invitation that a link names; raises Refused(EXPIRED). Opens a tenant context of its own."""
    with tenant_context(tenant_id_for(slug)):
        return _open_invitation(token)


def invitation_accept(*, user: User, slug: str, token: str) -> Membership:
    """Makes the person a member. The link works once, and only for the address that it was sent to.

    Opens a tenant context of its own. Raises Refused: EXPIRED, LIMIT_REACHED (the plan's), PERMISSION_DENIED for
    another's invitation.
    """
    with tenant_context(tenant_id_for(slug)):
        invitation = _open_invitation(token)
        if invitation.email != user.email:
            raise Refused(
                refusals.PERMISSION_DENIED,
                f"This invitation was sent to {invitation.email}. Sign in with that address.",
            )
        deleted, _ = Invitation.objects.filter(pk=invitation.pk).delete()
        if not deleted:  # accepted or withdrawn since we looked
            raise Refused(refusals.EXPIRED)
        require_member_room(invitation.tenant_id, Membership.objects.active().count)
        try:
            with transaction.atomic():
                joined = Membership.objects.create(tenant=invitation.tenant, user=user, role=invitation.role)
        except IntegrityError:
            raise Refused(refusals.CONFLICT, "You are a member already.") from None
        linked_on_joining(joined)
        return joined


def member_change_role(*, actor: Actor, user_id: UUID, role: str) -> Membership:
    """Gives a member another role; the owner's changes by transfer alone. API keys they made above it end."""
    actor.require(Permission.MANAGE_MEMBERS)
    actor.require_grantable(role)
    membership = _other_member(user_id)
    _require_not_owner(role)
    member_take_role(membership=membership, role=role)
    return membership


def member_remove(*, actor: Actor, user_id: UUID) -> Deprovision:
    """Takes a member out of the tenant, with all that they hold and made there. Anyone but the owner may also leave."""
    leaves = actor.user is not None and actor.user.pk == user_id
    if not leaves:
        actor.require(Permission.MANAGE_MEMBERS)
    return deprovision(membership=_other_member(user_id), cause=Cause.LEFT if leaves else Cause.REMOVED, by=actor.user)


def member_deactivate(*, actor: Actor, user_id: UUID) -> Deprovision:
    """Makes a member a stranger until they are reactivated; what they made and connected ends as if they had left."""
    actor.require(Permission.MANAGE_MEMBERS)
    return deprovision(membership=_other_member(user_id), cause=Cause.DEACTIVATED, by=actor.user)


def member_reactivate(*, actor: Actor, user_id: UUID) -> Membership:
    """Lets a deactivated member in again, with the role and the groups they had. Ended keys stay ended."""
    actor.require(Permission.MANAGE_MEMBERS)
    membership = _other_member(user_id)
    # Whoever lets somebody in with a role could give it.
    actor.require_grantable(membership.role)
    return member_let_in(membership)


def member_let_in(membership: Membership) -> Membership:
    """Ends a member's deactivation, if they are; they are held. Raises Refused(LIMIT_REACHED), which is the plan's."""
    if membership.deactivated_at is not None:
        require_member_room(membership.tenant_id, Membership.objects.active().count)
        membership.deactivated_at = None
        membership.save(update_fields=["deactivated_at"])
    return membership


def _require_not_owner(role: str) -> None:
    if role == Role.OWNER:
        raise refused_fields({"role": "Transfer the tenant to make another member its owner."})


def _members_to_be() -> int:
    return Membership.objects.active().count() + Invitation.objects.filter(expires_at__gt=timezone.now()).count()


def _make_room(tenant_id: UUID, address: str) -> None:
    # Held against a second invitation, so that what is counted and compared here stays true.
    Tenant.objects.select_for_update(no_key=True).first()
    member = Membership.objects.filter(user__email=address).first()
    if member is not None:
        raise Refused(refusals.CONFLICT, f"{address} is a member already{_AWAY[member.deactivated_at is None]}.")
    Invitation.objects.filter(email=address).delete()
    require_member_room(tenant_id, _members_to_be)
    if Invitation.objects.count() >= MAXIMUM_OPEN_INVITATIONS:
        raise Refused(refusals.LIMIT_REACHED, "Too many open invitations. Withdraw some first.")


def _other_member(user_id: UUID) -> Membership:
    membership = Membership.objects.select_for_update().filter(user_id=user_id).first()
    if membership is None:
        raise Refused(refusals.NOT_FOUND)
    if membership.role == Role.OWNER:
        raise Refused(refusals.CONFLICT, "The owner stays until the tenant is transferred to another member.")
    return membership


def _open_invitation(token: str) -> Invitation:
    invitation = Invitation.objects.select_related("tenant").filter(token_digest=keys.digest(token)).first()
    if invitation is None or invitation.expires_at <= timezone.now() or invitation.tenant.is_being_deleted:
        raise Refused(refusals.EXPIRED)
    return invitation


def _send(tenant: Tenant, invitation: Invitation, token: str, inviter: str) -> None:
    link = f"{settings.CONSOLE_URL}/invitations/{tenant.slug}/{token}"
    context = {"tenant": tenant, "invitation": invitation, "link": link, "inviter": inviter}
    # A line break in a header would start another header (RFC 5322 section 2.2).
    subject = " ".join(f"{inviter} invites you to {tenant.name}".split())
    body = render_to_string("tenants/mail/invitation.txt", context)
    try:
        send_mail(subject=subject, message=body, from_email=None, recipient_list=[invitation.email])
    except OSError as error:
        logger.warning("An invitation's mail was not sent: %s", error)
        raise Refused(
            refusals.TEMPORARILY_UNAVAILABLE,
            "The invitation is made, but its mail could not be sent. Invite the address again to send another.",
        ) from None
