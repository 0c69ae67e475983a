"""Groups that a provider tells of when somebody signs in, kept as groups of the tenant from that source."""

from collections.abc import Iterable

from tenants.models import Group, GroupMember, GroupSource, Membership, SsoConnection
from tenants.models.group import LONGEST_GROUP_NAME

MAXIMUM_GROUPS = 2_000  # of one connection: more are not kept, and count for roles all the same


def groups_seen(connection: SsoConnection, membership: Membership, names: Iterable[str]) -> None:
    """Puts a member into exactly these groups of the connection's. Runs inside the tenant's context."""
    wanted = {name.lower(): name for name in names if len(name) <= LONGEST_GROUP_NAME}
    ours = Group.objects.filter(source=GroupSource.SSO, provider=connection.pk)
    known = {group.name.lower(): group for group in ours}
    missing = [name for key, name in wanted.items() if key not in known][: max(MAXIMUM_GROUPS - len(known), 0)]
    for name in missing:
        told = {"source": GroupSource.SSO, "provider": connection.pk, "external_id": name}
        group, _made = Group.objects.get_or_create(
            source=GroupSource.SSO,
            provider=connection.pk,
            name__iexact=name,
            defaults={"tenant": connection.tenant, "name": name, **told},
        )
        known[name.lower()] = group
    held = GroupMember.objects.filter(membership=membership, group__in=ours)
    held.exclude(group__in=[known[key] for key in wanted if key in known]).delete()
    present = set(held.values_list("group_id", flat=True))
    joined = [known[key] for key in wanted if key in known and known[key].pk not in present]
    rows = [GroupMember(tenant_id=connection.tenant_id, group=group, membership=membership) for group in joined]
    GroupMember.objects.bulk_create(rows, ignore_conflicts=True)
