"""From a published document to an endpoint that can be served: handlers, validators, principals."""

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec

from core import crypto
from mcp_runtime import schemas
from mcp_runtime.curation.calls import curated_handler
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
from mcp_runtime.snapshots.stopping import stopped
from mcp_runtime.snapshots.structs import (
    SECRETS_PURPOSE,
    EndpointSnapshot,
    KeySnapshot,
    PromptSnapshot,
    ResourceSnapshot,
    ToolSnapshot,
    secrets_bound_to,
)
from mcp_runtime.sources.contract import (
    InvalidConfig,
    PromptSource,
    ResourceSource,
    ToolHandler,
    ToolSource,
    Workshop,
    detached,
)
from mcp_runtime.upstreams.connect import connect_tool
from mcp_runtime.upstreams.opening import Opener
from mcp_runtime.upstreams.served import ServedUpstream
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


STALE = "com.armstrong/stale"


class Compiler:
    """Compiles with the sources of the registry and what the worker lends them."""

    def __init__(self, sources: Sources, workshop: Workshop, opener: Opener | None = None) -> None:
        """Without `opener`, nothing that comes from upstreams is served."""
        self._sources = sources
        self._workshop = workshop
        self._opener = opener

    async def compile(self, snapshot: EndpointSnapshot, previous: ServedEndpoint | None) -> ServedEndpoint:
        """The endpoint; what did not change is taken over from `previous`. Lets others run in between."""
        before = previous.upstreams if previous else {}
        upstreams, closed = self._opener.open(snapshot, before) if self._opener else ({}, {})
        work = _Compilation(snapshot, previous, self._sources, self._workshop, upstreams, closed)
        tools, missing = await _each(sorted(snapshot.tools, key=lambda tool: tool.name), _name, work.tool)
        prompts, missing_prompts = await _each(
            sorted(snapshot.prompts, key=lambda prompt: prompt.name), _name, work.prompt
        )
        resources, missing_resources = await _each(
            sorted(snapshot.resources, key=lambda resource: resource.uri), lambda resource: resource.uri, work.resource
        )
        singles = {uri: resource for uri, resource in resources.items() if resource.match is None}
        templates = {uri: resource for uri, resource in resources.items() if resource.match is not None}
        skills, missing_skills = await Shelf(singles, templates, previous).skills()
        unwell = [upstream for upstream in upstreams.values() if not upstream.is_well]
        connecting = {tool.snapshot.name: tool for tool in map(connect_tool, unwell) if tool.snapshot.name not in tools}
        served = ServedEndpoint(
            tenant_id=snapshot.tenant_id,
            endpoint_id=snapshot.endpoint_id,
            slug=snapshot.endpoint_slug,
            name=snapshot.name,
            version=snapshot.version,
            instructions=snapshot.instructions,
            is_open=snapshot.access == "open",
            allowed_origins=frozenset(origin.encode() for origin in snapshot.allowed_origins),
            tools=dict(sorted((tools | connecting).items())),
            unavailable=missing,
            principals={bytes.fromhex(key.digest): principal_of_key(key, connecting) for key in snapshot.keys},
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
            upstreams=upstreams,
            rules=snapshot.tool_rules,
            requires_proof=snapshot.requires_proof,
            logins=snapshot.logins,
            connecting=frozenset(connecting),
            notes=tuple(upstream.note() for upstream in unwell),
        )
        return stopped(served, snapshot.stopped, snapshot.stopped_since) if snapshot.stopped else served


