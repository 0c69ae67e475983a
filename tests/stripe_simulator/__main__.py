"""Serves the simulator: `python -m tests.stripe_simulator --port 12111` (0 takes a free port, which it prints)."""

import argparse
import socket
import sys

import uvicorn

from tests.stripe_simulator.wire import Application


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(prog="stripe-simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    listening = socket.create_server(("127.0.0.1", parser.parse_args().port))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    config = uvicorn.Config(Application(), log_level="critical", lifespan="on", access_log=False)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
