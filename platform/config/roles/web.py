"""The web role: console and runtime in one process on one port, for the smallest deployments."""

from config.asgi import application, worker
from config.roles.listening import Address
from config.roles.uvicorn_server import serve_application


def serve(address: Address) -> int:
    """Serves until SIGTERM."""
    return serve_application(application, address.open(), before_shutdown=worker.end_streams, vitals=worker.vitals)