@dataclass(frozen=True, slots=True)
class _Compilation:
    """One endpoint being compiled: `upstreams` are open, `closed` says why others could not be opened."""

    snapshot: EndpointSnapshot
    previous: ServedEndpoint | None
    sources: Sources
    workshop: Workshop
    upstreams: Mapping[str, ServedUpstream]
    closed: Mapping[str, str]

    def tool(self, tool: ToolSnapshot) -> ServedTool:
        tool = self._marked(tool)
        return self._unchanged(tool) or self._compiled(tool)

    def prompt(self, prompt: PromptSnapshot) -> ServedPrompt:
        required = tuple(argument["name"] for argument in prompt.arguments if argument.get("required"))
        try:
            if prompt.upstream:
                compiled = self._upstream(prompt.upstream).prompt(prompt.config)
            else:
                compiled = _of_kind(self.sources.prompts, prompt.source).compile(prompt, self.workshop)
        except InvalidConfig as error:
            raise CannotServe(str(error)) from None
        return ServedPrompt(prompt, compiled, required)

    def resource(self, resource: ResourceSnapshot) -> ServedResource:
        try:
            match = matcher(resource.uri) if resource.is_template else None
            if resource.upstream:
                compiled = self._upstream(resource.upstream).resource(resource.config)
            else:
                compiled = _of_kind(self.sources.resources, resource.source).compile(resource, self.workshop)
        except (InvalidConfig, InvalidUri) as error:
            raise CannotServe(str(error)) from None
        return ServedResource(resource, compiled, match)

    def _marked(self, tool: ToolSnapshot) -> ToolSnapshot:
        """The tool, which says so where it is listed as it was last known."""
        upstream = self.upstreams.get(tool.upstream)
        if upstream is None or upstream.is_well:
            return tool
        stale = {"upstream": upstream.snapshot.slug, "state": upstream.state}
        return msgspec.structs.replace(tool, meta=tool.meta | {STALE: stale})

    def _unchanged(self, tool: ToolSnapshot) -> ServedTool | None:
        previous = self.previous
        before = previous.tools.get(tool.name) if previous else None
        if previous is None or previous.stopped or before is None or before.snapshot != tool:
            return None
        was, now = previous.upstreams.get(tool.upstream), self.upstreams.get(tool.upstream)
        return before if not tool.upstream or (was and now and was.link is now.link) else None

    def _compiled(self, tool: ToolSnapshot) -> ServedTool:
        try:
            return ServedTool(
                snapshot=tool,
                validator=schemas.compile_schema(tool.input_schema),
                output_validator=None if tool.output_schema is None else schemas.compile_schema(tool.output_schema),
                mirrored=mirrored_arguments(tool.input_schema),
                handler=self._handler(tool),
                seconds=_seconds(tool),
            )
        except (schemas.InvalidSchema, InvalidAnnotation, InvalidConfig) as error:
            raise CannotServe(str(error)) from None
        except crypto.Forged:
            raise CannotServe("Its secrets cannot be opened. Enter them again.") from None
        except CannotServe:
            raise
        except Exception:
            # One tool that its source stumbles over must not take its whole endpoint away.
            logger.exception("tool %s cannot be compiled", tool.id)
            raise CannotServe("It cannot be prepared; the platform's log says why.") from None

    def _handler(self, tool: ToolSnapshot) -> ToolHandler:
        if tool.upstream:
            upstream = self._upstream(tool.upstream)
            if upstream.snapshot.quarantined:
                return upstream.refusing()
            handler = upstream.tool(tool.config)
            return detached(tool, curated_handler(handler, tool.curation))
        source = _of_kind(self.sources.tools, tool.source)
        return source.compile(tool, _secrets(self.snapshot.tenant_id, tool), self.workshop)

    def _upstream(self, upstream_id: str) -> ServedUpstream:
        upstream = self.upstreams.get(upstream_id)
        if upstream is None:
            raise CannotServe(self.closed.get(upstream_id, "Its upstream is not served here."))
        return upstream


def _name(item: ToolSnapshot | PromptSnapshot) -> str:
    return item.name


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


def _secrets(tenant_id: str, tool: ToolSnapshot) -> dict[str, str]:
    bound_to = secrets_bound_to(tenant_id, tool.id)
    return {
        name: crypto.unseal(SECRETS_PURPOSE, sealed, bound_to=bound_to).decode()
        for name, sealed in tool.secrets.items()
    }


def _seconds(tool: ToolSnapshot) -> float:
    if tool.seconds is not None:
        return tool.seconds
    own = tool.config.get("timeout")
    if isinstance(own, int | float) and own > 0:
        return min(own + GRACE_SECONDS, MAXIMUM_SECONDS)
    return DEFAULT_SECONDS


def principal_of_key(key: KeySnapshot, connecting: Iterable[str]) -> Principal:
    """Who may use some tools may also hear why they do not work."""
    tools = None if key.tools is None else frozenset(key.tools).union(connecting)
    return Principal(f"key:{key.id}", key.expires_at, tools, key.calls_per_minute)
