"""What a provider tells of a person, carried out: joining, coming back, being put out. Runs in the tenant's context.

A provider speaks for the tenant and not for people's accounts: who has an address at a domain that the tenant has
verified joins at once, and anybody else is invited, and joins when they accept.
"""

from scim2_models import ForbiddenException, UniquenessException

from core.refusals import Refused
from tenants.allowance import require_member_room
from tenants.models import Cause, Invitation, Membership, ScimConnection, ScimUser, User
from tenants.scim.linking import linked
from tenants.services.deprovisioning import deprovision
from tenants.services.members import member_invite_for, member_let_in
from tenants.sso.admitting import account_made, taken_over
from tenants.sso.domains import holder_of


def told(connection: ScimConnection, row: ScimUser, *, was_active: bool, was_known_as: str) -> None:
    """Makes the membership follow what was written.

    Raises UniquenessException, or ForbiddenException for the owner and where the plan allows no more members.
    """
    if not row.active:
        if was_active:
            _released(connection, row, Cause.SCIM_DEACTIVATED)
    elif row.membership is None:
        if not was_active or row.email != was_known_as:
            _withdrawn(connection, was_known_as)
            _admitted(connection, row)
    elif not was_active:
        _reactivated(row.membership)


def deleted(connection: ScimConnection, row: ScimUser) -> None:
    """Puts somebody out for good. Raises ForbiddenException for the owner."""
    _released(connection, row, Cause.SCIM_DELETED)


def _admitted(connection: ScimConnection, row: ScimUser) -> None:
    if not row.email:
        return
    membership = Membership.objects.select_for_update().filter(user__email=row.email).first()
    if membership is None and holder_of(row.email) == connection.tenant_id:
        membership = _joined(connection, row)
    if membership is None:
        member_invite_for(connection=connection, email=row.email)
        return
    if ScimUser.objects.filter(membership=membership).exclude(pk=row.pk).exists():
        raise UniquenessException(detail="Another provisioned user has this address")
    _reactivated(membership)
    linked(connection, row, membership)


def _joined(connection: ScimConnection, row: ScimUser) -> Membership:
    name = str(row.document.get("displayName") or "")[:100]
    known = User.objects.filter(email=row.email).first()
    try:
        require_member_room(connection.tenant_id, Membership.objects.active().count)
    except Refused as refused:
        raise ForbiddenException(detail=str(refused)) from None
    user = taken_over(known) if known else account_made(row.email, name)
    return Membership.objects.create(tenant_id=connection.tenant_id, user=user, role=connection.default_role)


def _reactivated(membership: Membership) -> None:
    try:
        member_let_in(membership)
    except Refused as refused:
        raise ForbiddenException(detail=str(refused)) from None


def _released(connection: ScimConnection, row: ScimUser, cause: Cause) -> None:
    _withdrawn(connection, row.email)
    membership = row.membership
    if membership is None or (cause is Cause.SCIM_DEACTIVATED and membership.deactivated_at is not None):
        return
    try:
        deprovision(membership=membership, cause=cause, by=None)
    except Refused as refused:
        raise ForbiddenException(detail=str(refused)) from None
    if cause is Cause.SCIM_DELETED:
        row.membership = None


def _withdrawn(connection: ScimConnection, email: str) -> None:
    Invitation.objects.filter(email=email, provider=connection.pk).delete()
