"""Serves the simulator: `python -m tests.stripe_simulator --port 12111` (0 takes a free port, which it prints)."""

import argparse
import os
import socket
import sys
from pathlib import Path

import uvicorn

from tests.stripe_simulator.webhooks import listen
from tests.stripe_simulator.wire import Application


def main() -> None:
    """Serves until it is told to stop."""
    parser = argparse.ArgumentParser(prog="stripe-simulator", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--keep", type=Path, help="a file in which everything is kept from one run to the next")
    where = "where all events of STRIPE_API_KEY's account go, signed with STRIPE_WEBHOOK_SECRETS"
    parser.add_argument("--webhook", default="", help=where)
    given = parser.parse_args()
    listening = socket.create_server(("127.0.0.1", given.port))
    sys.stdout.write(f"http://127.0.0.1:{listening.getsockname()[1]}\n")
    sys.stdout.flush()
    application = Application(given.keep)
    if given.webhook:
        account = application.world.account(os.environ["STRIPE_API_KEY"])
        listen(account, given.webhook, os.environ["STRIPE_WEBHOOK_SECRETS"])
    config = uvicorn.Config(application, log_level="critical", lifespan="on", access_log=False)
    uvicorn.Server(config).run([listening])


if __name__ == "__main__":
    main()
