"""`armstrong reload`: has the running platform replace its processes one by one, and waits until it has."""

import argparse
import os
import sys
import time

from config.machine.options import state_folder
from config.machine.running import RELOAD
from config.machine.state import State
from config.machine.watching import look, operations_url
from config.problems import Problem

LOOK_SECONDS = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """How long to wait."""
    parser.add_argument("--seconds", type=float, default=180.0, help="how long it may take (180)")


def run(arguments: argparse.Namespace) -> int:
    """0 once every process that can be replaced is a new one, and well; raises Problem when it takes too long."""
    owner = State(state_folder()).owner()
    if owner is None:
        raise Problem(f"No platform runs on {state_folder()}. Set ARMSTRONG_STATE to the folder of the one you mean.")
    url = operations_url()
    waiting = {seen.name: seen.pid for seen in look(url) if seen.rolls}
    os.kill(owner, RELOAD)
    limit = time.monotonic() + arguments.seconds
    while waiting:
        for seen in look(url):
            if seen.name in waiting and seen.is_well and seen.pid != waiting[seen.name]:
                sys.stdout.write(f"{seen.name}: {waiting.pop(seen.name)} was replaced by {seen.pid}\n")
        if waiting and time.monotonic() > limit:
            raise Problem(f"Not replaced after {arguments.seconds:g} s: {', '.join(waiting)}. The platform says why.")
        time.sleep(LOOK_SECONDS)
    return 0
