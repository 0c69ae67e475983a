"""Runtime workers under the platform's own supervisor, with its operations listener; nothing else of the platform.

python -m tests.bench.servers.supervised WORKERS RUNTIME_PORT OPERATIONS_PORT
"""

import os
import socket
import sys
from pathlib import Path

from config.machine import children
from config.machine.running import Foreground
from core.embedded.postgres import HOST


def main() -> int:
    """Serves until SIGTERM."""
    runtime, operations = [socket.create_server((HOST, int(port)), backlog=2048) for port in sys.argv[2:]]
    state = Path(os.environ["ARMSTRONG_STATE"])
    workers = [
        children.role("runtime", number=number, env=dict(os.environ), after=(), listening=runtime.fileno())
        for number in range(1, int(sys.argv[1]) + 1)
    ]
    return Foreground().supervise(workers, state, operations=operations)


if __name__ == "__main__":
    sys.exit(main())
