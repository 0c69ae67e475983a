"""The runtime's ASGI application: the MCP worker behind Channels' routers. Django is not set up here."""

from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import re_path

from mcp_runtime.worker import Worker

# As mcp_runtime.snapshots.store has it; the rest are those at hosts of tenants.
SOCKETS = r"^(t/[^/]+/[^/]+/|([^/]+/)?(preview/)?)ws$"

worker = Worker()


async def nowhere(
    _scope: dict[str, Any],
    receive: Callable[[], Awaitable[dict[str, Any]]],
    send: Callable[[dict[str, Any]], Awaitable[None]],
) -> None:
    """Refuses a WebSocket at an address that has none; Channels' router would fail."""
    await receive()
    await send({"type": "websocket.close"})


# Only WebSockets are routed by URL here: HTTP calls find their endpoint by their whole path, at once.
sockets = URLRouter(
    [
        re_path(SOCKETS, worker),  # type: ignore[arg-type]  # Channels borrows Django's patterns for applications
        re_path("", nowhere),  # type: ignore[arg-type]  # the same
    ]
)
runtime = ProtocolTypeRouter({"http": worker, "lifespan": worker, "websocket": sockets})
