"""The wheel, built once; and an empty environment that it is installed into, once."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
UV = Path(sys.prefix) / "bin" / "uv"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder)]
    outcome = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, timeout=100)
    assert outcome.returncode == 0, outcome.stdout + outcome.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="session")
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
