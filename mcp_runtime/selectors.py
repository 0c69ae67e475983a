"""Reads of endpoints, their tools and their keys. Each runs inside a tenant context."""

from typing import Any
from uuid import UUID

from django.db.models import (
    BooleanField,
    Count,
    Exists,
    ExpressionWrapper,
    IntegerField,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Coalesce

from core import refusals
from core.refusals import Refused
from mcp_runtime.models import AccessKey, Endpoint, Prompt, Resource, Tool, ToolRule
from tenants.services.api_keys import live


def endpoints_matching(query: str = "") -> QuerySet[Endpoint]:
    """Endpoints whose name or slug contains `query`, by name; `tool_count` and `live_key_count` are annotated."""
    rows = Endpoint.objects.annotate(
        tool_count=_count(Tool.objects.filter(enabled=True)),
        live_key_count=_count(AccessKey.objects.filter(_live_now())),
    )
    matching = Q(name__icontains=query) | Q(slug__icontains=query) if query else Q()
    return rows.filter(matching).order_by("name", "slug")


def tools_matching(endpoint: Endpoint, query: str = "") -> QuerySet[Tool]:
    """Tools of an endpoint whose name, title or description contains `query`, by name."""
    texts = Q(name__icontains=query) | Q(title__icontains=query) | Q(description__icontains=query)
    return _with_source(Tool.objects.filter(texts if query else Q(), endpoint=endpoint)).order_by("name")


def callable_tools(endpoint: Endpoint) -> QuerySet[Tool]:
    """Tools of an endpoint that clients see, by name."""
    return tools_matching(endpoint).filter(enabled=True)


def prompts_matching(endpoint: Endpoint, query: str = "") -> QuerySet[Prompt]:
    """Prompts of an endpoint whose name, title or description contains `query`, by name."""
    texts = Q(name__icontains=query) | Q(title__icontains=query) | Q(description__icontains=query)
    return (
        _with_source(Prompt.objects.filter(texts if query else Q(), endpoint=endpoint)).defer("config").order_by("name")
    )


def resources_matching(endpoint: Endpoint, query: str = "") -> QuerySet[Resource]:
    """Resources of an endpoint whose URI, name, title or description contains `query`, by URI."""
    texts = Q(uri__icontains=query) | Q(name__icontains=query) | Q(title__icontains=query)
    matching = texts | Q(description__icontains=query) if query else Q()
    return _with_source(Resource.objects.filter(matching, endpoint=endpoint)).defer("config").order_by("uri")


def access_keys_matching(endpoint: Endpoint, query: str = "") -> QuerySet[AccessKey]:
    """Keys of an endpoint whose name or prefix contains `query`: those that work first, then the newest."""
    matching = Q(name__icontains=query) | Q(prefix__icontains=query) if query else Q()
    rows = AccessKey.objects.filter(matching, endpoint=endpoint).select_related("created_by")
    return rows.annotate(is_live=ExpressionWrapper(_live_now(), BooleanField())).order_by("-is_live", "-created_at")


def access_key_of(endpoint: Endpoint, access_key_id: UUID) -> AccessKey:
    """A key of this endpoint, revoked or not; raises Refused(NOT_FOUND)."""
    access_key = AccessKey.objects.filter(endpoint=endpoint, pk=access_key_id).first()
    if access_key is None:
        raise Refused(refusals.NOT_FOUND)
    return access_key


def live_access_keys(endpoint: Endpoint) -> QuerySet[AccessKey]:
    """Keys of an endpoint that are neither revoked nor expired."""
    return AccessKey.objects.filter(_live_now(), endpoint=endpoint)


def endpoint_count() -> int:
    """How many endpoints the tenant has."""
    return Endpoint.objects.count()


def endpoints_without_tools() -> QuerySet[Endpoint]:
    """Endpoints that answer with an empty list of tools, by name."""
    has_tools = Exists(Tool.objects.filter(endpoint=OuterRef("pk"), enabled=True))
    return endpoints_matching().filter(~has_tools)


def tool_count() -> int:
    """How many tools clients can call on all endpoints together."""
    return Tool.objects.filter(enabled=True).count()


def live_access_key_count() -> int:
    """How many access keys work, on all endpoints together."""
    return AccessKey.objects.filter(_live_now()).count()


def _with_source[ItemT: (Tool, Prompt, Resource)](rows: QuerySet[ItemT]) -> QuerySet[ItemT]:
    """With the upstream that each comes from, and without what is large and no list shows."""
    large = ("definition__pinned", "definition__offered", "definition__upstream__material")
    return rows.select_related("definition__upstream").defer(*large)


def _live_now() -> Q:
    return Q(revoked_at=None) & live()


def _count(rows: QuerySet[Any]) -> Coalesce:
    """A correlated count: joining two to-many tables would multiply their rows."""
    mine = rows.filter(endpoint=OuterRef("pk")).order_by().values("endpoint")
    return Coalesce(Subquery(mine.annotate(number=Count("pk")).values("number"), IntegerField()), 0)


def tool_rules_of(endpoint: Endpoint) -> QuerySet[ToolRule]:
    """The rules of an endpoint, by the name of their group."""
    return ToolRule.objects.filter(endpoint=endpoint).order_by("group_name", "pk")
