"""Closing an account: its person is put out of every tenant, and what names them is taken off the row that stays.

What they did stays in logs and receipts of tenants under the row's id. Each opens contexts of its own.
"""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.db import transaction
from django.utils import timezone

from core import refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.access import memberships_of
from tenants.models import Cause, KnownDevice, Membership, Role, SsoIdentity, User
from tenants.services.deprovisioning import deprovision

# RFC 2606 section 2: no mail ever goes there.
DOMAIN = "closed.invalid"
NAME = "Closed account"


def account_close(*, user: User) -> int:
    """Closes the account of `user`, for good; how many tenants they were put out of.

    Raises Refused(CONFLICT) for somebody who owns a tenant: it would be nobody's.
    """
    owned = [row.tenant.name for row in memberships_of(user) if row.role == Role.OWNER]
    if owned:
        names = ", ".join(owned)
        raise Refused(refusals.CONFLICT, f"You own {names}. Transfer what you own, or delete it and wait until it is.")
    # From here on nobody signs in as them; what comes next is finished by a sweep if this process ends.
    User.objects.filter(pk=user.pk, closed_at=None).update(closed_at=timezone.now(), is_active=False)
    return _finish(user)


def closings_finish() -> int:
    """Finishes closing the accounts that somebody began to close; how many they were."""
    begun = list(User.objects.exclude(closed_at=None).exclude(email__endswith=f"@{DOMAIN}"))
    for user in begun:
        _finish(user)
    return len(begun)


def _finish(user: User) -> int:
    rows = memberships_of(user)
    for row in rows:
        _leave(user, row)
    with transaction.atomic():
        for session in UserSession.objects.select_for_update().filter(user=user):
            session.end()
        EmailAddress.objects.filter(user=user).delete()
        Authenticator.objects.filter(user=user).delete()
        KnownDevice.objects.filter(user=user).delete()
        nobody = User.objects.select_for_update().get(pk=user.pk)
        nobody.email, nobody.name = f"{user.pk}@{DOMAIN}", NAME
        nobody.set_unusable_password()
        nobody.save(update_fields=["email", "name", "password"])
    return len(rows)


def _leave(user: User, row: Membership) -> None:
    with tenant_context(row.tenant_id):
        membership = Membership.objects.filter(pk=row.pk).first()
        if membership is not None:
            deprovision(membership=membership, cause=Cause.ACCOUNT_CLOSED, by=user)
        SsoIdentity.objects.filter(user=user).delete()
