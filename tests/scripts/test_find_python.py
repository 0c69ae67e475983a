"""Whichever way a machine hides its Python, `make run` finds one that executes, or says what it looked at."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts"
SHIM = "#!/bin/sh\necho 'pyenv: python: command not found' >&2\nexit 127\n"
# What Python 3.11 answers to "are you new enough": no.
TOO_OLD = "#!/bin/sh\nexit 1\n"
# A Python whose library is in a place of its own cannot execute without this one variable.
LOADER = {name: os.environ[name] for name in ("LD_LIBRARY_PATH",) if name in os.environ}


@dataclass(frozen=True)
class Machine:
    """A checkout, a home folder and a PATH of our own making, with nothing of the real machine's Pythons on it."""

    root: Path

    def program(self, name: str, script: str) -> Path:
        """A program on PATH."""
        file = self.root / "bin" / name
        file.write_text(script, encoding="utf-8")
        file.chmod(0o755)
        return file

    def python(self, folder: str) -> Path:
        """A Python that executes, under `folder`."""
        file = self.root / folder / "python"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.symlink_to(sys.executable)
        return file

    def find(self, **environment: str) -> subprocess.CompletedProcess[str]:
        """What the script says here."""
        known = {"PATH": str(self.root / "bin"), "HOME": str(self.root / "home")}
        return subprocess.run(
            ["/bin/sh", str(self.root / "scripts" / "find-python.sh")],
            env=known | LOADER | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    def finds(self, **environment: str) -> str:
        """The path that the script prints."""
        outcome = self.find(**environment)
        assert outcome.returncode == 0, outcome.stderr
        return outcome.stdout.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    shutil.copytree(SCRIPTS, tmp_path / "scripts")
    (tmp_path / "bin").mkdir()
    for tool in ("cat", "dirname"):
        (tmp_path / "bin" / tool).symlink_to(shutil.which(tool) or f"/bin/{tool}")
    machine = Machine(tmp_path)
    for version in ("", "3", "3.12", "3.13", "3.14"):
        machine.program(f"python{version}", SHIM)
    return machine


def test_shims_that_exit_127_are_passed_over_for_the_versions_folder(machine: Machine) -> None:
    expected = machine.python("home/.pyenv/versions/3.12.1/bin")
    assert machine.finds() == str(expected)


def test_an_old_python3_is_passed_over(machine: Machine) -> None:
    machine.program("python3", TOO_OLD)
    expected = machine.python("home/.pyenv/versions/3.13.0/bin")
    assert machine.finds() == str(expected)


def test_the_versions_folder_may_be_elsewhere(machine: Machine) -> None:
    expected = machine.python("opt/pyenv/versions/3.12.1/bin")
    assert machine.finds(PYENV_ROOT=str(machine.root / "opt/pyenv")) == str(expected)


def test_the_version_that_the_checkout_asks_for_comes_first(machine: Machine) -> None:
    (machine.root / ".python-version").write_text("3.12\n", encoding="utf-8")
    machine.python("home/.pyenv/versions/3.13.0/bin")
    expected = machine.python("home/.pyenv/versions/3.12.1/bin")
    assert machine.finds() == str(expected)


def test_a_named_python_wins_over_every_other(machine: Machine) -> None:
    machine.python("home/.pyenv/versions/3.13.0/bin")
    named = machine.python("named")
    assert machine.finds(ARMSTRONG_PYTHON=str(named)) == str(named)


def test_a_named_python_that_does_not_do_is_refused_by_its_name(machine: Machine) -> None:
    machine.python("home/.pyenv/versions/3.13.0/bin")
    bad = machine.program("python3.9", TOO_OLD)
    outcome = machine.find(ARMSTRONG_PYTHON=str(bad))
    assert outcome.returncode == 1
    assert f"ARMSTRONG_PYTHON={bad}" in outcome.stderr


def test_uv_is_asked_at_last(machine: Machine) -> None:
    expected = machine.python("managed")
    machine.program("uv", f"#!/bin/sh\necho {expected}\n")
    assert machine.finds() == str(expected)


def test_a_machine_without_one_is_told_what_was_looked_at(machine: Machine) -> None:
    outcome = machine.find()
    assert outcome.returncode == 1
    assert outcome.stdout == ""
    assert ".pyenv/versions" in outcome.stderr
    assert "make run ARMSTRONG_PYTHON=" in outcome.stderr


def test_a_process_without_a_home_is_no_obstacle(machine: Machine) -> None:
    (machine.root / "bin" / "python3").unlink()
    (machine.root / "bin" / "python3").symlink_to(sys.executable)
    outcome = subprocess.run(
        ["/bin/sh", str(machine.root / "scripts" / "find-python.sh")],
        env=LOADER | {"PATH": str(machine.root / "bin")},
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )
    assert outcome.returncode == 0, outcome.stderr
