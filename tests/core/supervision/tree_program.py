"""A supervisor for the tests, in a process of its own: it collects every child of its process.

Usage: tree_program.py FOLDER TREE, where TREE is JSON: {"children": [ChildSpec fields], "strategy", "intensity"}.
The address of the operations listener is written to FOLDER/operations once it answers.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from core.supervision.heartbeat import HeartbeatBoard
from core.supervision.operations import OperationsListener
from core.supervision.output import Printer
from core.supervision.spec import ChildSpec, Intensity, Probe, Restart, Strategy
from core.supervision.tree import Supervisor


def _file_probe(file: str) -> Probe:
    async def exists() -> bool:
        return os.access(file, os.F_OK)

    return exists


def _spec(fields: dict[str, Any]) -> ChildSpec:
    for name in ("argv", "after"):
        fields[name] = tuple(fields.get(name, ()))
    if "ready" in fields:
        fields["ready"] = _file_probe(fields["ready"])
    if "restart" in fields:
        fields["restart"] = Restart(fields["restart"])
    return ChildSpec(env=dict(os.environ), **fields)


async def _run(folder: Path, tree: dict[str, Any]) -> int:
    printer = Printer(sys.stdout)
    specs = [_spec(fields) for fields in tree["children"]]
    supervisor = Supervisor(
        specs,
        board=HeartbeatBoard(folder / "heartbeats", len(specs)),
        printer=printer,
        report=lambda sentence: printer.line(f"supervisor | {sentence}"),
        strategy=Strategy(tree.get("strategy", "one_for_one")),
        intensity=Intensity(*tree.get("intensity", (10, 60.0))),
        hung_seconds=tree.get("hung_seconds", 20.0),
    )
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, supervisor.stop)
    loop.add_signal_handler(signal.SIGUSR2, supervisor.reload)
    listening = socket.create_server(("127.0.0.1", 0))
    listener = OperationsListener(listening, supervisor.statuses)
    await listener.start()
    (folder / "operations.new").write_text(str(listening.getsockname()[1]))
    (folder / "operations.new").rename(folder / "operations")
    status = await supervisor.run()
    listener.close()
    printer.close()
    return status


if __name__ == "__main__":
    sys.exit(asyncio.run(_run(Path(sys.argv[1]), json.loads(sys.argv[2]))))
