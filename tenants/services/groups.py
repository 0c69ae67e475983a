"""Groups made by hand: make, fill, delete. Each service runs inside the actor's tenant context.

Groups that a provider tells of are the provider's to change.
"""

from uuid import UUID

from core import refusals
from core.refusals import Refused
from core.rows import one_of
from tenants.access import Actor, Permission
from tenants.models import Group, GroupMember, GroupSource, Membership
from tenants.validation import cleaned, refused_fields

MAXIMUM_GROUPS = 500  # made by hand
MAXIMUM_MEMBERS = 5_000


def group_create(*, actor: Actor, name: str) -> Group:
    """A new group without members. Raises Refused: CONFLICT for a name that is taken, LIMIT_REACHED."""
    actor.require(Permission.MANAGE_MEMBERS)
    if Group.objects.filter(source=GroupSource.MANUAL).count() >= MAXIMUM_GROUPS:
        raise Refused(refusals.LIMIT_REACHED, f"A tenant has at most {MAXIMUM_GROUPS} groups made here.")
    group = cleaned(Group(tenant=actor.tenant, name=name.strip()))
    group.save(force_insert=True)
    return group


def group_fill(*, actor: Actor, group_id: UUID, emails: list[str]) -> Group:
    """Puts exactly these members into a group. Raises Refused: INVALID_INPUT for who is none, NOT_FOUND, CONFLICT."""
    actor.require(Permission.MANAGE_MEMBERS)
    group = manual_group(group_id)
    wanted = {email.lower() for email in emails}
    if len(wanted) > MAXIMUM_MEMBERS:
        raise refused_fields({"emails": f"A group made here has at most {MAXIMUM_MEMBERS:,} members."})
    members = {row.user.email.lower(): row for row in Membership.objects.select_related("user")}
    strangers = sorted(wanted - members.keys())
    if strangers:
        raise refused_fields({"emails": f"{', '.join(strangers[:10])}: no such member."})
    places = GroupMember.objects.filter(group=group)
    places.exclude(membership__in=[members[email] for email in wanted]).delete()
    GroupMember.objects.bulk_create(
        [GroupMember(tenant=actor.tenant, group=group, membership=members[email]) for email in sorted(wanted)],
        ignore_conflicts=True,
    )
    return group


def group_delete(*, actor: Actor, group_id: UUID) -> None:
    """Deletes a group; rules that name it let nobody in any more. Raises Refused: NOT_FOUND, CONFLICT."""
    actor.require(Permission.MANAGE_MEMBERS)
    manual_group(group_id).delete()


def manual_group(group_id: UUID) -> Group:
    """A group made here, held until the transaction ends. Raises Refused: NOT_FOUND, CONFLICT for a provider's."""
    group = one_of(Group.objects.select_for_update(), group_id)
    if group.source != GroupSource.MANUAL:
        raise Refused(refusals.CONFLICT, "The provider that told of this group says who is in it.")
    return group
