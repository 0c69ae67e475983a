"""Meeting and liveness: initialize, server/discover, ping."""

from typing import Any

from mcp_runtime.protocol import errors
from mcp_runtime.protocol.errors import RpcError
from mcp_runtime.protocol.revision import Exchange
from mcp_runtime.protocol.wire import wire_of


def ping(_exchange: Exchange) -> bytes:
    """Answers at once (basic/utilities/ping)."""
    return b"{}"


def discover(exchange: Exchange) -> bytes:
    """What this server is and offers (2026-07-28, server/discover)."""
    return wire_of(exchange.endpoint, exchange.revision).description({"supportedVersions": list(exchange.supported)})


def initialize(exchange: Exchange) -> bytes:
    """The server's half of the handshake (2025-11-25, basic/lifecycle)."""
    return wire_of(exchange.endpoint, exchange.revision).description({"protocolVersion": exchange.revision.version})


def read_initialize(params: Any) -> tuple[str, dict[str, Any]]:
    """The version that a client asks for and its capabilities; raises RpcError(INVALID_PARAMS)."""
    members = params if isinstance(params, dict) else {}
    version, capabilities, client = (
        members.get("protocolVersion"),
        members.get("capabilities"),
        members.get("clientInfo"),
    )
    if not isinstance(version, str) or not isinstance(capabilities, dict):
        raise RpcError(errors.INVALID_PARAMS, "params.protocolVersion is a string, params.capabilities an object.")
    named = isinstance(client, dict) and isinstance(client.get("name"), str) and isinstance(client.get("version"), str)
    if not named:
        raise RpcError(errors.INVALID_PARAMS, "params.clientInfo has a name and a version.")
    return version, capabilities
