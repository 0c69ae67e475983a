"""The wheel holds everything the checkout's packages hold, and stands on its own in an empty environment."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.prefix) / "bin" / "uv"
# Where each package lies in the checkout; in the wheel they all lie at the top.
PACKAGES = {"console": "", "mcp_runtime": "", "billing": "", "tenants": "", "config": "platform/", "core": "platform/"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    outcome = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (built,) = folder.glob("*.whl")
    return built


def _committed() -> set[str]:
    command = ["git", "ls-files", *(prefix + name for name, prefix in PACKAGES.items())]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    return {name.removeprefix("platform/") for name in listed.stdout.splitlines()}


def test_the_wheel_holds_every_committed_file_of_the_packages(wheel: Path) -> None:
    committed, held = _committed(), set(zipfile.ZipFile(wheel).namelist())
    assert committed - held == set()
    for kind in ("/migrations/0001_initial.py", "/templates/", "/static/"):
        assert any(kind in name for name in held), kind


def test_the_wheel_holds_nothing_else(wheel: Path) -> None:
    tops = {name.partition("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {top for top in tops if not top.endswith(".dist-info")} == set(PACKAGES)


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty virtual environment with the locked runtime requirements and the wheel, and nothing of the checkout."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    python = str(venv / "bin" / "python")
    locked = ["--require-hashes", "--requirement", "requirements/runtime.txt"]
    for command in (
        [sys.executable, "-m", "venv", "--without-pip", str(venv)],
        [str(UV), "pip", "install", "--quiet", "--python", python, *locked],
        [str(UV), "pip", "install", "--quiet", "--python", python, "--no-deps", str(wheel)],
    ):
        outcome = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=300)
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    return venv


@pytest.mark.deploy
@pytest.mark.timeout(400)
def test_an_installed_wheel_brings_its_models_templates_and_static_files(environment: Path, tmp_path: Path) -> None:
    known = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "ARMSTRONG_STATE": str(tmp_path / "state"),
        "ARMSTRONG_SECRET_KEY": "only-for-tests-" + "0" * 40,
        "DATABASE_URL": os.environ["DATABASE_URL"],
        "REDIS_URL": os.environ["REDIS_URL"],
        "DJANGO_SETTINGS_MODULE": "config.settings",
    }
    for arguments in (["migrate", "--check"], ["collectstatic", "--noinput"]):
        command = [str(environment / "bin" / "python"), "-m", "django", *arguments]
        outcome = subprocess.run(
            command, cwd=tmp_path, env=known, check=False, capture_output=True, text=True, timeout=60
        )
        assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    assert (tmp_path / "state" / "static" / "staticfiles.json").exists()
