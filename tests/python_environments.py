"""Environments of their own for Python programs that others wrote, made once for each hash-pinned lock."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

INSTALLED = Path(__file__).resolve().parents[1] / "var" / "python"
INSTALL_SECONDS = 300


class NotInstalled(Exception):
    """An environment could not be made; the message carries the installer's own words."""


def python_with(source: Path, within: Path = INSTALLED) -> Path:
    """The Python of an environment in `within` with exactly what `requirements.txt` in `source` names, made once.

    Raises NotInstalled.
    """
    lock = source / "requirements.txt"
    version = f"{sys.implementation.cache_tag}"
    folder = within / f"{source.name}-{version}-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not (folder / ".installed").exists():
            _make(folder, lock)
            (folder / ".installed").touch()
    return folder / "bin" / "python"


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
