"""Servers under measurement: started on one core, asked for readiness, read for CPU time, stopped."""

import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from core.embedded.postgres import HOST, free_port
from tests.bench.wire import ECHO, Call, Target

START_SECONDS = 30
TICKS = os.sysconf("SC_CLK_TCK")
ROOT = Path(__file__).resolve().parents[2]


class ServerFailed(Exception):
    """A server did not start or died; the message carries the end of its log."""


@dataclass(frozen=True)
class Row:
    """One line of the table: what to run, `path` where the endpoint is, `key` what opens it, what `operation` names.

    In `command` and `environment` every `{port}` stands for the port to listen on; `root` is the checkout that is run.
    `prepare` makes of the started server's target the one that is called. `warm_seconds` are spent once, before the
    first pass; `connections` are kept busy; passes over slow rows are longer by the factor `stretch`.
    """

    name: str
    command: tuple[str, ...]
    path: str
    key: str = "none"
    environment: dict[str, str] = field(default_factory=dict)
    call: Call = ECHO
    operation: str = "tools/call of echo, answered in process"
    root: Path = ROOT
    prepare: Callable[[Target], Target] | None = None
    start_seconds: int = START_SECONDS
    warm_seconds: int = 0
    connections: int = 32
    stretch: int = 1
    # The floor answers the same bytes always: only request 0 finds its own id in them.
    checked_with: int = 7


@dataclass(frozen=True)
class Server:
    """A running row."""

    row: Row
    target: Target
    pid: int

    @property
    def port(self) -> int:
        """Where it listens, on loopback."""
        return self.target.port

    def cpu_seconds(self) -> float:
        """User and system time so far, of the process and all its descendants, in seconds (10 ms steps)."""
        return sum(_ticks(pid) for pid in _tree(self.pid)) / TICKS

    def resident_megabytes(self) -> float:
        """Resident memory of the process and all its descendants."""
        pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in _tree(self.pid))
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6

    def check(self) -> None:
        """Raises wire.WrongAnswer unless the server echoes."""
        self.target.check(self.row.checked_with)


@contextmanager
def serving(row: Row, *, core: int, logs: Path) -> Iterator[Server]:
    """The row's server on one core, ready and checked; stopped at the end. Raises ServerFailed or WrongAnswer."""
    port = free_port()
    command = [part.replace("{port}", str(port)) for part in row.command]
    environment = {name: value.replace("{port}", str(port)) for name, value in row.environment.items()}
    program = Program(row.name, pinned(core, command), environment, row.root, row.start_seconds)
    with running(program, port, logs) as pid:
        target = Target(port, row.path, row.key, row.call)
        target = row.prepare(target) if row.prepare else target
        sessions = tuple(target.open_session() for _ in range(row.call.sessions))
        server = Server(row, replace(target, sessions=sessions), pid)
        server.check()
        yield server


@dataclass(frozen=True)
class Program:
    """What is run, where, with what beside our own environment, and in how many seconds it answers."""

    name: str
    command: tuple[str, ...]
    environment: dict[str, str] = field(default_factory=dict)
    root: Path = ROOT
    start_seconds: int = START_SECONDS


@contextmanager
def running(program: Program, port: int, logs: Path) -> Iterator[int]:
    """The pid of the program, which answers HTTP on `port`; stopped at the end. Raises ServerFailed."""
    log = logs / f"{port}.log"
    with log.open("wb") as output:
        child = subprocess.Popen(
            program.command,
            cwd=program.root,
            env=os.environ | program.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _await(program, port, child, log)
        yield child.pid
    finally:
        _stop(child)


def pinned(core: int, command: Sequence[str]) -> tuple[str, ...]:
    """The command, held to one core."""
    return ("taskset", "--cpu-list", str(core), *command)


def uvicorn(target: str, python: str | Path = sys.executable) -> tuple[str, ...]:
    """The command that serves an ASGI application as uvicorn does it best, and as we do."""
    options = {"host": HOST, "port": "{port}", "http": "httptools", "loop": "uvloop", "ws": "none"}
    flags = [part for name, value in options.items() for part in (f"--{name}", value)]
    lean = ("--log-level", "warning", "--no-access-log", "--no-server-header", "--no-proxy-headers")
    return (str(python), "-m", "uvicorn", target, *flags, *lean)


def _await(program: Program, port: int, child: subprocess.Popen[bytes], log: Path) -> None:
    limit = time.monotonic() + program.start_seconds
    while not _answers(port):
        if child.poll() is not None or time.monotonic() > limit:
            raise ServerFailed(f"{program.name} did not start: {log.read_text()[-2000:]}")
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
