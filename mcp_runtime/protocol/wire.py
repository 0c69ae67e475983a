"""An endpoint's answers in one revision's form, encoded once: what it is, its tools, and how results end."""

from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from mcp_runtime.protocol import cursors
from mcp_runtime.protocol.jsonrpc import encode
from mcp_runtime.protocol.revision import Revision
from mcp_runtime.protocol.served import Principal, ServedEndpoint, ServedTool

PAGE = 500
# A change reaches every worker within a second, so a list may be that old anyway.
TIME_TO_LIVE_MS = 1_000
# Filtered by what the caller may use, so never to be shared between callers (server/utilities/caching).
CACHE_SCOPE = "private"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
UNAVAILABLE = "com.armstrong/unavailable"
MAXIMUM_LISTS = 64


class Wire:
    """The encoded form of one endpoint in one revision."""

    __slots__ = ("_endpoint", "_entries", "_lists", "_names", "_revision", "closing", "server_info")

    def __init__(self, endpoint: ServedEndpoint, revision: Revision) -> None:
        self._endpoint = endpoint
        self._revision = revision
        self._names = list(endpoint.tools)
        self._entries = [encode(_definition(tool, revision)) for tool in endpoint.tools.values()]
        self._lists: dict[frozenset[str] | None, bytes] = {}
        self.server_info = _implementation(endpoint, revision)
        self.closing = self._closing()

    def _closing(self) -> bytes:
        """What ends every result object, from the comma on."""
        if not self._revision.annotated_results:
            return b"}"
        return b',"resultType":"complete","_meta":%b}' % encode({SERVER_INFO: self.server_info})

    def description(self, opening: dict[str, Any]) -> bytes:
        """The result of initialize or server/discover, which `opening` begins."""
        body: dict[str, Any] = {**opening, "capabilities": self._revision.capabilities}
        if self._endpoint.instructions:
            body["instructions"] = self._endpoint.instructions
        if self._revision.annotated_results:
            body |= {"ttlMs": TIME_TO_LIVE_MS, "cacheScope": CACHE_SCOPE}
        else:
            body["serverInfo"] = self.server_info
        return encode(body)[:-1] + self.closing

    def tool_list(self, principal: Principal) -> bytes:
        """The first page of tools/list."""
        listed = self._lists.get(principal.tools)
        if listed is None:
            listed, is_whole = self._page(principal, 0)
            if is_whole and len(self._lists) < MAXIMUM_LISTS:
                # A page that ends in a cursor is bound to its principal, so only whole lists are shared.
                self._lists[principal.tools] = listed
        return listed

    def tool_list_after(self, principal: Principal, name: str) -> bytes:
        """A further page of tools/list: what comes after `name`, even if that is gone by now."""
        return self._page(principal, bisect_right(self._names, name))[0]

    def _page(self, principal: Principal, start: int) -> tuple[bytes, bool]:
        chosen = [index for index in range(start, len(self._names)) if principal.may_use(self._names[index])]
        shown, more = chosen[:PAGE], len(chosen) > PAGE
        members: dict[str, Any] = {}
        if more:
            last = self._names[shown[-1]]
            members["nextCursor"] = cursors.mint(self._endpoint.endpoint_id, principal.id, last)
        members |= self._list_annotations(principal)
        tools = b",".join([self._entries[index] for index in shown])
        tail = b"," + encode(members)[1:] if members else b"}"
        return b'{"tools":[%b]%b' % (tools, tail), start == 0 and not more

    def _list_annotations(self, principal: Principal) -> dict[str, Any]:
        meta: dict[str, Any] = {}
        members: dict[str, Any] = {}
        if self._revision.annotated_results:
            members = {"ttlMs": TIME_TO_LIVE_MS, "cacheScope": CACHE_SCOPE, "resultType": "complete"}
            meta[SERVER_INFO] = self.server_info
        missing = [
            tool for tool in self._endpoint.unavailable if principal.tools is None or tool.name in principal.tools
        ]
        if missing:
            meta[UNAVAILABLE] = [{"name": tool.name, "reason": tool.reason} for tool in missing]
        return {**members, "_meta": meta} if meta else members


def wire_of(endpoint: ServedEndpoint, revision: Revision) -> Wire:
    """The endpoint's wire form, made on first use."""
    wire = endpoint.wires.get(revision.version)
    if wire is None:
        wire = endpoint.wires[revision.version] = Wire(endpoint, revision)
    return wire


def _definition(tool: ServedTool, revision: Revision) -> dict[str, Any]:
    snapshot = tool.snapshot
    optional = {
        "title": snapshot.title,
        "description": snapshot.description,
        "outputSchema": snapshot.output_schema,
        "annotations": snapshot.annotations,
    }
    known = {name: value for name, value in optional.items() if value and name in revision.tool_fields}
    return {"name": snapshot.name, "inputSchema": snapshot.input_schema, **known}


def _implementation(endpoint: ServedEndpoint, revision: Revision) -> dict[str, Any]:
    whole = {"name": endpoint.slug, "title": endpoint.name, "version": str(endpoint.version)}
    return _only(whole, revision.implementation_fields)


def _only(whole: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    return {name: whole[name] for name in names if name in whole}
