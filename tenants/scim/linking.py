"""People that a provider tells of, and the memberships that they are here. Runs inside the tenant's context."""

from tenants.models import GroupMember, GroupSource, Membership, Role, ScimConnection, ScimUser
from tenants.models.group import GRANTED_ROLES, Group
from tenants.services.roles import member_take_role


def linked(connection: ScimConnection, row: ScimUser, membership: Membership) -> None:
    """Says which member somebody is; their places in groups become that member's."""
    row.membership = membership
    row.save(update_fields=["membership"])
    GroupMember.objects.filter(provisioned=row).update(membership=membership)
    role_follows(connection, [membership])


def linked_on_joining(membership: Membership) -> None:
    """Links a new member with whoever was waiting for them under their address."""
    waiting = ScimUser.objects.filter(email=membership.user.email, membership=None, active=True)
    row = waiting.select_related("connection").order_by("created_at").first()
    if row is not None:
        linked(row.connection, row, membership)


def role_follows(connection: ScimConnection, memberships: list[Membership]) -> None:
    """Gives members the highest role that a group of theirs has; the connection's default where none has one.

    Nothing changes while no group of the connection has a role, and nothing ever for the owner.
    """
    of = Group.objects.filter(source=GroupSource.SCIM, provider=connection.pk).exclude(role="")
    roles = dict(of.values_list("pk", "role"))
    if not roles:
        return
    held = GroupMember.objects.filter(membership__in=memberships, group__in=roles.keys())
    given: dict[object, set[str]] = {}
    for membership_id, group_id in held.values_list("membership_id", "group_id"):
        given.setdefault(membership_id, set()).add(roles[group_id])
    for membership in memberships:
        highest = next((role for role in GRANTED_ROLES if role in given.get(membership.pk, ())), None)
        if membership.role != Role.OWNER:
            member_take_role(membership=membership, role=highest or connection.default_role)
