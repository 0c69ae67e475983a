"""A runtime worker in a thread of the test process, for pages that call tools."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from mcp_runtime.worker import Worker
from tests.witness.asgi import Witness
from tests.witness.plugin import report

START_SECONDS = 10


@contextlib.contextmanager
def running_runtime(port: int = 0) -> Iterator[str]:
    """A worker that serves this test process's database; its origin. Port 0: one that is free."""
    listener = socket.create_server(("127.0.0.1", port))
    config = uvicorn.Config(Witness(Worker(), report), lifespan="on", log_config=None, timeout_graceful_shutdown=2)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    # The kernel queues connections from the moment of binding: the first call waits for the worker by itself.
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(START_SECONDS)
        listener.close()
