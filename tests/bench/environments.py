"""The peers' own environments: made below var/bench/peers once for each lock, from the registries in reach."""

import subprocess
from pathlib import Path

from tests.bench.processes import ROOT
from tests.node_packages import NODE, NoRegistry, installed
from tests.python_environments import NotInstalled, python_with

SOURCES = Path(__file__).resolve().parent / "peers"
INSTALLED = ROOT / "var" / "bench" / "peers"


def python(name: str) -> Path:
    """The Python of an environment with exactly what the lock of `peers/<name>` names. Raises NotInstalled."""
    return python_with(SOURCES / name, INSTALLED)


def node_folder(name: str) -> Path:
    """A folder with the programs of `peers/<name>` and what their lock names. Raises NotInstalled."""
    try:
        return installed(SOURCES / name, INSTALLED)
    except (NoRegistry, AssertionError, subprocess.TimeoutExpired) as reason:
        raise NotInstalled(f"{name}: {str(reason)[-500:]}") from None


def node(program: Path) -> tuple[str, ...]:
    """The command that runs a program that takes its port as its argument."""
    return (str(NODE), str(program), "{port}")
