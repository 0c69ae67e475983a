"""The resources of one provisioning connection, in the tenant's own tables. Used inside the tenant's context."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from django.db import transaction
from scim2_models import (
    InvalidFilterException,
    NotFoundException,
    PreconditionFailedException,
    Resource,
    ResourceType,
    ResponseParameters,
    SearchRequest,
    TooManyException,
)
from scim2_server.memory import InMemoryStorage
from scim2_server.storage import ScimStorage, SearchPage

from tenants.models import ScimConnection
from tenants.scim.groups import Groups
from tenants.scim.resources import Collection
from tenants.scim.users import Users

# A filter that no column narrows down is matched one by one.
MAXIMUM_SCANNED = 2_000
# Where a page may begin: more than a connection ever has, and a number that PostgreSQL takes.
FURTHEST = 1_000_000
TOO_MANY = "Too many resources to look through: filter by id, userName, externalId, emails.value or displayName."


class TenantStorage(ScimStorage):
    """What a connection's provider told of. Resources of another connection do not exist here."""

    supports_cursors = True

    def __init__(self, connection: ScimConnection) -> None:
        users = Users(connection)
        self._collections: dict[str, Collection[Any]] = {"User": users, "Group": Groups(connection, users)}

    def operation(self) -> AbstractContextManager[None]:
        """A savepoint: one operation of a bulk request may fail without the others."""
        return _savepoint()

    def get(
        self,
        resource_type: ResourceType,
        resource_id: str,
        *,
        response_parameters: ResponseParameters[Any] | None = None,
    ) -> Resource[Any]:
        """Raises NotFoundException."""
        collection = self._of(resource_type)
        return collection.resource(self._row(collection, resource_id))

    def search(
        self, resource_types: list[ResourceType], search_request: SearchRequest[Any], *, position: Any = None
    ) -> SearchPage:
        """Raises TooManyException where too much would have to be looked through."""
        if len(resource_types) == 1 and _is_plain(search_request):
            return self._listed(self._of(resource_types[0]), search_request)
        # The library's own storage matches, sorts and pages what PostgreSQL found.
        found = InMemoryStorage()
        found.resources = [resource for kind in resource_types for resource in self._candidates(kind, search_request)]
        try:
            return found.search(resource_types, search_request, position=position)
        except TypeError:
            raise InvalidFilterException(detail="These values cannot be put in order.") from None

    def create(self, resource_type: ResourceType, resource: Resource[Any]) -> Resource[Any]:
        """Raises UniquenessException, TooManyException."""
        collection = self._of(resource_type)
        return collection.resource(collection.created(resource))

    def update(
        self, resource_type: ResourceType, resource: Resource[Any], *, expected_version: str | None = None
    ) -> Resource[Any]:
        """Raises NotFoundException, PreconditionFailedException, UniquenessException."""
        collection = self._of(resource_type)
        row = self._row(collection, resource.id or "")
        _require_version(row, expected_version)
        return collection.resource(collection.updated(row, resource))

    def delete(self, resource_type: ResourceType, resource_id: str, *, expected_version: str | None = None) -> None:
        """Raises NotFoundException, PreconditionFailedException."""
        collection = self._of(resource_type)
        row = self._row(collection, resource_id)
        _require_version(row, expected_version)
        collection.deleted(row)

    def _of(self, resource_type: ResourceType) -> Collection[Any]:
        return self._collections[str(resource_type.id)]

    @staticmethod
    def _row(collection: Collection[Any], resource_id: str) -> Any:
        row = collection.found(resource_id)
        if row is None:
            raise NotFoundException(detail=f"{collection.kind} {resource_id!r} not found")
        return row

    @staticmethod
    def _listed(collection: Collection[Any], search_request: SearchRequest[Any]) -> SearchPage:
        rows = collection.rows().order_by("pk")
        start = min(search_request.start_index_0 or 0, FURTHEST)
        stop = None if search_request.count is None else start + search_request.count
        return SearchPage(rows.count(), collection.resources(list(rows[start:stop])))

    def _candidates(self, kind: ResourceType, search_request: SearchRequest[Any]) -> list[Resource[Any]]:
        collection = self._of(kind)
        narrowed = None if search_request.filter is None else collection.narrowed(search_request.filter.ast)
        rows = collection.rows() if narrowed is None else collection.rows().filter(narrowed).distinct()
        found = list(rows[: MAXIMUM_SCANNED + 1])
        if len(found) > MAXIMUM_SCANNED:
            raise TooManyException(detail=TOO_MANY)
        return collection.resources(found)


@contextmanager
def _savepoint() -> Iterator[None]:
    with transaction.atomic():
        yield


def _is_plain(search_request: SearchRequest[Any]) -> bool:
    return search_request.filter is None and search_request.sort_by is None and search_request.cursor is None


def _require_version(row: Any, expected: str | None) -> None:
    if expected is not None and version_of(row) != expected:
        raise PreconditionFailedException


def version_of(row: Any) -> str:
    """The entity tag of a row (RFC 7644 section 3.14)."""
    return f'W/"{row.version}"'
