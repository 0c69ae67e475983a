"""Servers under measurement: started on one core, asked for readiness, read for CPU time, stopped."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from core.embedded.postgres import HOST, free_port
from tests.bench import wire

START_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parents[2]


class ServerFailed(Exception):
    """A server did not start or died; the message carries the end of its log."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what to run, `path` where the endpoint is, `key` what opens it.

    In `command` and `environment` every `{port}` stands for the port to listen on.
    """

    name: str
    command: tuple[str, ...]
    path: str
    key: str = "none"
    environment: dict[str, str] = field(default_factory=dict)
    # The floor answers the same bytes always: only request 0 finds its own id in them.
    checked_with: int = 7


@dataclass(frozen=True)
class Server:
    """A running row."""

    row: Row
    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process and all its descendants, in seconds (10 ms steps)."""
        return sum(_ticks(pid) for pid in _tree(self.pid)) / TICKS

    def resident_megabytes(self) -> float:
        """Resident memory of the process and all its descendants."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _tree(self.pid))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def check(self) -> None:
        """Raises wire.WrongAnswer unless the server echoes."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        number = self.row.checked_with
        try:
            connection.request("POST", self.row.path, wire.body(number), wire.headers(self.row.key))
            answer = connection.getresponse()
            wire.check(answer.status, answer.read(), number)
        finally:
            connection.close()


@contextmanager
def serving(row: Row, *, core: int, logs: Path) -> Iterator[Server]:
    """The row's server on one core, ready and checked; stopped at the end. Raises ServerFailed or WrongAnswer."""
    port = free_port()
    log = logs / f"{port}.log"
    command = [part.replace("{port}", str(port)) for part in row.command]
    environment = {name: value.replace("{port}", str(port)) for name, value in row.environment.items()}
    with log.open("wb") as output:
        child = subprocess.Popen(
            ["taskset", "--cpu-list", str(core), *command],  # noqa: S607
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    server = Server(row, port, child.pid)
    try:
        _await(server, child, log)
        server.check()
        yield server
    finally:
        _stop(child)


def uvicorn(target: str) -> tuple[str, ...]:
    """The command that serves an ASGI application as uvicorn does it best, and as we do."""
    options = {"host": HOST, "port": "{port}", "http": "httptools", "loop": "uvloop", "ws": "none"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    lean = ("--log-level", "warning", "--no-access-log", "--no-server-header", "--no-proxy-headers")
    return (sys.executable, "-m", "uvicorn", target, *flags, *lean)


def _await(server: Server, child: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + START_SECONDS
    while not _answers(server.port):
        if child.poll() is not None or time.monotonic() > limit:
            raise ServerFailed(f"{server.row.name} did not start: {log.read_text()[-2000:]}")
        time.sleep(0.05)


def _answers(port: int) -> bool:
    connection = http.client.HTTPConnection(HOST, port, timeout=1)
    try:
        connection.request("GET", "/")
        connection.getresponse()
    except OSError:
        return False
    else:
        return True
    finally:
        connection.close()


def _stop(child: subprocess.Popen[bytes]) -> None:
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(timeout=10)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def _tree(pid: int) -> Iterator[int]:
    yield pid
    for task in Path(f"/proc/{pid}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from _tree(int(child))


def _ticks(pid: int) -> int:
    # proc(5): the command's name is in brackets and may hold spaces; utime and stime are fields 14 and 15.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])
