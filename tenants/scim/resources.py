"""What the two kinds of resources have in common: rows of one connection, and the documents that they are."""

import json
from abc import ABC, abstractmethod
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Model, Q, QuerySet
from scim2_models import InvalidValueException, Resource
from scim2_models.path import FilterNode

from tenants.scim.matching import by_id

MAXIMUM_DOCUMENT_BYTES = 65_536


class Collection[Row: Model](ABC):
    """The rows of one kind that a connection told of."""

    kind: ClassVar[str]

    @abstractmethod
    def rows(self) -> QuerySet[Row]:
        """All of them."""

    @abstractmethod
    def narrowed(self, node: FilterNode) -> Q | None:
        """A condition that all rows matching a filter fulfil; None where PostgreSQL cannot tell."""

    @abstractmethod
    def resources(self, rows: list[Row]) -> list[Resource[Any]]:
        """The rows as resources, without locations."""

    @abstractmethod
    def created(self, resource: Resource[Any]) -> Row:
        """Stores a new one. Raises UniquenessException, InvalidValueException, TooManyException."""

    @abstractmethod
    def updated(self, row: Row, resource: Resource[Any]) -> Row:
        """Replaces one. Raises UniquenessException, InvalidValueException, ForbiddenException."""

    @abstractmethod
    def deleted(self, row: Row) -> None:
        """Removes one. Raises ForbiddenException."""

    def found(self, resource_id: str) -> Row | None:
        """The row with this id."""
        return self.rows().filter(by_id(resource_id)).first()

    def resource(self, row: Row) -> Resource[Any]:
        """One row as a resource."""
        return self.resources([row])[0]


def meta_of(kind: str, version: int, created: datetime, modified: datetime) -> dict[str, Any]:
    """What the server says of a resource (RFC 7643 section 3.1); where it is, the protocol adds."""
    return {
        "resourceType": kind,
        "created": created.isoformat(),
        "lastModified": modified.isoformat(),
        "version": f'W/"{version}"',
    }


def text_within(name: str, value: str | None, longest: int) -> str:
    """A text that a column takes; raises InvalidValueException."""
    text = value or ""
    if len(text) > longest or "\0" in text:
        raise InvalidValueException(detail=f"{name} has at most {longest} characters, and no null character")
    return text


def document_of(resource: Resource[Any]) -> dict[str, Any]:
    """What of a resource is kept: all but what the server says, and any password. Raises InvalidValueException."""
    dumped: dict[str, Any] = resource.model_dump()
    kept = {name: value for name, value in dumped.items() if name not in ("id", "meta", "password")}
    text = json.dumps(kept)
    if len(text) > MAXIMUM_DOCUMENT_BYTES:
        raise InvalidValueException(detail=f"A resource has at most {MAXIMUM_DOCUMENT_BYTES} bytes")
    if "\\u0000" in text:
        raise InvalidValueException(detail="No value holds a null character")
    return kept


def id_or_none(value: str | None) -> UUID | None:
    """An id as we give them out."""
    try:
        known = UUID(value or "")
    except ValueError:
        return None
    return known if str(known) == value else None
