"""Runs a tree of children in the foreground: signals, the operations listener, a line for every step."""

import asyncio
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from core.supervision.heartbeat import HeartbeatBoard
from core.supervision.operations import OperationsListener
from core.supervision.output import Printer
from core.supervision.spec import ChildSpec
from core.supervision.tree import Supervisor

# `make` passes on a signal that its whole process group got already: only a later one means impatience.
IMPATIENCE_SECONDS = 1.0
RELOAD = signal.SIGUSR2


class Foreground:
    """The terminal, or the log of a container: lines with the seconds since the start."""

    def __init__(self) -> None:
        self.printer = Printer(sys.stdout)
        self._began = time.monotonic()

    def say(self, sentence: str) -> None:
        """One step."""
        self.printer.line(f"[{time.monotonic() - self._began:5.1f} s] {sentence}")

    def supervise(
        self,
        specs: Sequence[ChildSpec],
        state: Path,
        *,
        operations: socket.socket | None,
        greeting: Callable[[], list[str]] = list,
    ) -> int:
        """Runs the tree until SIGINT or SIGTERM; its exit status. `greeting` gives the lines to print when all runs."""
        try:
            return asyncio.run(self._supervise(specs, state, operations, greeting))
        finally:
            self.printer.close()

    async def _supervise(
        self,
        specs: Sequence[ChildSpec],
        state: Path,
        operations: socket.socket | None,
        greeting: Callable[[], list[str]],
    ) -> int:
        board = HeartbeatBoard(state / "heartbeats", len(specs))
        supervisor = Supervisor(specs, board=board, printer=self.printer, report=self.say)
        self._obey_signals(supervisor)
        listener = OperationsListener(operations, supervisor.statuses) if operations else None
        if listener:
            await listener.start()
        announcing = asyncio.create_task(self._announce(supervisor, greeting))
        try:
            return await supervisor.run()
        finally:
            announcing.cancel()
            if listener:
                listener.close()
            self.say("stopped")

    def _obey_signals(self, supervisor: Supervisor) -> None:
        loop = asyncio.get_running_loop()
        last = -IMPATIENCE_SECONDS

        def stop() -> None:
            nonlocal last
            now = loop.time()
            if now - last >= IMPATIENCE_SECONDS:
                self.say("stopping at once" if supervisor.is_stopping else "stopping; once more to stop at once")
                supervisor.stop()
                last = now

        loop.add_signal_handler(RELOAD, supervisor.reload)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, stop)

    async def _announce(self, supervisor: Supervisor, greeting: Callable[[], list[str]]) -> None:
        if await supervisor.settled():
            self.say("everything runs; Ctrl-C stops it")
            for line in greeting():
                self.printer.line(line)
        elif not supervisor.is_stopping:
            self.say("not everything runs: see above, and `armstrong doctor`")
