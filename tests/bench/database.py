"""The database of the measured runtime: an embedded PostgreSQL of its own, migrated, with one endpoint in it."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from core.embedded.postgres import HOST, STOP_SIGNAL, PostgresCluster, free_port
from tests.bench.cores import available
from tests.bench.processes import ROOT, START_SECONDS, ServerFailed, pinned

# Where the tool that sends its call on finds the other server; without it there is no such tool.
UPSTREAM = "BENCH_UPSTREAM"
# What the runtime is called in the row whose token has to say for whom it is, before its port is known.
KNOWN_AS = "http://runtime.bench"
MAKE_ENDPOINT = "from tests.bench import endpoint; endpoint.main()"


@dataclass(frozen=True)
class Endpoint:
    """Where the endpoint is, what opens it (a key, a token), and the environment that a worker serves it with."""

    path: str
    key: str
    token: str
    environment: dict[str, str]


@contextmanager
def endpoint(
    scratch: Path, *, upstream: int = 0, root: Path = ROOT, python: str = sys.executable
) -> Iterator[Endpoint]:
    """An endpoint with the echo tool in a database that lasts as long as the context. Raises ServerFailed.

    With `upstream`, a loopback port, there is a second tool that sends its calls on to it. `root` is the checkout whose
    code makes and serves it, with the packages of `python`.
    """
    # PostgreSQL runs as another user when we are root, and has to reach its folder.
    scratch.chmod(0o711)
    cluster = PostgresCluster(scratch / "database")
    with _running(cluster, scratch / "postgres.log") as port:
        environment = _environment(cluster, port, root) | (_allowing(upstream) if upstream else {})
        owner = environment | {"DATABASE_URL": cluster.url("armstrong_owner", port)}
        django = Django(python, root)
        django.run(owner, "migrate", "--verbosity", "0")
        made = json.loads(django.run(environment, "shell", "--verbosity", "0", "--command", MAKE_ENDPOINT))
        yield Endpoint(made["path"], made["key"], made.get("token", ""), environment)


def _away_from_servers(command: Sequence[str]) -> Sequence[str]:
    """The command on the load's core: in production a database is on a machine of its own."""
    cores = available()
    return command if cores is None else pinned(cores.load, command)


@contextmanager
def _running(cluster: PostgresCluster, log: Path) -> Iterator[int]:
    cluster.state.mkdir(mode=0o711)
    cluster.prepare()
    port = free_port()
    with log.open("wb") as output:
        server: subprocess.Popen[bytes] = subprocess.Popen(
            _away_from_servers(cluster.command(port)),
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


def _allowing(upstream: int) -> dict[str, str]:
    # Loopback is no public address: the operator has to name what may be called there.
    return {"OUTBOUND_ALLOW": f"{HOST}:{upstream}", UPSTREAM: f"http://{HOST}:{upstream}/echo"}


def _environment(cluster: PostgresCluster, port: int, root: Path) -> dict[str, str]:
    return {
        # Before the checkout that the environment was made for, which may be another.
        "PYTHONPATH": f"{root}{os.pathsep}{root / 'platform'}",
        "ARMSTRONG_STATE": str(cluster.state),
        "ARMSTRONG_SECRET_KEY": "only-for-measuring-" + "0" * 40,
        "DATABASE_URL": cluster.url("armstrong_app", port),
        # The hot path knows no Redis: this address answers nobody.
        "REDIS_URL": "redis://127.0.0.1:1/0",
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@dataclass(frozen=True)
class Django:
    """Management commands of a checkout."""

    python: str
    root: Path

    def run(self, environment: dict[str, str], *arguments: str) -> str:
        """What the command printed. Raises ServerFailed."""
        command = [self.python, "-m", "django", *arguments]
        outcome = subprocess.run(
            command,
            cwd=self.root,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        if outcome.returncode:
            raise ServerFailed(f"{' '.join(arguments[:1])} failed: {outcome.stderr[-2000:]}")
        return outcome.stdout
