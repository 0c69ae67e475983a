"""`armstrong alive`: whether the role in this container answers HTTP; for health checks, so it loads little."""

import argparse
import http.client

from config.cli.serve import PORTS
from core import environment

ANSWER_SECONDS = 2.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Says what is read from the environment; there are no options."""
    parser.epilog = "Asks PORT where it is set, else the ports that roles listen on by default."


def run(_: argparse.Namespace) -> int:
    """0 when one answers, else 1. Any HTTP status is an answer: a database that is away is no reason to die."""
    port = environment.integer("PORT", 0)
    ports = [port] if port else sorted(set(PORTS.values()))
    return int(not any(_answers(candidate) for candidate in ports))


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except (OSError, http.client.HTTPException):
        return False
    else:
        return True
    finally:
        connection.close()
