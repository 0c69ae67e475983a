"""The migrated cluster of the last run, kept below var/ while nothing that migrations do has changed."""

import hashlib
import os
import secrets
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
KEPT = ROOT / "var" / "tests"
CLUSTER = ("postgres", "postgres.json")
# What decides the database that migrating makes: the migrations, what they call, and the versions of everything.
DECIDING = (
    "*/migrations/*.py",
    "platform/core/**/*.py",
    "platform/config/settings.py",
    "requirements/*.txt",
    "tests/migrated.py",
    "tests/servers.py",
)


def kept() -> Path:
    """Where the cluster is kept that fits what stands in the checkout now."""
    digest = hashlib.sha256(os.environ.get("PG_BIN", "").encode())
    for file in sorted({file for pattern in DECIDING for file in ROOT.glob(pattern)}):
        digest.update(f"{file.relative_to(ROOT)}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return KEPT / digest.hexdigest()[:16]


def bring(state: Path) -> bool:
    """Copies the cluster into a run's state folder; False where none is kept."""
    if not (found := kept()).is_dir():
        return False
    _copy(found, state)
    return True


def keep(state: Path) -> None:
    """Keeps a cluster, whose server is stopped, instead of what was kept before; not one that is elsewhere."""
    if not all((state / name).exists() for name in CLUSTER):
        return
    wanted = kept()
    partial = KEPT / f"partial-{os.getpid()}-{secrets.token_hex(4)}"
    partial.mkdir(parents=True, mode=0o700)
    _copy(state, partial)
    for former in KEPT.iterdir():
        if former not in (partial, wanted) and not former.name.startswith("partial-"):
            shutil.rmtree(former, ignore_errors=True)
    try:
        partial.rename(wanted)
    except OSError:  # another run was faster
        shutil.rmtree(partial)


def _copy(source: Path, target: Path) -> None:
    # With owners, permissions and times: the server refuses a folder that is not its account's alone.
    files = [str(source / name) for name in CLUSTER]
    subprocess.run(["cp", "-a", *files, str(target)], check=True)  # noqa: S607  wherever the system has it
