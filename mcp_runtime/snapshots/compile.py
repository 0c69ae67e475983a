"""From a published document to an endpoint that can be served: handlers, validators, principals."""

import asyncio
import logging
from collections.abc import Mapping

from core import crypto
from mcp_runtime import schemas
from mcp_runtime.protocol.mirrored import InvalidAnnotation, mirrored_arguments
from mcp_runtime.protocol.served import Principal, ServedEndpoint, ServedTool, UnavailableTool
from mcp_runtime.snapshots.structs import (
    SECRETS_PURPOSE,
    EndpointSnapshot,
    KeySnapshot,
    ToolSnapshot,
    secrets_bound_to,
)
from mcp_runtime.sources.contract import InvalidConfig, ToolSource, Workshop

logger = logging.getLogger(__name__)

DEFAULT_SECONDS = 60.0
MAXIMUM_SECONDS = 300.0
# A source that keeps its own time has this much more to say itself what was late.
GRACE_SECONDS = 1.0
TOOLS_AT_ONCE = 16


class Unavailable(Exception):
    """A tool that cannot be served; the message says why, in a sentence that clients may read."""


class Compiler:
    """Compiles with the tool sources of the registry and what the worker lends them."""

    def __init__(self, sources: Mapping[str, ToolSource], workshop: Workshop) -> None:
        self._sources = sources
        self._workshop = workshop

    async def compile(self, snapshot: EndpointSnapshot, previous: ServedEndpoint | None) -> ServedEndpoint:
        """The endpoint; tools that did not change are taken over from `previous`. Lets others run in between."""
        tools: dict[str, ServedTool] = {}
        unavailable: list[UnavailableTool] = []
        for number, tool in enumerate(sorted(snapshot.tools, key=lambda tool: tool.name), start=1):
            try:
                tools[tool.name] = _unchanged(tool, previous) or self._tool(snapshot.tenant_id, tool)
            except Unavailable as reason:
                unavailable.append(UnavailableTool(tool.name, str(reason)))
            if number % TOOLS_AT_ONCE == 0:
                await asyncio.sleep(0)
        return _endpoint(snapshot, tools, tuple(unavailable))

    def _tool(self, tenant_id: str, tool: ToolSnapshot) -> ServedTool:
        source = self._sources.get(tool.source)
        if source is None:
            raise Unavailable(f"This platform has no tool source {tool.source}.")
        try:
            return ServedTool(
                snapshot=tool,
                validator=schemas.compile_schema(tool.input_schema),
                output_validator=None if tool.output_schema is None else schemas.compile_schema(tool.output_schema),
                mirrored=mirrored_arguments(tool.input_schema),
                handler=source.compile(tool, _secrets(tenant_id, tool), self._workshop),
                seconds=_seconds(tool),
            )
        except (schemas.InvalidSchema, InvalidAnnotation, InvalidConfig) as error:
            raise Unavailable(str(error)) from None
        except crypto.Forged:
            raise Unavailable("Its secrets cannot be opened. Enter them again.") from None
        except Exception:
            # One tool that its source stumbles over must not take its whole endpoint away.
            logger.exception("tool %s cannot be compiled", tool.id)
            raise Unavailable("It cannot be prepared; the platform's log says why.") from None


def _unchanged(tool: ToolSnapshot, previous: ServedEndpoint | None) -> ServedTool | None:
    before = previous.tools.get(tool.name) if previous else None
    return before if before is not None and before.snapshot == tool else None


def _secrets(tenant_id: str, tool: ToolSnapshot) -> dict[str, str]:
    bound_to = secrets_bound_to(tenant_id, tool.id)
    return {
        name: crypto.unseal(SECRETS_PURPOSE, sealed, bound_to=bound_to).decode()
        for name, sealed in tool.secrets.items()
    }


def _seconds(tool: ToolSnapshot) -> float:
    own = tool.config.get("timeout")
    if isinstance(own, int | float) and own > 0:
        return min(own + GRACE_SECONDS, MAXIMUM_SECONDS)
    return DEFAULT_SECONDS


def _endpoint(
    snapshot: EndpointSnapshot, tools: dict[str, ServedTool], unavailable: tuple[UnavailableTool, ...]
) -> ServedEndpoint:
    return ServedEndpoint(
        tenant_id=snapshot.tenant_id,
        endpoint_id=snapshot.endpoint_id,
        slug=snapshot.endpoint_slug,
        name=snapshot.name,
        version=snapshot.version,
        instructions=snapshot.instructions,
        is_open=snapshot.access == "open",
        allowed_origins=frozenset(origin.encode() for origin in snapshot.allowed_origins),
        tools=tools,
        unavailable=unavailable,
        principals={bytes.fromhex(key.digest): _principal(key) for key in snapshot.keys},
    )


def _principal(key: KeySnapshot) -> Principal:
    return Principal(f"key:{key.id}", key.expires_at, None if key.tools is None else frozenset(key.tools))
