"""An endpoint's answers in one revision's form, encoded once: what it is, its tools, and how results end."""

from collections.abc import Iterable
from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.listing import Listing
from mcp_runtime.protocol.revision import Revision
from mcp_runtime.protocol.served import (
    Principal,
    ServedEndpoint,
    ServedPrompt,
    ServedResource,
    ServedSkill,
    ServedTool,
    Unavailable,
)

# A change reaches every worker within a second, so a list may be that old anyway.
TIME_TO_LIVE_MS = 1_000
# Filtered by what the caller may use, so never to be shared between callers (server/utilities/caching).
CACHE_SCOPE = "private"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
UNAVAILABLE = "com.armstrong/unavailable"
STOPPED = "com.armstrong/stopped"
UPSTREAMS = "com.armstrong/upstreams"
LIMITED = "com.armstrong/limited"
LIMITED_TO_TOOLS = "You may use certain tools of this endpoint alone, which is why this list is empty."
MAXIMUM_LISTS = 64


class Wire:
    """The encoded form of one endpoint in one revision."""

    __slots__ = (
        "_about",
        "_endpoint",
        "_listings",
        "_lists",
        "_revision",
        "cacheable_closing",
        "closing",
        "private_closing",
        "server_info",
    )

    def __init__(self, endpoint: ServedEndpoint, revision: Revision) -> None:
        self._endpoint = endpoint
        self._revision = revision
        self._listings = _listings(endpoint, revision)
        self._lists: dict[frozenset[str] | None, bytes] = {}
        self._about = _implementation(endpoint, revision)
        # What goes with every result is kept short: icons may be images.
        self.server_info = _only(self._about, ("name", "title", "version"))
        self.closing = self._closing({})
        self.cacheable_closing = self._closing({"ttlMs": TIME_TO_LIVE_MS, "cacheScope": CACHE_SCOPE})
        # The hints are required, and what was read with answers of the caller's is for this once (patterns/mrtr).
        self.private_closing = self._closing({"ttlMs": 0, "cacheScope": CACHE_SCOPE})

    def _closing(self, hints: dict[str, Any]) -> bytes:
        """What ends every result object, from the comma on."""
        if not self._revision.annotated_results:
            return b"}"
        return _ending(hints, self.server_info)

    def description(self, opening: dict[str, Any]) -> bytes:
        """The result of initialize or server/discover, which `opening` begins."""
        body: dict[str, Any] = {**opening, "capabilities": self._capabilities()}
        if self._endpoint.instructions:
            body["instructions"] = self._endpoint.instructions
        if self._revision.annotated_results:
            body |= {"ttlMs": TIME_TO_LIVE_MS, "cacheScope": CACHE_SCOPE}
        else:
            body["serverInfo"] = self._about
        return encode(body)[:-1] + (_ending({}, self._about) if self._revision.annotated_results else b"}")

    def _capabilities(self) -> dict[str, Any]:
        settings = {extension.id: extension.settings(self._endpoint) for extension in self._revision.extensions}
        offered = {name: value for name, value in settings.items() if value is not None}
        return {**self._revision.capabilities, "extensions": offered} if offered else self._revision.capabilities

    def tool_list(self, principal: Principal, params: dict[str, Any]) -> bytes:
        """A page of tools/list. Raises RpcError(INVALID_PARAMS) for a cursor that is not theirs."""
        cursor = _cursor(params)
        if cursor is not None:
            return self._tool_page(principal, cursor)[0]
        listed = self._lists.get(principal.tools)
        if listed is None:
            listed, is_whole = self._tool_page(principal, None)
            if is_whole and len(self._lists) < MAXIMUM_LISTS:
                # A page that ends in a cursor is bound to its principal, so only whole lists are shared.
                self._lists[principal.tools] = listed
        return listed

    def page(self, member: str, principal: Principal, params: dict[str, Any]) -> bytes:
        """A page of prompts, resources, resourceTemplates or skills: empty for who is limited to certain tools."""
        cursor = _cursor(params)
        listing, missing = self._listings[member]
        is_limited = principal.tools is not None
        annotations = self._annotations(() if is_limited else missing, LIMITED_TO_TOOLS if is_limited else "")
        return listing.page(principal, cursor, lambda _name: principal.tools is None, annotations)[0]

    def entry(self, member: str, principal: Principal, name: str) -> bytes | None:
        """One entry of a list, if there is one and the principal may see it."""
        return self._listings[member][0].entry(name) if principal.tools is None else None

    def folder_page(self, principal: Principal, uri: str, params: dict[str, Any]) -> bytes | None:
        """A page of resources/directory/read, if the folder is there and the principal may see it."""
        children = self._endpoint.folders.get(uri) if principal.tools is None else None
        if children is None:
            return None
        entries = [self.entry("resources", principal, child) or encode(_folder(child)) for child in children]
        listing = Listing("resources", f"{self._endpoint.endpoint_id}/{uri}", children, entries)
        annotations = self._annotations(())
        # A paginated result, and not a cacheable one (ext-skills, "Reading Directories").
        uncached = {name: value for name, value in annotations.items() if name not in ("ttlMs", "cacheScope")}
        return listing.page(principal, _cursor(params), lambda _name: True, uncached)[0]

    def _tool_page(self, principal: Principal, cursor: object) -> tuple[bytes, bool]:
        listing, missing = self._listings["tools"]
        annotations = self._annotations(tuple(item for item in missing if principal.may_use(item.name)))
        return listing.page(principal, cursor, principal.may_use, annotations)

    def _annotations(self, missing: tuple[Unavailable, ...], limited: str = "") -> dict[str, Any]:
        meta: dict[str, Any] = {}
        members: dict[str, Any] = {}
        if self._revision.annotated_results:
            members = {"ttlMs": TIME_TO_LIVE_MS, "cacheScope": CACHE_SCOPE, "resultType": "complete"}
            meta[SERVER_INFO] = self.server_info
        if self._endpoint.stopped:
            meta[STOPPED] = self._endpoint.stopped
        if self._endpoint.notes:
            meta[UPSTREAMS] = self._endpoint.notes
        if limited:
            meta[LIMITED] = limited
        if missing:
            meta[UNAVAILABLE] = [{"name": item.name, "reason": item.reason} for item in missing]
        return {**members, "_meta": meta} if meta else members


