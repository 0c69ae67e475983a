"""The runtime's worker behind a witness, for a server in a process of its own: it reports to a file."""

import os
from pathlib import Path

from mcp_runtime.worker import Worker
from tests.witness.asgi import Witness

REPORT = "WITNESS_REPORT"


def witnessed_worker() -> Witness:
    """A worker whose wrong messages are written to the file that the environment names."""
    path = Path(os.environ[REPORT])

    def report(complaint: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{complaint}\n")

    return Witness(Worker(), report)
