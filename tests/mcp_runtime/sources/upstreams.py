"""Opens an upstream the way a worker does, with credentials and material that a test gives it."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from core import outbound
from mcp_runtime import schemas
from mcp_runtime.sources.contract import ToolResult
from mcp_runtime.sources.registry import UPSTREAM_SOURCES
from mcp_runtime.sources.upstream import Discovery, Line, OpenUpstream, UpstreamDraft
from tests.mcp_runtime.sources.calling import SECONDS, context


@dataclass
class HeldCredentials:
    """Credentials that do not change but by `renewed`: what the next token is after one was rejected."""

    held: dict[str, str] = field(default_factory=dict)
    bearer: str | None = None
    renewed: str | None = None
    rejections: list[tuple[str, str]] = field(default_factory=list)

    async def secrets(self) -> Mapping[str, str]:
        """The static secrets."""
        return self.held

    async def token(self, principal: str) -> str | None:
        """The token that is good now."""
        return self.bearer

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        """Notes it, and takes the next token."""
        self.rejections.append((token, challenge))
        self.bearer, self.renewed = self.renewed or self.bearer, None
        return self.bearer != token


async def unheard(_done: int, _all: int, _words: str) -> None:
    """A report that nobody reads."""


@asynccontextmanager
async def opened(
    kind: str,
    config: dict[str, Any],
    *,
    credentials: HeldCredentials | None = None,
    material: bytes = b"",
) -> AsyncIterator[OpenUpstream]:
    """The checked upstream, open."""
    held = credentials or HeldCredentials()
    source = UPSTREAM_SOURCES[kind]
    draft = source.check(UpstreamDraft(config, dict(held.held), material or None))

    async def load() -> bytes:
        return material

    async with outbound.Client() as client:
        upstream = source.open(draft.config, Line("t", "u", client, held, load))
        try:
            yield upstream
        finally:
            await upstream.close()


async def discover(upstream: OpenUpstream) -> Discovery:
    """What it offers; every schema is one that the platform takes."""
    found = await upstream.discover(unheard)
    for tool in found.tools:
        schemas.require_object_schema(tool.input_schema)
        if tool.output_schema is not None:
            schemas.require_object_schema(tool.output_schema)
    return found


async def call(
    upstream: OpenUpstream, name: str, arguments: dict[str, Any] | None = None, *, seconds: float = SECONDS
) -> ToolResult:
    """Discovers and calls a tool as a client would: its arguments and structured content satisfy its schemas."""
    found = await discover(upstream)
    (tool,) = [tool for tool in found.tools if tool.name == name]
    given = arguments or {}
    assert not schemas.describe_errors(schemas.compile_schema(tool.input_schema), given)
    result = await upstream.tool(tool.config)(context(seconds), given)
    if tool.output_schema is not None and not result.is_error:
        assert result.has_structured
        assert not schemas.describe_errors(schemas.compile_schema(tool.output_schema), result.structured)
    return result
