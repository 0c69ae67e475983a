"""The console role: Django under Daphne."""

from daphne.endpoints import build_endpoint_description_strings
from daphne.server import Server, twisted_loop

from config.asgi_console import console
from config.roles.listening import Address
from core.supervision.heartbeat import Heartbeat

HTTP_SECONDS = 60  # a console page that takes longer is lost anyway
CLOSE_SECONDS = 5


def serve(address: Address) -> int:
    """Serves until SIGTERM."""
    listening = address.open()
    heartbeat = Heartbeat.from_environment()
    tasks = []
    server = Server(
        console,
        endpoints=build_endpoint_description_strings(file_descriptor=listening.fileno()),
        http_timeout=HTTP_SECONDS,
        application_close_timeout=CLOSE_SECONDS,
        server_name="",
        # Daphne's reactor runs on this loop: how late the loop is, is how late the console is.
        ready_callable=lambda: tasks.append(twisted_loop.create_task(heartbeat.beat())),
    )
    server.run()
    return 0
