"""The runtime role: the MCP worker under uvicorn."""

import gc

from config.asgi_runtime import runtime, worker
from config.roles.listening import Address
from config.roles.uvicorn_server import serve_application

# A call makes a few hundred objects and hardly a cycle: looking for cycles at every few calls cost 4 % of the CPU.
YOUNG_OBJECTS = 50_000


def serve(address: Address) -> int:
    """Serves until SIGTERM."""
    # What is loaded stays to the end, so that no collection need walk it.
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS)
    # The worker never asks who the client is, so nothing has to be made of a proxy's headers for each request.
    return serve_application(
        runtime,
        address.open(),
        before_shutdown=worker.end_streams,
        vitals=worker.vitals,
        reads_client_address=False,
        lane=worker,
    )
