"""The runtime role: the MCP worker under uvicorn."""

from config.asgi_runtime import runtime, worker
from config.roles.listening import Address
from config.roles.uvicorn_server import serve_application


def serve(address: Address) -> int:
    """Serves until SIGTERM."""
    return serve_application(runtime, address.open(), before_shutdown=worker.end_streams)
