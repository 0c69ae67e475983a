"""`armstrong migrate`: brings the tables up to date, as the role that owns them."""

import argparse
import os

from django.core.management import call_command

from config.machine.options import state_folder
from config.machine.state import adopt_environment
from config.roles.django_process import set_up
from core import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `armstrong migrate`."""
    parser.add_argument("--check", action="store_true", help="exit 1 when something is left to do, and do nothing")


def run(arguments: argparse.Namespace) -> int:
    """Migrates; raises BadEnvironment without DATABASE_OWNER_URL."""
    adopt_environment(state_folder())
    os.environ["DATABASE_URL"] = environment.secret("DATABASE_OWNER_URL")
    set_up()
    call_command("migrate", check=arguments.check, interactive=False)
    return 0
