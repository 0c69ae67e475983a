"""`armstrong up`: everything on one machine, supervised, in the foreground."""

import argparse
from importlib.metadata import version

from config.machine.options import Options
from config.machine.platform_tree import Extras, assemble
from config.machine.ports import bound
from config.machine.running import Foreground
from config.machine.state import State
from config.quickstart.facts import Facts
from config.quickstart.printout import printout
from core import environment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `armstrong up`; everything else is read from the environment."""
    parser.add_argument("--no-demo", action="store_true", help="make no demo tenant")
    parser.add_argument("--simulated-payments", action="store_true",
                        help="have a program of ours stand in for Stripe, unless STRIPE_API_KEY is set")  # fmt: skip


def run(arguments: argparse.Namespace) -> int:
    """Runs until SIGINT or SIGTERM; raises Problem for what the person can put right."""
    options = Options.from_environment()
    state = State(options.state)
    state.open()
    with bound(options.bind, options.ports) as sockets:
        foreground = Foreground()
        foreground.printer.line(f"Joe Armstrong AGI MCP {version('armstrong')}, state in {options.state}")
        simulated = arguments.simulated_payments and not environment.optional_secret("STRIPE_API_KEY")
        extras = Extras(demo=not arguments.no_demo, simulated_payments=simulated)
        specs = assemble(options, state, sockets, foreground.say, extras)
        if simulated:
            foreground.say("payments are simulated: no money moves")

        def greeting() -> list[str]:
            facts = None if arguments.no_demo else Facts.read(options.state)
            return printout(facts) if facts else [f"Console    {options.console_url}"]

        return foreground.supervise(specs, options.state, operations=sockets["OPS_PORT"], greeting=greeting)
