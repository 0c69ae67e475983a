"""Where the console's WebSockets are, and who may open one: a signed-in person, from a page of the console's own."""

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import AllowedHostsOriginValidator
from django.urls import path

from console.live.board import BoardConsumer

# Ends with a slash, as no address of an endpoint does.
BOARD = "t/<slug:tenant>/live/socket/"
_consumer = BoardConsumer.as_asgi()  # type: ignore[no-untyped-call]  # Channels has no types

sockets = AllowedHostsOriginValidator(AuthMiddlewareStack(URLRouter([path(BOARD, _consumer)])))
