"""Brings the tables up to date, unless this very database already had these very migrations."""

import subprocess
import sys

import psycopg

from config.machine.commands import OURS
from config.machine.options import state_folder
from config.machine.state import State
from config.steps.fingerprint import fingerprint, our_files
from core import environment

MARKS = "migrations.json"
APPLICATIONS = ("django", "django-allauth")  # those with migrations of their own
# A database made anew has another oid, a cluster made anew another identifier.
IDENTITY = """
    SELECT (SELECT system_identifier FROM pg_control_system()) || '/' || oid
    FROM pg_database WHERE datname = current_database()
"""


def main() -> int:
    """Migrates when something changed; the exit status."""
    state = State(state_folder())
    with psycopg.connect(environment.secret("DATABASE_OWNER_URL"), connect_timeout=10) as connection:
        row = connection.execute(IDENTITY).fetchone()
    identity = str(row[0]) if row else ""
    wanted = fingerprint(our_files("migrations/*.py"), APPLICATIONS)
    marks = state.read(MARKS)
    if marks.get(identity) == wanted:
        return 0
    status = subprocess.run([*OURS, "config.cli", "migrate"], check=False).returncode
    if status == 0:
        state.write(MARKS, marks | {identity: wanted})
    return status


if __name__ == "__main__":
    sys.exit(main())
