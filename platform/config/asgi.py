"""One ASGI application for console and runtime on one port; each alone is in `asgi_console` and `asgi_runtime`."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from config.asgi_console import console
from config.asgi_runtime import runtime, worker

type Scope = dict[str, Any]
type Receive = Callable[[], Awaitable[dict[str, Any]]]
type Send = Callable[[dict[str, Any]], Awaitable[None]]

# As mcp_runtime.snapshots.store and mcp_runtime.transports.{discovery,certificates} have it. The console's pages lie
# below /t/ too, and end with a slash.
ENDPOINT = re.compile(
    r"/t/[^/]+/([^/]+/(preview/)?(mcp(/server-card)?|sse|messages|ws)|\.well-known/ai-catalog\.json)"
    r"|/\.well-known/oauth-protected-resource(/.*)?"
    r"|/certificates/ask"
)


async def by_path(scope: Scope, receive: Receive, send: Send) -> None:
    """Hands endpoints to the runtime, and all that is asked of hosts of tenants; everything else to Django."""
    is_runtimes = ENDPOINT.fullmatch(scope["path"]) or _names_another_host(scope)
    await (runtime if is_runtimes else console)(scope, receive, send)


def _names_another_host(scope: Scope) -> bool:
    """Whether a request is for a host that is not the console's, and so a tenant's or nobody's."""
    hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
    return len(hosts) == 1 and not validate_host(split_domain_port(hosts[0])[0], settings.ALLOWED_HOSTS)


async def sockets_by_path(scope: Scope, receive: Receive, send: Send) -> None:
    """The same for WebSockets: the console's addresses end with a slash, and no endpoint's do."""
    await (console if scope["path"].endswith("/") else runtime)(scope, receive, send)


application = ProtocolTypeRouter({"http": by_path, "lifespan": runtime, "websocket": sockets_by_path})

__all__ = ["application", "console", "runtime", "worker"]
