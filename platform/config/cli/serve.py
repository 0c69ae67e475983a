"""`armstrong serve ROLE`: one role in the foreground, for containers."""

import argparse
import importlib
import os
from collections.abc import Callable

from config.problems import Problem, suggestion
from config.roles.listening import Address
from core import environment

NEEDED = {
    "ARMSTRONG_SECRET_KEY": "a long random secret, the same for every role",
    "DATABASE_URL": "postgresql://role:password@host:5432/name, a role that neither owns the tables nor is a superuser",
    "REDIS_URL": "redis://:password@host:6379/0",
}
PORTS = {"console": 8000, "runtime": 8100, "web": 8000, "all": 8000}
ROLES = {
    "console": "config.roles.console",
    "runtime": "config.roles.runtime",
    "jobs": "config.roles.jobs",
    "tasks": "config.roles.tasks",
    "beat": "config.roles.beat",
    "web": "config.roles.web",
    "all": "config.roles.everything",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `armstrong serve`; HOST and PORT are read from the environment."""
    parser.add_argument("role", metavar="ROLE", help=", ".join(ROLES))
    parser.add_argument("--fd", type=int, help="an inherited listening socket, instead of HOST and PORT")


def run(arguments: argparse.Namespace) -> int:
    """Serves until stopped; raises Problem for an unknown role, and when the environment lacks something."""
    if arguments.role not in ROLES:
        raise Problem(f"There is no role {arguments.role!r}. {suggestion(arguments.role, list(ROLES))}")
    _require_environment()
    port = environment.integer("PORT", PORTS.get(arguments.role, 0))
    address = Address(environment.text("HOST", "127.0.0.1"), port, arguments.fd)
    serve: Callable[[Address], int] = importlib.import_module(ROLES[arguments.role]).serve
    return serve(address)


def _require_environment() -> None:
    missing = [name for name in NEEDED if not os.environ.get(name) and not os.environ.get(f"{name}_FILE")]
    if missing:
        lines = [f"  {name}  {NEEDED[name]}" for name in missing]
        raise Problem("\n".join(["These have to be set (or NAME_FILE, for a file that holds the value):", *lines]))
