"""The image file and the compose file: read by the programs that run them, and held to what we promise of them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HADOLINT = Path(sys.prefix) / "bin" / "hadolint"
ROLES = {"console", "runtime", "jobs", "tasks", "beat"}
ADDRESSES = {"CONSOLE_URL": "https://console.example.com", "RUNTIME_URL": "https://mcp.example.com"}


def docker_compose() -> Path:
    """The program itself: the command that its package installs ends with 0 whatever happened."""
    spec = importlib.util.find_spec("compose")
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "docker-compose"


def compose(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """What Docker Compose says of our file, with nothing of this machine's environment but PATH."""
    command = [str(docker_compose()), "--env-file", "/dev/null", "--file", "docker/compose.yaml", *arguments]
    known = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"} | environment
    return subprocess.run(command, cwd=ROOT, env=known, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    outcome = compose("config", "--format", "json", **ADDRESSES)
    assert outcome.returncode == 0, outcome.stderr
    found: dict[str, Any] = json.loads(outcome.stdout)["services"]
    return found


def test_the_image_file_is_clean_by_hadolint() -> None:
    command = [str(HADOLINT), "--failure-threshold", "style", "docker/Dockerfile"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)
    assert outcome.returncode == 0, outcome.stdout


def test_compose_takes_the_file_without_a_warning() -> None:
    outcome = compose("config", "--quiet", **ADDRESSES)
    assert (outcome.returncode, outcome.stderr) == (0, "")


@pytest.mark.parametrize("missing", sorted(ADDRESSES))
def test_compose_refuses_to_start_without_an_address_and_says_what_to_do(missing: str) -> None:
    outcome = compose("config", "--quiet", **{name: url for name, url in ADDRESSES.items() if name != missing})
    assert outcome.returncode != 0
    assert missing in outcome.stderr
    assert "docker/secrets.sh" in outcome.stderr


def test_every_service_is_limited(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert {"cpus", "memory", "pids"} <= set(service["deploy"]["resources"]["limits"]), name
        assert "no-new-privileges:true" in service["security_opt"], name


def test_every_role_waits_for_the_migration_and_writes_to_no_file_system(services: dict[str, Any]) -> None:
    assert set(services) == ROLES | {"postgres", "valkey", "provision", "migrate"}
    for role in ROLES:
        service = services[role]
        assert service["command"] == ["serve", role]
        assert service["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]


def test_no_password_stands_in_the_environment_of_a_container(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service["environment"].items() if "environment" in service else ():
            secret = any(word in variable for word in ("PASSWORD", "SECRET", "DATABASE", "REDIS"))
            assert not secret or value is None or str(value).startswith("/run/secrets/"), f"{name}: {variable}"


def test_only_the_two_doors_are_open_and_to_this_machine_alone(services: dict[str, Any]) -> None:
    ports = {name: service["ports"] for name, service in services.items() if "ports" in service}
    assert set(ports) == {"console", "runtime"}
    assert {port["host_ip"] for published in ports.values() for port in published} == {"127.0.0.1"}


def test_every_secret_that_compose_wants_is_written_by_the_script(tmp_path: Path) -> None:
    script = ["/bin/sh", "docker/secrets.sh", str(tmp_path)]
    subprocess.run(script, cwd=ROOT, check=True, capture_output=True, timeout=30)
    wanted = json.loads(compose("config", "--format", "json", **ADDRESSES).stdout)["secrets"]
    written = {file.name: file.read_text() for file in (tmp_path / "secrets").iterdir()}
    assert set(written) == set(wanted)
    assert len(set(written.values())) == len(written)
    assert all(len(content) >= 64 for content in written.values())


def test_the_script_never_replaces_a_password(tmp_path: Path) -> None:
    script = ["/bin/sh", "docker/secrets.sh", str(tmp_path)]
    subprocess.run(script, cwd=ROOT, check=True, capture_output=True, timeout=30)
    before = (tmp_path / "secrets" / "database_url").read_text()
    again = subprocess.run(script, cwd=ROOT, check=False, capture_output=True, text=True, timeout=30)
    assert again.returncode == 1
    assert "is there already" in again.stderr
    assert (tmp_path / "secrets" / "database_url").read_text() == before
