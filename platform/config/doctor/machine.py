"""The machine: interpreter, server programs, state folder, ports."""

import http.client
import json
import os
import sys
import tempfile
from pathlib import Path

from config.doctor.finding import Finding, absent, broken, well
from config.machine.options import Options
from config.machine.ports import listen
from config.problems import Problem
from core.embedded.postgres import PostgresFailed, installed_binaries
from core.embedded.valkey import ValkeyFailed, ValkeyServer

LOWEST_PYTHON = (3, 12)
SECONDS = 5.0


def python() -> Finding:
    """The interpreter."""
    found = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < LOWEST_PYTHON:
        return broken("python", f"{found} is too old", "Install Python 3.12 or newer; name it in ARMSTRONG_PYTHON.")
    return well("python", f"{found} at {sys.executable}")


def postgres(options: Options) -> Finding:
    """The program of the embedded PostgreSQL."""
    if options.database_url:
        return absent("postgres", "not embedded: DATABASE_URL is set")
    advice = "Install the locked requirements again (make setup), or set DATABASE_URL or PG_BIN."
    try:
        program = installed_binaries() / "postgres"
    except PostgresFailed as error:
        return broken("postgres", str(error), advice)
    if not os.access(program, os.X_OK):
        return broken("postgres", f"{program} cannot be executed", advice)
    return well("postgres", str(program))


def valkey(options: Options) -> Finding:
    """The program of the embedded Valkey."""
    if options.redis_url:
        return absent("valkey", "not embedded: REDIS_URL is set")
    advice = "Install the locked requirements again (make setup), or set REDIS_URL or VALKEY_SERVER."
    try:
        program = Path(ValkeyServer(options.state).command(0)[0])
    except ValkeyFailed as error:
        return broken("valkey", str(error), advice)
    if not os.access(program, os.X_OK):
        return broken("valkey", f"{program} cannot be executed", advice)
    return well("valkey", str(program))


def state(options: Options) -> Finding:
    """The state folder, or the nearest folder above it that exists."""
    folder = next(folder for folder in (options.state, *options.state.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        advice = "Give this user the folder, or set ARMSTRONG_STATE to another."
        return broken("state", f"{folder} cannot be written: {error.strerror}", advice)
    return well("state", f"{options.state} can be written" + ("" if folder == options.state else " (to be made)"))


def port(options: Options, variable: str, number: int, *, running: bool) -> Finding:
    """One of the platform's ports: free, or held by the platform itself."""
    name = variable.lower().replace("_", " ")
    if running:
        return well(name, f"{number} is the running platform's")
    try:
        listen(options.bind, variable, number).close()
    except Problem as problem:
        return broken(name, f"{number} is not free", str(problem))
    return well(name, f"{number} is free")


def children(options: Options, *, running: bool) -> Finding:
    """The children of a running platform, as its operations listener tells."""
    if not running:
        return absent("platform", "not running; `armstrong up` starts it")
    host = options.reachable(options.operations_port).removeprefix("http://")
    connection = http.client.HTTPConnection(host, timeout=SECONDS)
    try:
        connection.request("GET", "/readyz")
        answered = json.loads(connection.getresponse().read())
        ill = [f"{name} is {child['state']}" for name, child in answered["children"].items() if not child["well"]]
    except (OSError, http.client.HTTPException, ValueError, KeyError):
        advice = "Set OPS_PORT to the running platform's. If it is, the supervisor hangs: stop it and start it again."
        return broken("platform", f"runs, but does not answer on {host}", advice)
    finally:
        connection.close()
    if ill:
        return broken("platform", ", ".join(ill), "See what it printed, from the first line on.")
    return well("platform", f"{len(answered['children'])} children, all well")
