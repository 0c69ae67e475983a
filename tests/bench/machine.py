"""Where a run took place: figures mean nothing without it."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from tests.bench.load import generator
from tests.bench.processes import ROOT

PACKAGES = ("uvicorn", "uvloop", "httptools", "msgspec", "jsonschema-rs", "mcp", "channels", "django")


def description() -> dict[str, str]:
    """The machine, the versions and the moment, as words."""
    return {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "cpu": _cpu(),
        "cores": str(os.cpu_count()),
        "kernel": platform.release(),
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "load generator": generator(),
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def loadavg() -> float:
    """The load average of the last minute."""
    return os.getloadavg()[0]


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    command = ["git", "describe", "--always", "--dirty"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return outcome.stdout.strip() or "not a checkout"
