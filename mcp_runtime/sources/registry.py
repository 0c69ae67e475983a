"""Every source of tools, prompts and resources, and every kind of upstream, a line each."""

from mcp_runtime.sources.builtin.source import BuiltinSource
from mcp_runtime.sources.conformance.source import ConformancePromptSource, ConformanceSource
from mcp_runtime.sources.contract import PromptSource, ResourceSource, ToolSource
from mcp_runtime.sources.deferred import Deferred
from mcp_runtime.sources.http.service import HttpServiceSource
from mcp_runtime.sources.http.source import HttpSource
from mcp_runtime.sources.mcp.source import McpSource
from mcp_runtime.sources.openapi.source import OpenApiSource
from mcp_runtime.sources.sql.source import SqlSource
from mcp_runtime.sources.static.prompts import StaticPromptSource
from mcp_runtime.sources.static.resources import StaticResourceSource
from mcp_runtime.sources.upstream import UpstreamSource

SOURCES: dict[str, ToolSource] = {
    source.kind: source for source in (BuiltinSource(), HttpSource(), ConformanceSource())
}
PROMPT_SOURCES: dict[str, PromptSource] = {
    source.kind: source for source in (StaticPromptSource(), ConformancePromptSource())
}
RESOURCE_SOURCES: dict[str, ResourceSource] = {source.kind: source for source in (StaticResourceSource(),)}
UPSTREAM_SOURCES: dict[str, UpstreamSource] = {
    source.kind: source
    for source in (
        McpSource(),
        OpenApiSource(),
        SqlSource(),
        HttpServiceSource(),
        Deferred("graphql", "GraphQL service", "mcp_runtime.sources.graphql.source", "GraphqlSource"),
        Deferred("grpc", "gRPC service", "mcp_runtime.sources.grpc.source", "GrpcSource"),
    )
}
