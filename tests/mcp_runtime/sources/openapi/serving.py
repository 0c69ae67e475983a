"""A service that an OpenAPI document describes, opened the way a worker opens it, with credentials out of a hand."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from core import outbound
from mcp_runtime.sources.contract import ToolDraft, ToolResult
from mcp_runtime.sources.openapi.source import OpenApiSource, OpenOpenApi
from mcp_runtime.sources.upstream import Discovery, Line, UpstreamDraft
from tests.mcp_runtime.sources.calling import context

ADDRESS = "https://api.example.com/openapi.json"


@dataclass
class Hand:
    """Credentials of a test. `renewed` are the tokens that follow the first when it is rejected."""

    secret: dict[str, str] = field(default_factory=dict)
    tokens: list[str] = field(default_factory=list)
    rejections: list[tuple[str, str, str]] = field(default_factory=list)

    async def secrets(self) -> Mapping[str, str]:
        return self.secret

    async def token(self, principal: str) -> str | None:
        return self.tokens[0] if self.tokens else None

    async def rejected(self, principal: str, token: str, challenge: str) -> bool:
        self.rejections.append((principal, token, challenge))
        self.tokens.pop(0)
        return bool(self.tokens)


async def unheard(_done: int, _of: int, _words: str) -> None:
    """Hears of a discovery's progress and does nothing."""


@asynccontextmanager
async def opened(
    config: dict[str, Any], material: bytes | None = None, hand: Hand | None = None
) -> AsyncIterator[OpenOpenApi]:
    """The upstream, checked by the control plane and opened by a worker."""
    held = hand or Hand()
    checked = OpenApiSource().check(UpstreamDraft(config=config, secrets=held.secret, material=material))

    async def stored() -> bytes:
        assert material is not None
        return material

    async with outbound.Client() as client:
        line = Line(tenant_id="t", upstream_id="u", http=client, credentials=held, material=stored)
        upstream = OpenApiSource().open(checked.config, line)
        yield upstream
        await upstream.close()


async def discovered(document: Mapping[str, Any], server: str = "") -> Discovery:
    """What a pasted document offers."""
    config = {"server": server} if server else {}
    async with opened(config, json.dumps(document).encode()) as upstream:
        return await upstream.discover(unheard)


async def tools_of(document: Mapping[str, Any]) -> dict[str, ToolDraft]:
    """The tools of a pasted document by name, of which none was refused."""
    discovery = await discovered(document)
    assert discovery.refused == []
    return {tool.name: tool for tool in discovery.tools}


async def refused_in(document: Mapping[str, Any]) -> dict[str, str]:
    """The reasons by name, of a document without any tool."""
    discovery = await discovered(document)
    assert discovery.tools == []
    return {refused.name: refused.reason for refused in discovery.refused}


async def called(
    base: str,
    document: Mapping[str, Any],
    name: str,
    arguments: dict[str, Any],
    hand: Hand | None = None,
    **config: Any,
) -> ToolResult:
    """The answer of one tool of a document whose server is `base`."""
    material = json.dumps(document).encode()
    async with opened({"server": base} | config, material, hand) as upstream:
        discovery = await upstream.discover(unheard)
        tool = next(tool for tool in discovery.tools if tool.name == name)
        return await upstream.tool(tool.config)(context(), arguments)


def document_with(
    operation: dict[str, Any], *, method: str = "get", path: str = "/seen", **further: Any
) -> dict[str, Any]:
    """An OpenAPI 3.1 document of one operation, named `call`."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "A service", "version": "1"},
        "servers": [{"url": "https://api.example.com"}],
        "paths": {path: {method: {"operationId": "call"} | operation}},
    } | further


def parameter(name: str, place: str, schema: dict[str, Any] | None = None, **further: Any) -> dict[str, Any]:
    """A parameter of OpenAPI 3; required in a path."""
    required = {"required": True} if place == "path" else {}
    return {"name": name, "in": place, "schema": schema or {}} | required | further
