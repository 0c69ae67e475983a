"""Users of one connection (RFC 7643 section 4.1)."""

from typing import Any, ClassVar
from uuid import uuid4

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone
from scim2_models import Resource, TooManyException, UniquenessException
from scim2_models.path import FilterNode

from tenants.models import ScimConnection, ScimUser
from tenants.models.provisioning import LONGEST_USER_NAME
from tenants.scim import people
from tenants.scim.matching import folded, narrowed_users
from tenants.scim.provider import model_of
from tenants.scim.resources import Collection, document_of, meta_of, text_within

MAXIMUM_USERS = 50_000
MAXIMUM_ADDRESSES = 20
LONGEST_ADDRESS = 254  # RFC 5321 section 4.5.3.1.3, without the angle brackets


class Users(Collection[ScimUser]):
    """People as a provider tells of them; `tenants.scim.people` makes members of them."""

    kind: ClassVar[str] = "User"

    def __init__(self, connection: ScimConnection) -> None:
        self._connection = connection
        self._model = model_of("User")

    def rows(self) -> QuerySet[ScimUser]:
        return ScimUser.objects.filter(connection=self._connection)

    def narrowed(self, node: FilterNode) -> Q | None:
        return narrowed_users(node)

    def resources(self, rows: list[ScimUser]) -> list[Resource[Any]]:
        return [self._resource(row) for row in rows]

    def created(self, resource: Resource[Any]) -> ScimUser:
        if self.rows().count() >= MAXIMUM_USERS:
            raise TooManyException(detail=f"A connection has at most {MAXIMUM_USERS} users")
        now = timezone.now()
        row = ScimUser(id=uuid4(), tenant_id=self._connection.tenant_id, connection=self._connection, created_at=now)
        self._fill(row, resource, version=1)
        _saved(row)
        people.told(self._connection, row, was_active=False, was_known_as="")
        return row

    def updated(self, row: ScimUser, resource: Resource[Any]) -> ScimUser:
        was_active, was_known_as = row.active, row.email
        self._fill(row, resource, version=row.version + 1)
        _saved(row)
        people.told(self._connection, row, was_active=was_active, was_known_as=was_known_as)
        return row

    def deleted(self, row: ScimUser) -> None:
        people.deleted(self._connection, row)
        row.delete()

    def _resource(self, row: ScimUser) -> Resource[Any]:
        meta = meta_of(self.kind, row.version, row.created_at, row.updated_at)
        return self._model.model_validate({**row.document, "id": str(row.pk), "meta": meta})

    @staticmethod
    def _fill(row: ScimUser, resource: Any, *, version: int) -> None:
        addresses = [entry.value for entry in resource.emails or [] if entry.value][:MAXIMUM_ADDRESSES]
        row.document = document_of(resource)
        row.version, row.updated_at = version, timezone.now()
        if version == 1:
            row.created_at = row.updated_at
        row.active = resource.active is not False
        row.user_name = folded(text_within("userName", resource.user_name, LONGEST_USER_NAME))
        row.external_id = text_within("externalId", resource.external_id, 255)
        row.addresses = [folded(text_within("emails.value", address, 320)) for address in addresses]
        row.email = _known_as(resource)


def _known_as(resource: Any) -> str:
    """The address that a person is known by here: the primary one, else that of work, else any, else the user name."""
    entries = [entry for entry in resource.emails or [] if entry.value]
    best = sorted(entries, key=lambda entry: (not entry.primary, str(entry.type or "") != "work"))
    candidates = [best[0].value] if best else [resource.user_name or ""]
    return next((address for address in map(_address, candidates) if address), "")


def _address(text: str) -> str:
    address = text.strip().lower()
    try:
        validate_email(address)
    except ValidationError:
        return ""
    return address if len(address) <= LONGEST_ADDRESS else ""


def _saved(row: ScimUser) -> None:
    try:
        with transaction.atomic():
            row.save()
    except IntegrityError:
        raise UniquenessException(detail="Another user of this connection has this userName") from None
