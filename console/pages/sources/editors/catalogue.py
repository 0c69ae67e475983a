"""Every editor of sources, a line for each kind of upstream."""

from console.pages.sources.editors.base import SourceForm
from console.pages.sources.editors.graphql import GraphqlForm
from console.pages.sources.editors.grpc import GrpcForm
from console.pages.sources.editors.http import HttpServiceForm
from console.pages.sources.editors.mcp import McpForm
from console.pages.sources.editors.openapi import OpenApiForm
from console.pages.sources.editors.plain import PlainForm
from console.pages.sources.editors.sql import SqlForm
from core import refusals
from core.refusals import Refused
from mcp_runtime.sources.registry import UPSTREAM_SOURCES

EDITORS: dict[str, type[SourceForm]] = {
    "openapi": OpenApiForm,
    "mcp": McpForm,
    "graphql": GraphqlForm,
    "sql": SqlForm,
    "grpc": GrpcForm,
    "http": HttpServiceForm,
}


def kinds() -> list[dict[str, str]]:
    """The kinds that this platform has, in the order in which they are offered."""
    known = [*(kind for kind in EDITORS if kind in UPSTREAM_SOURCES), *(set(UPSTREAM_SOURCES) - set(EDITORS))]
    return [{"kind": kind, "title": title_of(kind), "lead": editor_of(kind).lead} for kind in known]


def editor_of(kind: str) -> type[SourceForm]:
    """The form of a kind of upstream; raises Refused(NOT_FOUND)."""
    if kind not in UPSTREAM_SOURCES:
        raise Refused(refusals.NOT_FOUND)
    return EDITORS.get(kind, PlainForm)


def title_of(kind: str) -> str:
    """What a kind is called, also one that this platform does not have any more."""
    return UPSTREAM_SOURCES[kind].title if kind in UPSTREAM_SOURCES else kind
