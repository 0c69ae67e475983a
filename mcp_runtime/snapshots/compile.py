"""From a published document to an endpoint that can be served: handlers, validators, principals."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from core import crypto
from mcp_runtime import schemas
from mcp_runtime.protocol.mirrored import InvalidAnnotation, mirrored_arguments
from mcp_runtime.protocol.served import (
    Principal,
    ServedEndpoint,
    ServedPrompt,
    ServedResource,
    ServedTool,
    Unavailable,
)
from mcp_runtime.snapshots.skills import Shelf, folders_of
from mcp_runtime.snapshots.structs import (
    SECRETS_PURPOSE,
    EndpointSnapshot,
    KeySnapshot,
    PromptSnapshot,
    ResourceSnapshot,
    ToolSnapshot,
    secrets_bound_to,
)
from mcp_runtime.sources.contract import InvalidConfig, PromptSource, ResourceSource, ToolSource, Workshop
from mcp_runtime.uris import InvalidUri, matcher

logger = logging.getLogger(__name__)

DEFAULT_SECONDS = 60.0
MAXIMUM_SECONDS = 300.0
# A source that keeps its own time has this much more to say itself what was late.
GRACE_SECONDS = 1.0
ITEMS_AT_ONCE = 16


class CannotServe(Exception):
    """A tool, prompt or resource that cannot be served; the message says why, in a sentence that clients may read."""


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources that a worker compiles with, by kind."""

    tools: Mapping[str, ToolSource]
    prompts: Mapping[str, PromptSource]
    resources: Mapping[str, ResourceSource]


class Compiler:
    """Compiles with the sources of the registry and what the worker lends them."""

    def __init__(self, sources: Sources, workshop: Workshop) -> None:
        self._sources = sources
        self._workshop = workshop

    async def compile(self, snapshot: EndpointSnapshot, previous: ServedEndpoint | None) -> ServedEndpoint:
        """The endpoint; tools that did not change are taken over from `previous`. Lets others run in between."""
        tools, missing = await _each(
            sorted(snapshot.tools, key=lambda tool: tool.name),
            lambda tool: tool.name,
            lambda tool: _unchanged(tool, previous) or self._tool(snapshot.tenant_id, tool),
        )
        prompts, missing_prompts = await _each(
            sorted(snapshot.prompts, key=lambda prompt: prompt.name), lambda prompt: prompt.name, self._prompt
        )
        resources, missing_resources = await _each(
            sorted(snapshot.resources, key=lambda resource: resource.uri), lambda resource: resource.uri, self._resource
        )
        singles = {uri: resource for uri, resource in resources.items() if resource.match is None}
        templates = {uri: resource for uri, resource in resources.items() if resource.match is not None}
        skills, missing_skills = await Shelf(singles, templates, previous).skills()
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
            unavailable=missing,
            principals={bytes.fromhex(key.digest): _principal(key) for key in snapshot.keys},
            prompts=prompts,
            resources=singles,
            templates=templates,
            unavailable_prompts=missing_prompts,
            unavailable_resources=missing_resources,
            skills=skills,
            unavailable_skills=missing_skills,
            folders=folders_of(singles),
            description=snapshot.description,
            website_url=snapshot.website_url,
            icons=tuple(snapshot.icons),
            is_listed=snapshot.listed,
        )

    def _tool(self, tenant_id: str, tool: ToolSnapshot) -> ServedTool:
        source = _of_kind(self._sources.tools, tool.source)
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
            raise CannotServe(str(error)) from None
        except crypto.Forged:
            raise CannotServe("Its secrets cannot be opened. Enter them again.") from None
        except Exception:
            # One tool that its source stumbles over must not take its whole endpoint away.
            logger.exception("tool %s cannot be compiled", tool.id)
            raise CannotServe("It cannot be prepared; the platform's log says why.") from None

    def _prompt(self, prompt: PromptSnapshot) -> ServedPrompt:
        source = _of_kind(self._sources.prompts, prompt.source)
        required = tuple(argument["name"] for argument in prompt.arguments if argument.get("required"))
        try:
            return ServedPrompt(prompt, source.compile(prompt, self._workshop), required)
        except InvalidConfig as error:
            raise CannotServe(str(error)) from None

    def _resource(self, resource: ResourceSnapshot) -> ServedResource:
        source = _of_kind(self._sources.resources, resource.source)
        try:
            match = matcher(resource.uri) if resource.is_template else None
            return ServedResource(resource, source.compile(resource, self._workshop), match)
        except (InvalidConfig, InvalidUri) as error:
            raise CannotServe(str(error)) from None


async def _each[Item, Served](
    items: list[Item], name_of: Callable[[Item], str], serve: Callable[[Item], Served]
) -> tuple[dict[str, Served], tuple[Unavailable, ...]]:
    """What can be served of `items`, and what cannot with the reason; lets others run in between."""
    served: dict[str, Served] = {}
    missing: list[Unavailable] = []
    for number, item in enumerate(items, start=1):
        try:
            served[name_of(item)] = serve(item)
        except CannotServe as reason:
            missing.append(Unavailable(name_of(item), str(reason)))
        if number % ITEMS_AT_ONCE == 0:
            await asyncio.sleep(0)
    return served, tuple(missing)


def _of_kind[Source](sources: Mapping[str, Source], kind: str) -> Source:
    source = sources.get(kind)
    if source is None:
        raise CannotServe(f"This platform has no source {kind}.")
    return source


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


def _principal(key: KeySnapshot) -> Principal:
    tools = None if key.tools is None else frozenset(key.tools)
    return Principal(f"key:{key.id}", key.expires_at, tools, key.calls_per_minute)
