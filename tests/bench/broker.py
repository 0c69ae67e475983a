"""An embedded Valkey for as long as a measurement takes."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from core.embedded.postgres import free_port
from core.embedded.valkey import ValkeyServer
from tests.bench.processes import START_SECONDS, ServerFailed


@contextmanager
def broker(scratch: Path) -> Iterator[str]:
    """Its URL. Raises ServerFailed."""
    server, port = ValkeyServer(scratch), free_port()
    server.prepare()
    with (scratch / "broker.log").open("wb") as output:
        child = subprocess.Popen(server.command(port), stdout=output, stderr=subprocess.STDOUT)
    try:
        limit = time.monotonic() + START_SECONDS
        while not server.is_ready(port):
            if child.poll() is not None or time.monotonic() > limit:
                raise ServerFailed("Valkey did not start")
            time.sleep(0.05)
        yield server.url(port)
    finally:
        child.terminate()
        child.wait(timeout=20)
