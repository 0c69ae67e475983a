"""Groups of one connection (RFC 7643 section 4.2): groups of the tenant whose members the provider tells."""

from collections import defaultdict
from typing import Any, ClassVar
from uuid import UUID, uuid4

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from scim2_models import InvalidValueException, Resource, TooManyException, UniquenessException
from scim2_models.path import FilterNode

from tenants.models import Group, GroupMember, GroupSource, Membership, ScimConnection
from tenants.models.group import LONGEST_GROUP_NAME
from tenants.scim.linking import role_follows
from tenants.scim.matching import narrowed_groups
from tenants.scim.provider import model_of
from tenants.scim.resources import Collection, id_or_none, meta_of, text_within
from tenants.scim.users import Users

MAXIMUM_GROUPS = 2_000
MAXIMUM_MEMBERS = 10_000


class Groups(Collection[Group]):
    """Groups hold users of the same connection; groups within groups are refused."""

    kind: ClassVar[str] = "Group"

    def __init__(self, connection: ScimConnection, users: Users) -> None:
        self._connection = connection
        self._users = users
        self._model = model_of("Group")

    def rows(self) -> QuerySet[Group]:
        return Group.objects.filter(source=GroupSource.SCIM, provider=self._connection.pk)

    def narrowed(self, node: FilterNode) -> Q | None:
        return narrowed_groups(node)

    def resources(self, rows: list[Group]) -> list[Resource[Any]]:
        members: dict[UUID, list[dict[str, str]]] = defaultdict(list)
        places = GroupMember.objects.filter(group__in=rows).select_related("provisioned")
        for place in places.order_by("created_at", "pk"):
            if place.provisioned is not None:
                members[place.group_id].append(_member(place, place.provisioned.document))
        return [self._resource(row, members[row.pk]) for row in rows]

    def created(self, resource: Resource[Any]) -> Group:
        if self.rows().count() >= MAXIMUM_GROUPS:
            raise TooManyException(detail=f"A connection has at most {MAXIMUM_GROUPS} groups")
        now = timezone.now()
        row = Group(
            id=uuid4(),
            tenant_id=self._connection.tenant_id,
            source=GroupSource.SCIM,
            provider=self._connection.pk,
            created_at=now,
        )
        self._written(row, resource, adding=True)
        return row

    def updated(self, row: Group, resource: Resource[Any]) -> Group:
        row.version += 1
        self._written(row, resource, adding=False)
        return row

    def deleted(self, row: Group) -> None:
        left = list(Membership.objects.filter(groups__group=row))
        had_role = bool(row.role)
        row.delete()
        if had_role:
            role_follows(self._connection, left)

    def _written(self, row: Group, resource: Any, *, adding: bool) -> None:
        row.name = text_within("displayName", resource.display_name, LONGEST_GROUP_NAME)
        row.external_id = text_within("externalId", resource.external_id, 255)
        wanted = self._wanted(resource)
        try:
            with transaction.atomic():
                row.save(force_insert=adding)
        except IntegrityError:
            raise UniquenessException(detail="Another group of this connection has this displayName") from None
        self._seated(row, wanted)
        self._called(row, resource)

    def _wanted(self, resource: Any) -> dict[UUID, UUID | None]:
        """The members' ids, with their memberships where they have one."""
        values = [entry.value for entry in resource.members or []]
        if len(values) > MAXIMUM_MEMBERS:
            raise InvalidValueException(detail=f"A group has at most {MAXIMUM_MEMBERS} members")
        ids = {value: id_or_none(value) for value in values}
        named = [known for known in ids.values() if known is not None]
        rows = self._users.rows().filter(pk__in=named).values_list("pk", "membership_id")
        found: dict[UUID, UUID | None] = dict(rows)
        for value, known in ids.items():
            if known not in found:
                raise InvalidValueException(detail=f"{value!r} is no user of this connection")
        return found

    @staticmethod
    def _called(row: Group, resource: Any) -> None:
        """Keeps what the provider calls its members, where it does."""
        said = {entry.value: text_within("members.display", entry.display, 254) for entry in resource.members or []}
        changed = [
            place for place in row.members.exclude(provisioned=None) if said[str(place.provisioned_id)] != place.display
        ]
        for place in changed:
            place.display = said[str(place.provisioned_id)]
        GroupMember.objects.bulk_update(changed, ["display"], batch_size=500)

    def _seated(self, row: Group, wanted: dict[UUID, UUID | None]) -> None:
        places = dict(row.members.exclude(provisioned=None).values_list("provisioned_id", "membership_id"))
        gone, come = places.keys() - wanted.keys(), wanted.keys() - places.keys()
        row.members.filter(provisioned_id__in=gone).delete()
        GroupMember.objects.bulk_create(
            GroupMember(tenant_id=row.tenant_id, group=row, provisioned_id=user_id, membership_id=wanted[user_id])
            for user_id in sorted(come)
        )
        if row.role:
            moved = [*(places[user_id] for user_id in gone), *(wanted[user_id] for user_id in come)]
            role_follows(self._connection, list(Membership.objects.filter(pk__in=[one for one in moved if one])))

    def _resource(self, row: Group, members: list[dict[str, str]]) -> Resource[Any]:
        found = {
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"],
            "id": str(row.pk),
            "displayName": row.name,
            "externalId": row.external_id or None,
            "members": members or None,
            "meta": meta_of(self.kind, row.version, row.created_at, row.updated_at),
        }
        return self._model.model_validate(found)


def _member(place: GroupMember, document: dict[str, Any]) -> dict[str, str]:
    user_id = place.provisioned_id
    display = place.display or str(document.get("displayName") or document.get("userName") or "")
    return {"value": str(user_id), "$ref": f"Users/{user_id}", "type": "User", "display": display}
