"""The kinds of signal that a message of the handshake era may give to another worker, or leave for later."""

from typing import Any

from mcp_runtime.protocol import jsonrpc
from mcp_runtime.protocol.revision import Signal

ANSWERED = "answered"  # a client answered a server's request: `data` is the JSON-RPC response
CANCELLED = "cancelled"  # a client wants no answer any more: `data["request"]` is the encoded id
SUBSCRIBED = "subscribed"  # a session wants to hear of a resource: `data["uri"]`
UNSUBSCRIBED = "unsubscribed"
LEVEL_SET = "level_set"  # a session wants log messages from `data["level"]` on


def cancelled(params: Any, session: str) -> Signal | None:
    """The signal of a client's notifications/cancelled; None for one that names no request."""
    identifier = jsonrpc.readable_id({"id": params.get("requestId")}) if type(params) is dict else b""
    return Signal(CANCELLED, session, {"request": identifier.decode()}) if identifier else None
