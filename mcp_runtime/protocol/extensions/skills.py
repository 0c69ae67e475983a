"""Skills over MCP (ext-skills, stable): skills/list, skills/get, resources/directory/read."""

from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.extension import Extension
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.served import ServedEndpoint
from mcp_runtime.protocol.wire import wire_of


def list_skills(exchange: Exchange) -> bytes:
    """A page of the skills. Raises RpcError(INVALID_PARAMS) for a cursor of somebody else."""
    return wire_of(exchange.endpoint, exchange.revision).page("skills", exchange.principal, exchange.params)


def get_skill(exchange: Exchange) -> bytes:
    """One skill, by the URI of its SKILL.md. Raises RpcError(INVALID_PARAMS) where there is none."""
    wire, uri = wire_of(exchange.endpoint, exchange.revision), _uri(exchange)
    entry = wire.entry("skills", exchange.principal, uri)
    if entry is None:
        raise RpcError(errors.INVALID_PARAMS, "No skill is served there.", {"uri": uri})
    return b'{"skill":%b%b' % (entry, wire.cacheable_closing)


def read_directory(exchange: Exchange) -> bytes:
    """A page of what is directly in a folder. Raises RpcError(INVALID_PARAMS) where there is none."""
    wire, uri = wire_of(exchange.endpoint, exchange.revision), _uri(exchange)
    page = wire.folder_page(exchange.principal, uri, exchange.params)
    if page is None:
        raise RpcError(errors.INVALID_PARAMS, "This is not a directory resource.", {"uri": uri})
    return page


def _uri(exchange: Exchange) -> str:
    uri = exchange.params.get("uri")
    if type(uri) is not str:
        raise RpcError(errors.INVALID_PARAMS, "params.uri is a string.")
    return uri


def _settings(endpoint: ServedEndpoint) -> dict[str, Any] | None:
    return {"directoryRead": True} if endpoint.skills or endpoint.unavailable_skills else None


EXTENSION = Extension(
    id="io.modelcontextprotocol/skills",
    version="stable",
    revisions=frozenset({"2026-07-28"}),
    settings=_settings,
    methods={
        "skills/list": list_skills,
        "skills/get": get_skill,
        "resources/directory/read": read_directory,
    },
)
