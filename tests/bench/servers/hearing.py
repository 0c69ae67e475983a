"""Another worker's end of the bus: counts what it is told.

python -m tests.bench.servers.hearing URL   →   a line of JSON with its name, then one when it has heard MESSAGES
"""

import asyncio
import json
import sys
import time
from typing import Any

import uvloop

from mcp_runtime.bus import Bus

KIND = "bench"


async def main(url: str) -> None:
    """Says who it is, hears until it has heard `count` messages of one round, says so; until its input ends."""
    bus, loop = Bus(url), asyncio.get_running_loop()
    heard, done = 0, asyncio.Event()
    wanted = 0

    def hear(_data: dict[str, Any]) -> None:
        nonlocal heard
        heard += 1
        if heard >= wanted:
            done.set()

    bus.on(KIND, hear)
    running = asyncio.create_task(bus.run())
    await bus.connected.wait()
    _say({"worker": bus.worker})
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        heard, wanted = 0, json.loads(line)["count"]
        done.clear()
        _say({"ready": True})
        await done.wait()
        _say({"at": time.monotonic()})
    running.cancel()
    await bus.close()


def _say(answer: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    uvloop.run(main(sys.argv[1]))
