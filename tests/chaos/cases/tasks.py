"""Calls that outlive their request, while processes are killed: each ends once, and as it should."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from tests.chaos.calls import REVISION
from tests.chaos.house import OURS, RUNTIMES, House
from tests.chaos.http1 import Connection, Lost, request
from tests.chaos.scene import Case, Load, Scene, Strike, Trial

GROUP = "task"
TASKS = 8
TASK_SECONDS = 3
DONE_SECONDS = 60.0
META = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientCapabilities": {"extensions": {"io.modelcontextprotocol/tasks": {}}},
}
VICTIMS: tuple[tuple[str, ...], ...] = (("tasks",), RUNTIMES, ("valkey",), ("postgres",), (*OURS, "postgres", "valkey"))


def outlived(roles: tuple[str, ...]) -> Strike:
    """Begins tasks, kills roles, and waits for the tasks' ends."""

    async def strike(scene: Scene, trial: Trial) -> None:
        names = [await _begin(scene.house, f"Task {number}") for number in range(TASKS)]
        pids = [await scene.house.pid(role) for role in roles]
        scene.hit(trial)
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        ends = await asyncio.gather(*(_end(scene.house, name) for name in names))
        scene.healed(trial)
        for number, said in enumerate(ends):
            if said != f"Task {number} took {TASK_SECONDS} seconds.":
                trial.broken.append(f"task {number} ended so: {said}")

    return strike


async def _begin(house: House, label: str) -> str:
    arguments = {"seconds": TASK_SECONDS, "label": label}
    result = await ask(house, "tools/call", "slow_compute", name="slow_compute", arguments=arguments)
    return str(result["taskId"])


async def _end(house: House, name: str) -> str:
    limit = time.monotonic() + DONE_SECONDS
    while time.monotonic() < limit:
        try:
            state = await ask(house, "tasks/get", name, taskId=name)
        except (Lost, KeyError, ValueError):
            state = {"status": "working"}
        if state["status"] != "working":
            return str(state["result"]["content"][0]["text"]) if state["status"] == "completed" else str(state)
        await asyncio.sleep(0.2)
    return "never"


async def ask(house: House, method: str, named: str, **params: Any) -> dict[str, Any]:
    """The result of a request to the platform's open endpoint; raises Lost, KeyError, ValueError."""
    url = urlsplit(house.platform.facts["conformance_url"])
    message = {"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": META}}
    headers = {
        "Host": url.netloc,
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": method,
        "Mcp-Name": named,
    }
    connection = Connection(house.port)
    try:
        answer = await connection.ask(request("POST", url.path, headers, json.dumps(message).encode()), 5.0)
    finally:
        connection.close()
    result: dict[str, Any] = json.loads(answer.body)["result"]
    return result


def cases() -> Iterator[Case]:
    """All of them."""
    for roles in VICTIMS:
        what = " + ".join(roles) if len(roles) < 4 else "everything but the supervisor"
        short = int(roles == ("tasks",))
        name = f"kill -9 {what} while {TASKS} tasks run"
        yield Case(name, GROUP, Load.CALLS, outlived(roles), roles, 60.0, trials=3, short=short, replaced=True)
