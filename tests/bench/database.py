"""The database of the measured runtime: an embedded PostgreSQL of its own, migrated, with one endpoint in it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.embedded.postgres import STOP_SIGNAL, PostgresCluster, free_port
from tests.bench.processes import ROOT, START_SECONDS, ServerFailed

MAKE_ENDPOINT = "from tests.bench import endpoint; endpoint.main()"


@dataclass(frozen=True)
class Endpoint:
    """Where the endpoint is, what opens it, and the environment that a worker serves it with."""

    path: str
    key: str
    environment: dict[str, str]


@contextmanager
def endpoint(scratch: Path) -> Iterator[Endpoint]:
    """An endpoint with the echo tool in a database that lasts as long as the context. Raises ServerFailed."""
    # PostgreSQL runs as another user when we are root, and has to reach its folder.
    scratch.chmod(0o711)
    cluster = PostgresCluster(scratch / "database")
    with _running(cluster, scratch / "postgres.log") as port:
        environment = _environment(cluster, port)
        _django(environment | {"DATABASE_URL": cluster.url("armstrong_owner", port)}, "migrate", "--verbosity", "0")
        made = json.loads(_django(environment, "shell", "--verbosity", "0", "--command", MAKE_ENDPOINT))
        yield Endpoint(made["path"], made["key"], environment)


@contextmanager
def _running(cluster: PostgresCluster, log: Path) -> Iterator[int]:
    cluster.state.mkdir(mode=0o711)
    cluster.prepare()
    port = free_port()
    with log.open("wb") as output:
        server: subprocess.Popen[bytes] = subprocess.Popen(
            cluster.command(port),
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            **cluster.account.popen_arguments(),  # type: ignore[call-overload]  # a dictionary of known keywords
        )
    try:
        limit = time.monotonic() + START_SECONDS
        while not cluster.is_ready(port):
            if server.poll() is not None or time.monotonic() > limit:
                raise ServerFailed(f"PostgreSQL did not start: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        cluster.provision(port)
        yield port
    finally:
        server.send_signal(STOP_SIGNAL)
        try:
            server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            server.send_signal(signal.SIGKILL)
            server.wait()


def _environment(cluster: PostgresCluster, port: int) -> dict[str, str]:
    return {
        "ARMSTRONG_STATE": str(cluster.state),
        "ARMSTRONG_SECRET_KEY": "only-for-measuring-" + "0" * 40,
        "DATABASE_URL": cluster.url("armstrong_app", port),
        # The hot path knows no Redis: this address answers nobody.
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


def _django(environment: dict[str, str], *arguments: str) -> str:
    command = [sys.executable, "-m", "django", *arguments]
    outcome = subprocess.run(
        command, cwd=ROOT, env=os.environ | environment, capture_output=True, text=True, check=False, timeout=120
    )
    if outcome.returncode:
        raise ServerFailed(f"{' '.join(arguments[:1])} failed: {outcome.stderr[-2000:]}")
    return outcome.stdout
