"""Reads of upstreams, of what they offer and of their imports. Each runs inside a tenant context."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import BooleanField, Count, ExpressionWrapper, IntegerField, OuterRef, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Length

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import Definition, Endpoint, Form, ImportRun, Prompt, Resource, Tool, Upstream

_SERVED: dict[str, Any] = {Form.TOOL: Tool, Form.PROMPT: Prompt, Form.RESOURCE: Resource}
_WAITING = Q(offered__isnull=False, is_gone=False) | Q(is_gone=True)


class Standing(StrEnum):
    """What is asked of a definition's state."""

    NEW = "new"
    APPROVED = "approved"
    DRIFTED = "drifted"
    GONE = "gone"
    WAITING = "waiting"  # new, drifted or gone: somebody has to decide


_STANDINGS = {
    Standing.NEW: Q(is_gone=False, pinned__isnull=True),
    Standing.APPROVED: Q(is_gone=False, pinned__isnull=False, offered__isnull=True),
    Standing.DRIFTED: Q(is_gone=False, pinned__isnull=False, offered__isnull=False),
    Standing.GONE: Q(is_gone=True),
    Standing.WAITING: _WAITING,
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which definitions: None and an empty text ask for nothing in particular."""

    query: str = ""
    standing: Standing | None = None
    form: Form | None = None
    has_findings: bool | None = None
    chosen: bool | None = None


def upstreams_of(endpoint: Endpoint) -> QuerySet[Upstream]:
    """An endpoint's upstreams by name, without their material.

    Annotated: `definition_count`, `waiting_count`, `tool_count` (its tools that clients see), `material_bytes`.
    """
    rows = Upstream.objects.filter(endpoint=endpoint).defer("material").order_by("name", "slug")
    return rows.annotate(
        definition_count=_count(Definition.objects.all(), "upstream"),
        waiting_count=_count(Definition.objects.filter(_WAITING), "upstream"),
        tool_count=_count(Tool.objects.filter(enabled=True), "definition__upstream"),
        material_bytes=Coalesce(Length("material"), 0),
    )


def upstream_shown(endpoint: Endpoint, slug: str) -> Upstream:
    """One of them; raises Refused(NOT_FOUND)."""
    upstream = upstreams_of(endpoint).filter(slug=slug).first() if slug.isascii() else None
    if upstream is None:
        raise Refused(refusals.NOT_FOUND)
    return upstream


def runs_of(upstream: Upstream) -> QuerySet[ImportRun]:
    """The imports of an upstream that are kept, the latest first."""
    return ImportRun.objects.filter(upstream=upstream).order_by("-created_at", "-pk")


def run_of(upstream: Upstream, run_id: UUID) -> ImportRun:
    """One of them; raises Refused(NOT_FOUND)."""
    run = runs_of(upstream).filter(pk=run_id).first()
    if run is None:
        raise Refused(refusals.NOT_FOUND)
    return run


def definitions_matching(upstream: Upstream, wanted: Wanted) -> QuerySet[Definition]:
    """What an upstream offers, what waits for somebody first, then by name."""
    matching = _STANDINGS[wanted.standing] if wanted.standing else Q()
    if wanted.query:
        texts = Q(name__icontains=wanted.query) | Q(curation__name__icontains=wanted.query)
        described = Q(offered__description__icontains=wanted.query) | Q(pinned__description__icontains=wanted.query)
        matching &= texts | described
    if wanted.form:
        matching &= Q(form=wanted.form)
    if wanted.has_findings is not None:
        matching &= ~Q(findings=[]) if wanted.has_findings else Q(findings=[])
    if wanted.chosen is not None:
        matching &= Q(chosen=wanted.chosen)
    waits = ExpressionWrapper(_WAITING, BooleanField())
    rows = Definition.objects.filter(matching, upstream=upstream).annotate(waits=waits)
    return rows.select_related("approved_by").order_by("-waits", "name", "form")


def definition_counts(upstream: Upstream) -> dict[str, int]:
    """How many there are of each standing; `flagged` of those that wait have something to look at, `clean` have not."""
    numbers: dict[str, Any] = {standing.value: Count("pk", filter=_STANDINGS[standing]) for standing in Standing}
    offered = Q(offered__isnull=False, is_gone=False)
    numbers["flagged"] = Count("pk", filter=offered & ~Q(findings=[]))
    numbers["clean"] = Count("pk", filter=offered & Q(findings=[]))
    counted: dict[str, int] = Definition.objects.filter(upstream=upstream).aggregate(total=Count("pk"), **numbers)
    return counted


def served_of(definitions: Iterable[Definition]) -> dict[UUID, Tool | Prompt | Resource]:
    """What clients can get of definitions, by the definition's id."""
    wanted: dict[str, list[UUID]] = {form: [] for form in _SERVED}
    for definition in definitions:
        wanted[definition.form].append(definition.pk)
    found = [_SERVED[form].objects.filter(definition__in=ids) for form, ids in wanted.items() if ids]
    return {item.definition_id: item for items in found for item in items}


def shown_of(definition: Definition) -> dict[str, Any]:
    """What somebody who decides on a definition looks at: what waits, or what is pinned where nothing does."""
    shown: dict[str, Any] | None = definition.pinned if definition.offered is None else definition.offered
    return shown or {}


def _count(rows: QuerySet[Any], upstream: str) -> Coalesce:
    """A correlated count: joining several to-many tables would multiply their rows."""
    mine = rows.filter(**{upstream: OuterRef("pk")}).order_by().values(upstream)
    return Coalesce(Subquery(mine.annotate(number=Count("pk")).values("number"), IntegerField()), 0)
