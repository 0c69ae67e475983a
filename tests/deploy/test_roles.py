"""Each role out of the installed wheel, as compose.yaml runs it: secrets in files, and no supervisor."""

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from core.embedded.postgres import free_port
from tests.processes import eventually

pytestmark = [pytest.mark.deploy, pytest.mark.platform, pytest.mark.timeout(400)]
SECRETS = ("ARMSTRONG_SECRET_KEY", "DATABASE_URL", "REDIS_URL")
START_SECONDS = 60
STOP_SECONDS = 40


@pytest.fixture(scope="module")
def container() -> Iterator[Path]:
    """What a container has of its own: secrets in files and a folder for what is temporary."""
    with tempfile.TemporaryDirectory() as folder:
        for name in SECRETS:
            (Path(folder) / name).write_text(os.environ[name] + "\n", encoding="utf-8")
        yield Path(folder)


@pytest.fixture
def role_environment(environment: Path, container: Path) -> dict[str, str]:
    """As in the image and in compose.yaml."""
    return {f"{name}_FILE": str(container / name) for name in SECRETS} | {
        "PATH": f"{environment / 'bin'}:/usr/bin:/bin",
        "HOME": str(container),
        "ARMSTRONG_STATE": str(container / "state"),
        "CONSOLE_URL": "https://console.example.com",
        "RUNTIME_URL": "https://mcp.example.com",
        "RUNTIME_HOSTS": "runtime",
        "HOST": "127.0.0.1",
        "PORT": str(free_port()),
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }


@contextmanager
def serving(role: str, known: dict[str, str], ready: Callable[[], bool]) -> Iterator[None]:
    """The role, once it is ready; it has to end by itself when it is asked to."""
    folder = Path(known["HOME"])
    log = folder / f"{role}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["armstrong", "serve", role],  # noqa: S607  found on PATH, as in the image
            cwd=folder,
            env=known,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        eventually(lambda: process.poll() is not None or ready(), START_SECONDS)
        assert process.poll() is None, log.read_text()
        yield
        process.terminate()
        # uvicorn ends by the signal itself once it has closed everything.
        assert process.wait(timeout=STOP_SECONDS) in {0, -signal.SIGTERM}, log.read_text()
    finally:
        process.kill()
        process.wait()


def run(known: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """A command in the role's container."""
    return subprocess.run(
        command, env=known, cwd=known["HOME"], check=False, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("role", ["console", "runtime"])
def test_a_role_that_serves_answers_its_health_check(role: str, role_environment: dict[str, str]) -> None:
    assert run(role_environment, "python", "-m", "django", "collectstatic", "--noinput").returncode == 0
    alive = ("armstrong", "alive")
    assert run(role_environment, *alive).returncode == 1
    with serving(role, role_environment, lambda: run(role_environment, *alive).returncode == 0):
        assert run(role_environment, *alive).returncode == 0


@pytest.mark.parametrize(("role", "node"), [("jobs", "celery"), ("tasks", "tasks")])
def test_a_role_that_works_answers_its_health_check(role: str, node: str, role_environment: dict[str, str]) -> None:
    compose = (Path(__file__).resolve().parents[2] / "docker" / "compose.yaml").read_text(encoding="utf-8")
    found = re.search(rf'test: \["CMD-SHELL", "(celery [^"]+ {node}@[^"]+)"\]', compose)
    assert found
    # Compose reads $$ as $; Docker puts the container's name into HOSTNAME.
    known = role_environment | {"HOSTNAME": os.uname().nodename}
    check = ("/bin/sh", "-c", found[1].replace("$$", "$"))
    with serving(role, known, lambda: run(known, *check).returncode == 0):
        assert "pong" in run(known, *check).stdout


def test_beat_keeps_its_notes_in_the_temporary_folder(role_environment: dict[str, str], container: Path) -> None:
    with serving("beat", role_environment, lambda: any((container / "state" / "beat").glob("schedule*"))):
        assert not any(container.glob("*schedule*"))
