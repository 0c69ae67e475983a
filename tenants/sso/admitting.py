"""From whom a provider vouches for to who that is here: an account, a membership, a role.

People are global and a provider is one tenant's. So it speaks for accounts whose address is at a domain that its
tenant has verified, at their first login and at every later one, and for no others.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from tenants.allowance import require_member_room
from tenants.models import Deprovision, Membership, Role, SsoConnection, SsoIdentity, Tenant, User
from tenants.scim.linking import linked_on_joining
from tenants.services.roles import member_take_role
from tenants.sso.checks import Asserted, Trace
from tenants.sso.connections import ASSIGNABLE
from tenants.sso.domains import domain_of, holder_of
from tenants.sso.groups import groups_seen


@dataclass(frozen=True, slots=True)
class Known:
    """Who somebody is here so far: `user` None before their account is made, `membership` None before they join."""

    email: str
    identity: SsoIdentity | None = None
    user: User | None = None
    membership: Membership | None = None


def recognised(
    connection: SsoConnection, tenant: Tenant, asserted: Asserted, trace: Trace, *, began_at: datetime
) -> Known:
    """Who somebody is here, after all checks and before anything is written. Runs inside the tenant's context.

    `began_at` is when their login began: who was put out since then does not come back by it. Raises CheckFailed.
    """
    trace.require("tenant", "This tenant is being deleted.", holds=not tenant.is_being_deleted)
    identities = SsoIdentity.objects.select_related("user")
    identity = identities.filter(connection=connection, subject=asserted.subject, user__closed_at=None).first()
    email = identity.user.email if identity else _address(asserted, trace)
    _require_own_domain(tenant.id, email, trace)
    user = identity.user if identity else User.objects.filter(email=email).first()
    trace.require("account", "This account is switched off.", holds=user is None or user.is_active)
    membership = _membership(user) if user else None
    standing = membership is None or membership.deactivated_at is None
    trace.require("membership", "This member is deactivated here.", holds=standing)
    stays_out = membership is None and user is not None and _was_put_out(user, began_at)
    trace.require("membership: put out", "They were put out of this tenant just now.", holds=not stays_out)
    joins = membership is not None or connection.makes_members
    trace.require(
        "membership: joining", "They are no member, and this connection makes none: invite them.", holds=joins
    )
    if membership is None:
        _require_room(tenant.id, trace)
    return Known(email, identity, user, membership)


def admitted(connection: SsoConnection, tenant: Tenant, asserted: Asserted, known: Known) -> SsoIdentity:
    """Makes what is not there yet: account, membership, identity; the role follows the groups.

    Runs inside the tenant's context. Raises Refused(CONFLICT) when the same person came twice at once.
    """
    user = known.user or account_made(known.email, asserted.name)
    if known.identity is None:
        taken_over(user)
        # Of somebody who closed their account: the provider knows its next one by the same name.
        SsoIdentity.objects.filter(connection=connection, subject=asserted.subject).delete()
    role = role_for(connection, asserted.groups)
    membership = known.membership or _joined(tenant, user, role)
    if connection.roles and membership.role not in {Role.OWNER, role}:
        member_take_role(membership=membership, role=role)
    groups_seen(connection, membership, asserted.groups)
    identity = known.identity or SsoIdentity(
        tenant=tenant, connection=connection, subject=asserted.subject, user=user, last_login_at=timezone.now()
    )
    identity.groups, identity.last_login_at = list(asserted.groups), timezone.now()
    identity.save()
    SsoConnection.objects.filter(pk=connection.pk).update(last_login_at=timezone.now(), last_error="")
    return identity


def role_for(connection: SsoConnection, groups: tuple[str, ...]) -> str:
    """The highest role that one of the groups gives, else the connection's default."""
    given = {entry["role"] for entry in connection.roles if entry["group"] in groups}
    return next((role for role in ASSIGNABLE if role in given), connection.default_role)


def _membership(user: User) -> Membership | None:
    # Held, so that nobody comes in while they are being deactivated.
    return Membership.objects.select_for_update().filter(user=user).first()


def _require_room(tenant_id: UUID, trace: Trace) -> None:
    try:
        require_member_room(tenant_id, Membership.objects.active().count)
    except Refused as refused:
        trace.require("membership: room", str(refused), holds=False)


def _was_put_out(user: User, since: datetime) -> bool:
    return Deprovision.objects.filter(user=user, at__gte=since).exists()


def _address(asserted: Asserted, trace: Trace) -> str:
    email = asserted.email.strip().lower()
    trace.require("e-mail address", "The provider names none.", holds=bool(email))
    try:
        validate_email(email)
        well = len(email) <= 254
    except ValidationError:
        well = False
    trace.require("e-mail address: form", "It is no mail address.", holds=well, came=email)
    sentence = "The provider says that the address is not verified."
    trace.require("email_verified", sentence, holds=asserted.email_verified is not False, came=asserted.email_verified)
    return email


def _require_own_domain(tenant_id: UUID, email: str, trace: Trace) -> None:
    sentence = f"This tenant has not verified the domain {domain_of(email) or 'of this address'}."
    trace.require("e-mail domain", sentence, holds=holder_of(email) == tenant_id, came=email)


def account_made(email: str, name: str) -> User:
    """An account without a password, for an address whose domain the tenant has verified. Raises Refused(CONFLICT)."""
    try:
        with transaction.atomic():
            user = User.objects.create_user(email, name=name)
            EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    except IntegrityError:
        raise Refused(refusals.CONFLICT, "This account was made just now. Sign in again.") from None
    return user


def taken_over(user: User) -> User:
    """Whoever signed up with an address and never proved it keeps no way into the account of whom it belongs to."""
    if EmailAddress.objects.filter(user=user, email=user.email, verified=True).exists():
        return user
    user.set_unusable_password()
    user.save(update_fields=["password"])
    Authenticator.objects.filter(user=user).delete()
    EmailAddress.objects.filter(user=user).delete()
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def _joined(tenant: Tenant, user: User, role: str) -> Membership:
    try:
        with transaction.atomic():
            joined = Membership.objects.create(tenant=tenant, user=user, role=role)
    except IntegrityError:
        raise Refused(refusals.CONFLICT, "You joined just now. Sign in again.") from None
    linked_on_joining(joined)
    return joined
