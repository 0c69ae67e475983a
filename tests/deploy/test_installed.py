"""`armstrong up` out of the installed wheel, from a folder that has nothing to do with the checkout."""

import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.embedded.postgres import free_port
from tests.bench import wire
from tests.processes import eventually

pytestmark = [pytest.mark.deploy, pytest.mark.platform, pytest.mark.timeout(400)]
START_SECONDS = 120
STOP_SECONDS = 40


@dataclass(frozen=True)
class Installed:
    """A running platform: its folder, its supervisor, and what it says of itself."""

    folder: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes]
    facts: dict[str, str]


def _get(url: str) -> tuple[int, str]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    try:
        connection.request("GET", parts.path or "/", headers={"Host": parts.netloc})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    finally:
        connection.close()


def _processes_of(state: Path) -> list[str]:
    """The command lines of all processes that were started with this state folder."""
    mark, found = f"ARMSTRONG_STATE={state}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return found


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """A folder that every account can enter, unlike pytest's own: PostgreSQL is not root where we are."""
    with tempfile.TemporaryDirectory() as made:
        Path(made).chmod(0o711)
        yield Path(made)


@pytest.fixture(scope="module")
def installed(environment: Path, folder: Path) -> Iterator[Installed]:
    ports = {name: str(free_port()) for name in ("CONSOLE_PORT", "RUNTIME_PORT", "OPS_PORT")}
    known = {"PATH": f"{environment / 'bin'}:{os.environ['PATH']}", "HOME": str(folder)}
    known |= ports | {"ARMSTRONG_STATE": str(folder / "state")}
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["armstrong", "up"],  # noqa: S607  found on PATH, as a person would
            cwd=folder,
            env=known,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        limit = time.monotonic() + START_SECONDS
        while "everything runs" not in (said := (folder / "log").read_text()):
            assert process.poll() is None, said
            assert time.monotonic() < limit, said
            time.sleep(0.2)
        facts = json.loads((folder / "state" / "quickstart.json").read_text())
        yield Installed(folder, known, process, facts)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        eventually(lambda: not _processes_of(folder / "state"))


def test_its_demo_endpoint_answers_with_the_printed_key(installed: Installed) -> None:
    parts = urlsplit(installed.facts["mcp_url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=10)
    connection.request("POST", parts.path, wire.ECHO.body(7), wire.ECHO.headers(installed.facts["api_key"]))
    answer = connection.getresponse()
    wire.check(answer.status, answer.read(), 7)
    connection.close()


def test_its_pages_come_with_their_static_files(installed: Installed) -> None:
    status, page = _get(installed.facts["console_url"])
    assert status == 200
    assets = re.findall(r'(?:href|src)="(/static/[^"]+\.(?:css|js))"', page)
    assert assets
    assert {_get(installed.facts["console_url"] + asset)[0] for asset in assets} == {200}


def test_its_doctor_finds_nothing_to_do(installed: Installed) -> None:
    command = ["armstrong", "doctor"]
    outcome = subprocess.run(
        command,
        cwd=installed.folder,
        env=installed.environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr


def test_a_termination_signal_ends_all_of_it(installed: Installed) -> None:
    assert _processes_of(installed.folder / "state")
    installed.process.terminate()
    assert installed.process.wait(timeout=STOP_SECONDS) == 0
    assert _processes_of(installed.folder / "state") == []
