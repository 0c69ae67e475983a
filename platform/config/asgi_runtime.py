"""The runtime's ASGI application: the MCP worker behind Channels' protocol router. Django is not set up here."""

from channels.routing import ProtocolTypeRouter

from mcp_runtime.worker import Worker

worker = Worker()
runtime = ProtocolTypeRouter({"http": worker, "lifespan": worker})
