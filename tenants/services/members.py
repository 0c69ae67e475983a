"""Members and invitations."""

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
from tenants.models import Invitation, Membership, Role, Tenant, User
from tenants.validation import cleaned

INVITATION_LIFETIME = timedelta(days=7)
MAXIMUM_OPEN_INVITATIONS = 100  # a mail flood from one tenant stops here


def member_invite(*, actor: Actor, email: str, role: str) -> Invitation:
    """Invites an address by mail, or renews an earlier invitation; the mail leaves when the transaction commits."""
    actor.require(Permission.MANAGE_MEMBERS)
    actor.require_grantable(role)
    address = email.strip().lower()
    if Membership.objects.filter(user__email=address).exists():
        raise Refused(refusals.CONFLICT, f"{address} is a member already.")
    Invitation.objects.filter(email=address).delete()
    if Invitation.objects.count() >= MAXIMUM_OPEN_INVITATIONS:
        raise Refused(refusals.LIMIT_REACHED, "Too many open invitations. Withdraw some first.")
    token = secrets.token_urlsafe(32)
    invitation = cleaned(
        Invitation(
            tenant=actor.tenant,
            email=address,
            role=role,
            token_digest=keys.digest(token),
            invited_by=actor.user,
            expires_at=timezone.now() + INVITATION_LIFETIME,
        )
    )
    invitation.save()
    inviter = actor.user.get_full_name() if actor.user else actor.tenant.name
    transaction.on_commit(lambda: _send(actor.tenant, invitation, token, inviter))
    return invitation


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

    Opens a tenant context of its own. Raises Refused(EXPIRED), or PERMISSION_DENIED for another's invitation.
    """
    with tenant_context(tenant_id_for(slug)):
        invitation = _open_invitation(token)
        if invitation.email != user.email:
            raise Refused(
                refusals.PERMISSION_DENIED,
                f"This invitation was sent to {invitation.email}. Sign in with that address.",
            )
        Invitation.objects.filter(pk=invitation.pk).delete()
        try:
            with transaction.atomic():
                return Membership.objects.create(tenant=invitation.tenant, user=user, role=invitation.role)
        except IntegrityError:
            raise Refused(refusals.CONFLICT, "You are a member already.") from None


def member_change_role(*, actor: Actor, user_id: UUID, role: str) -> Membership:
    """Gives a member another role; the owner's changes by transfer alone."""
    actor.require(Permission.MANAGE_MEMBERS)
    actor.require_grantable(role)
    membership = _other_member(user_id)
    if role == Role.OWNER:
        raise Refused(refusals.INVALID_INPUT, "Transfer the tenant to make another member its owner.")
    membership.role = role
    membership.save(update_fields=["role"])
    return membership


def member_remove(*, actor: Actor, user_id: UUID) -> None:
    """Takes a member out of the tenant; anyone but the owner may also leave by themselves."""
    if actor.user is None or actor.user.pk != user_id:
        actor.require(Permission.MANAGE_MEMBERS)
    _other_member(user_id).delete()


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
    send_mail(
        subject=f"{inviter} invites you to {tenant.name}".replace("\n", " "),
        message=render_to_string("tenants/mail/invitation.txt", context),
        from_email=None,
        recipient_list=[invitation.email],
    )