def _ending(hints: dict[str, Any], server_info: dict[str, Any]) -> bytes:
    return b"," + encode({**hints, "resultType": "complete", "_meta": {SERVER_INFO: server_info}})[1:]


def _cursor(params: dict[str, Any]) -> str | None:
    """Where a list goes on; None for its start. An empty string is a cursor like any other."""
    cursor = params.get("cursor")
    if cursor is None and "cursor" not in params:
        return None
    if type(cursor) is not str:
        raise RpcError(errors.INVALID_PARAMS, "params.cursor is a string.")
    return cursor


def wire_of(endpoint: ServedEndpoint, revision: Revision) -> Wire:
    """The endpoint's wire form, made on first use."""
    wire = endpoint.wires.get(revision.version)
    if wire is None:
        wire = endpoint.wires[revision.version] = Wire(endpoint, revision)
    return wire


def _listings(endpoint: ServedEndpoint, revision: Revision) -> dict[str, tuple[Listing, tuple[Unavailable, ...]]]:
    definitions = {
        "tools": ({name: _definition(tool, revision) for name, tool in endpoint.tools.items()}, endpoint.unavailable),
        "prompts": (
            {name: _prompt(prompt, revision) for name, prompt in endpoint.prompts.items()},
            endpoint.unavailable_prompts,
        ),
        "resources": (
            {uri: _resource(resource, "uri", revision) for uri, resource in endpoint.resources.items()},
            endpoint.unavailable_resources,
        ),
        "resourceTemplates": (
            {uri: _resource(resource, "uriTemplate", revision) for uri, resource in endpoint.templates.items()},
            (),
        ),
        "skills": ({uri: _skill(skill) for uri, skill in endpoint.skills.items()}, endpoint.unavailable_skills),
    }
    return {
        member: (
            Listing(member, endpoint.endpoint_id, list(entries), [encode(entry) for entry in entries.values()]),
            missing,
        )
        for member, (entries, missing) in definitions.items()
    }


def _definition(tool: ServedTool, revision: Revision) -> dict[str, Any]:
    snapshot = tool.snapshot
    optional = {
        "title": snapshot.title,
        "description": snapshot.description,
        "outputSchema": snapshot.output_schema,
        "annotations": snapshot.annotations,
        "icons": snapshot.icons,
        "_meta": snapshot.meta,
    }
    return {"name": snapshot.name, "inputSchema": snapshot.input_schema, **_known(optional, revision.tool_fields)}


def _prompt(prompt: ServedPrompt, revision: Revision) -> dict[str, Any]:
    snapshot = prompt.snapshot
    arguments = [_only(argument, revision.argument_fields) for argument in snapshot.arguments]
    optional = {
        "title": snapshot.title,
        "description": snapshot.description,
        "arguments": arguments,
        "icons": snapshot.icons,
        "_meta": snapshot.meta,
    }
    return {"name": snapshot.name, **_known(optional, revision.prompt_fields)}


def _resource(resource: ServedResource, address: str, revision: Revision) -> dict[str, Any]:
    snapshot = resource.snapshot
    optional = {
        "title": snapshot.title,
        "description": snapshot.description,
        "mimeType": snapshot.mime_type,
        "icons": snapshot.icons,
        "_meta": snapshot.meta,
    }
    return {address: snapshot.uri, "name": snapshot.name, **_known(optional, revision.resource_fields)}


def _skill(skill: ServedSkill) -> dict[str, Any]:
    files: Any = "dynamic"
    if skill.files is not None:
        files = [{"uri": file.uri, "digest": file.digest, "size": file.size} for file in skill.files]
    return {"uri": skill.uri, "frontmatter": skill.frontmatter, "resources": files}


def _folder(uri: str) -> dict[str, Any]:
    return {"uri": uri, "name": uri.rpartition("/")[2], "mimeType": "inode/directory"}


def _known(optional: dict[str, Any], fields: Iterable[str]) -> dict[str, Any]:
    return {name: optional[name] for name in fields if optional.get(name)}


def _implementation(endpoint: ServedEndpoint, revision: Revision) -> dict[str, Any]:
    whole = {
        "name": endpoint.slug,
        "title": endpoint.name,
        "version": str(endpoint.version),
        "description": endpoint.description,
        "icons": endpoint.icons,
        "websiteUrl": endpoint.website_url,
    }
    return _known(whole, revision.implementation_fields)


def _only(whole: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}
