"""The wheel holds everything that the checkout's packages hold, and nothing else."""

import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Where each package lies in the checkout; in the wheel they all lie at the top.
PACKAGES = {"console": "", "mcp_runtime": "", "billing": "", "tenants": "", "config": "platform/", "core": "platform/"}


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
