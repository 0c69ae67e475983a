"""A pytest plugin: a whole platform as `armstrong up` runs it, once for the run, for every test that asks for it.

Tests that use the fixture `platform` are marked so (tests/parts.py). They may kill, stop and start it: whoever does,
leaves it running.
Each xdist worker would start one of its own: files of such tests are listed in tests/scheduling.py.
"""

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from core.embedded.postgres import free_port
from tests.processes import eventually, is_alive

START_SECONDS = 100.0
STOP_SECONDS = 60.0
RUNS = "everything runs"
# What this test run has set for itself, and what a person may have set: the platform makes its own.
OURS = (
    "ARMSTRONG_", "CONSOLE_", "DATABASE_", "DJANGO_", "EMAIL_", "OPS_", "PYTEST_", "REDIS_", "RUNTIME_", "STRIPE_",
    "TEST_",
)  # fmt: skip


def clean_environment(**variables: str) -> dict[str, str]:
    """The environment of a person who has set nothing but `variables`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return kept | {"PYTHONWARNINGS": ""} | variables


def armstrong(*words: str, env: Mapping[str, str], seconds: float = 60.0) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "config.cli", *words],
        env=env,
        check=False,
        capture_output=True,
        text=True,
        timeout=seconds,
    )


class Platform:
    """`armstrong up` on free ports, with its state in a folder of its own."""

    def __init__(self, **variables: str) -> None:
        self.state = Path(tempfile.mkdtemp(prefix="armstrong-platform-"))
        self.state.chmod(0o711)  # the database server's account has to pass
        self.ports = {name: str(free_port()) for name in ("CONSOLE_PORT", "RUNTIME_PORT", "OPS_PORT")}
        self.environment = clean_environment(ARMSTRONG_STATE=str(self.state), **self.ports, **variables)
        self._lines: list[str] = []
        self._reader: threading.Thread | None = None
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Starts it and waits until everything runs."""
        self._lines = []
        command = [sys.executable, "-P", "-m", "config.cli", "up", "--simulated-payments"]
        process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self._process = process
        self._reader = threading.Thread(target=self._read, args=(process, self._lines), daemon=True)
        self._reader.start()
        deadline = time.monotonic() + START_SECONDS
        while RUNS not in self.printed():
            if process.poll() is not None or time.monotonic() > deadline:
                pytest.fail(f"the platform did not start:\n{self.printed()}")
            time.sleep(0.05)

    @staticmethod
    def _read(process: "subprocess.Popen[str]", lines: list[str]) -> None:
        assert process.stdout is not None
        with process.stdout:
            for line in process.stdout:
                lines.append(line)  # noqa: PERF402  line by line, as they come

    def printed(self) -> str:
        """What it has printed since it was started."""
        return "".join(self._lines)

    @property
    def pid(self) -> int:
        """The supervisor's process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def facts(self) -> dict[str, str]:
        """What quickstart.json says: console_url, ops_url, tenant, endpoint, mcp_url, api_key, email, password."""
        found: dict[str, str] = json.loads((self.state / "quickstart.json").read_text())
        return found

    def send(self, number: signal.Signals) -> int:
        """Sends the supervisor a signal and waits for its end; the exit status."""
        assert self._process is not None
        self._process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        """Waits for the supervisor's end; the exit status."""
        assert self._process is not None
        status = self._process.wait(STOP_SECONDS)
        if self._reader:
            self._reader.join(STOP_SECONDS)  # all that it printed has arrived
        return status

    def processes(self) -> list[int]:
        """Every process below the supervisor."""
        found, parents = [], [self.pid]
        while parents:
            parents = [pid for parent in parents for pid in _children_of(parent)]
            found += parents
        return found

    def get(self, path: str) -> tuple[int, str]:
        """An answer of the operations listener."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.ports["OPS_PORT"]), timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def children(self) -> dict[str, dict[str, Any]]:
        """What /readyz says of each child."""
        found: dict[str, dict[str, Any]] = json.loads(self.get("/readyz")[1])["children"]
        return found

    def await_health(self) -> None:
        """Waits until every child is well."""
        eventually(lambda: self.get("/readyz")[0] == 200, START_SECONDS)

    def close(self) -> None:
        """Ends it, however it stands, and removes its state."""
        if self._process and self._process.poll() is None:
            self.send(signal.SIGTERM)
        shutil.rmtree(self.state, ignore_errors=True)


def _children_of(parent: int) -> list[int]:
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        try:
            its = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        if its == parent and is_alive(pid):
            found.append(pid)
    return found


@pytest.fixture(scope="session")
def platform() -> Iterator[Platform]:
    """A running platform with its demo."""
    made = Platform()
    try:
        made.start()
        yield made
    finally:
        made.close()
