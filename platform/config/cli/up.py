"""`armstrong up`: everything on one machine, supervised, in the foreground."""

import argparse
import asyncio
import signal
import socket
import sys
import time
from collections.abc import Mapping
from importlib.metadata import version

from config.machine.options import Options
from config.machine.platform_tree import Platform, assemble
from config.machine.ports import bound
from config.machine.state import State
from config.quickstart.facts import Facts
from config.quickstart.printout import printout
from core.supervision.heartbeat import HeartbeatBoard
from core.supervision.operations import OperationsListener
from core.supervision.output import Printer
from core.supervision.tree import Supervisor

# `make` passes on a signal that its whole process group got already: only a later one means impatience.
IMPATIENCE_SECONDS = 1.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `armstrong up`; everything else is read from the environment."""
    parser.add_argument("--no-demo", action="store_true", help="make no demo tenant")


def run(arguments: argparse.Namespace) -> int:
    """Runs until SIGINT or SIGTERM; raises Problem for what the person can put right."""
    options = Options.from_environment()
    state = State(options.state)
    state.open()
    ports = {
        "CONSOLE_PORT": options.console_port,
        "RUNTIME_PORT": options.runtime_port,
        "OPS_PORT": options.operations_port,
    }
    with bound(options.bind, ports) as sockets:
        printer = Printer(sys.stdout)
        printer.line(f"Joe Armstrong AGI MCP {version('armstrong')}, state in {options.state}")
        progress = Steps(printer)
        platform = assemble(options, state, sockets, progress.say, demo=not arguments.no_demo)
        try:
            return asyncio.run(_supervise(platform, options, sockets, progress, printer))
        finally:
            printer.close()


class Steps:
    """Lines that say what has been done, and how long after the start."""

    def __init__(self, printer: Printer) -> None:
        self._printer = printer
        self._began = time.monotonic()

    def say(self, sentence: str) -> None:
        """One line."""
        self._printer.line(f"[{time.monotonic() - self._began:5.1f} s] {sentence}")


async def _supervise(
    platform: Platform, options: Options, sockets: Mapping[str, socket.socket], steps: Steps, printer: Printer
) -> int:
    board = HeartbeatBoard(options.state / "heartbeats", len(platform.specs))
    supervisor = Supervisor(platform.specs, board=board, printer=printer, report=steps.say)
    _obey_signals(supervisor, steps)
    listener = OperationsListener(sockets["OPS_PORT"], supervisor.statuses)
    await listener.start()
    announcing = asyncio.create_task(_announce(supervisor, options, steps, printer))
    try:
        return await supervisor.run()
    finally:
        announcing.cancel()
        listener.close()
        steps.say("stopped")


def _obey_signals(supervisor: Supervisor, steps: Steps) -> None:
    loop = asyncio.get_running_loop()
    last = -IMPATIENCE_SECONDS

    def stop() -> None:
        nonlocal last
        now = loop.time()
        if now - last >= IMPATIENCE_SECONDS:
            steps.say("stopping; once more to stop at once")
            supervisor.stop()
            last = now

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop)


async def _announce(supervisor: Supervisor, options: Options, steps: Steps, printer: Printer) -> None:
    if not await supervisor.settled():
        if not supervisor.is_stopping:
            steps.say("not everything runs: see above, and `armstrong doctor`")
        return
    steps.say("everything runs; Ctrl-C stops it")
    facts = Facts.read(options.state)
    lines = printout(facts) if facts else [f"Console: {options.console_url}"]
    for line in lines:
        printer.line(line)
