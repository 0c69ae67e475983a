"""Collects static files under the state folder, unless they are there as they should be."""

import subprocess
import sys

from config.machine.commands import OURS
from config.machine.options import state_folder
from config.machine.state import State
from config.steps.fingerprint import fingerprint, our_files

MARKS = "static.json"
APPLICATIONS = ("django", "django-allauth", "django-ninja", "servestatic")  # those that bring or shape static files


def main() -> int:
    """Collects when something changed; the exit status."""
    state = State(state_folder())
    wanted = fingerprint(our_files("static/**/*"), APPLICATIONS)
    if state.read(MARKS).get("static") == wanted and (state.folder / "static").is_dir():
        return 0
    collect = [*OURS, "config.cli", "manage", "collectstatic", "--noinput", "--verbosity=0"]
    status = subprocess.run(collect, check=False).returncode
    if status == 0:
        state.write(MARKS, {"static": wanted})
    return status


if __name__ == "__main__":
    sys.exit(main())
