"""The peers' own environments: made below var/bench/peers once for each lock, from the registries in reach."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from tests.bench.processes import ROOT
from tests.node_packages import NODE, NoRegistry, installed

SOURCES = Path(__file__).resolve().parent / "peers"
INSTALLED = ROOT / "var" / "bench" / "peers"
INSTALL_SECONDS = 300


class NotInstalled(Exception):
    """A peer could not be installed; the message carries the installer's own words."""


def python(name: str) -> Path:
    """The Python of an environment with exactly what the lock of `peers/<name>` names. Raises NotInstalled."""
    lock = SOURCES / name / "requirements.txt"
    version = f"{sys.implementation.cache_tag}"
    folder = INSTALLED / f"{name}-{version}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            _make(folder, lock)
            (folder / ".installed").touch()
    return folder / "bin" / "python"


def node_folder(name: str) -> Path:
    """A folder with the programs of `peers/<name>` and what their lock names. Raises NotInstalled."""
    try:
        return installed(SOURCES / name, INSTALLED)
    except (NoRegistry, AssertionError, subprocess.TimeoutExpired) as reason:
        raise NotInstalled(f"{name}: {str(reason)[-500:]}") from None


def node(program: Path) -> tuple[str, ...]:
    """The command that runs a program that takes its port as its argument."""
    return (str(NODE), str(program), "{port}")


def _make(folder: Path, lock: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    uv = str(Path(sys.executable).parent / "uv")
    _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
    # The lock is complete: what it leaves out on purpose (an override) is not to be added.
    options = ["--quiet", "--require-hashes", "--no-deps", "--python", str(folder / "bin" / "python")]
    _run([uv, "pip", "install", *options, "--requirement", str(lock)])


def _run(command: list[str]) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        raise NotInstalled(f"{command[-1]}: not done after {INSTALL_SECONDS} s") from None
    if done.returncode:
        raise NotInstalled(f"{command[-1]}: {done.stderr[-500:]}")
