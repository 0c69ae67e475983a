"""The JSON-RPC error codes of MCP, and the exception that carries one to the wire."""

from typing import Any

# JSON-RPC 2.0 section 5.1.
PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
INTERNAL_ERROR = -32603
# Up to 2025-11-25 (server/resources); never sent to clients of a later revision.
RESOURCE_NOT_FOUND = -32002
# MCP 2026-07-28, basic, "Error Codes"; never sent to clients of an earlier revision.
HEADER_MISMATCH = -32020
MISSING_CLIENT_CAPABILITY = -32021
UNSUPPORTED_PROTOCOL_VERSION = -32022


class RpcError(Exception):
    """A request that is answered with a JSON-RPC error. `status` is set where HTTP's differs from the revision's."""

    def __init__(self, code: int, message: str, data: dict[str, Any] | None = None, *, status: int = 0) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data
        self.status = status
