"""Lists in pages, in a stable order."""

from typing import Any

from django.db.models import Model, QuerySet
from ninja import Schema
from pydantic import Field


class Paging(Schema):
    """Which part of a list to return."""

    limit: int = Field(default=50, ge=1, le=100, description="How many items to return.")
    offset: int = Field(default=0, ge=0, le=1_000_000, description="How many items to skip.")


class Page[ItemT](Schema):
    """A part of a list, and how long the whole is."""

    items: list[ItemT]
    total: int = Field(description="How many items there are in all.")
    limit: int
    offset: int


def page_of[ModelT: Model](rows: QuerySet[ModelT], paging: Paging, by: str = "created_at") -> dict[str, Any]:
    """The part of `rows`, in the order of `by`, that `paging` names, read now, while the tenant's context is open."""
    ordered = rows.order_by(by, "pk")
    return {
        "items": list(ordered[paging.offset : paging.offset + paging.limit]),
        "total": rows.count(),
        "limit": paging.limit,
        "offset": paging.offset,
    }
