"""`armstrong manage …`: Django's command line with the environment of the platform that runs on the state folder."""

from django.core.management import execute_from_command_line

from config.machine.options import state_folder
from config.machine.state import adopt_environment


def run(words: list[str]) -> int:
    """Runs one of Django's commands."""
    adopt_environment(state_folder())
    execute_from_command_line(["armstrong manage", *words])
    return 0
