"""A call that was accepted as a task ends well, whichever process is killed meanwhile."""

import http.client
import json
import os
import signal
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.mcp_runtime.driving import CAPABILITIES, modern
from tests.processes import eventually
from tests.running_platform import Platform

ABLE: dict[str, Any] = {"extensions": {"io.modelcontextprotocol/tasks": {}}}


def ask(platform: Platform, method: str, **params: Any) -> dict[str, Any]:
    """The result of a request of 2026-07-28 to the platform's conformance endpoint."""
    url = urlsplit(platform.facts["conformance_url"])
    message, headers = modern(method, params)
    message["params"]["_meta"][CAPABILITIES] = ABLE
    if "taskId" in params:
        headers["mcp-name"] = params["taskId"]
    plain = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    connection = http.client.HTTPConnection("127.0.0.1", url.port or 80, timeout=20)
    known = {name: value for name, value in headers.items() if value is not None}
    connection.request("POST", url.path, json.dumps(message), {**plain, **known, "host": url.netloc})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    result: dict[str, Any] = answer["result"]
    return result


@pytest.mark.parametrize(
    "victims", [("tasks",), ("runtime-1", "runtime-2"), ("valkey",), ("postgres",), ("jobs", "beat")]
)
def test_an_accepted_call_outlives_a_killed_process(platform: Platform, victims: tuple[str, ...]) -> None:
    platform.await_health()
    task_id = ask(platform, "tools/call", name="slow_compute", arguments={"seconds": 3, "label": "It"})["taskId"]
    former = {name: platform.children()[name]["pid"] for name in victims}
    for pid in former.values():
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: all(platform.children()[name].get("pid", pid) != pid for name, pid in former.items()))
    platform.await_health()
    eventually(lambda: ask(platform, "tasks/get", taskId=task_id)["status"] != "working")
    state = ask(platform, "tasks/get", taskId=task_id)
    assert state["status"] == "completed"
    assert state["result"]["content"][0]["text"] == "It took 3 seconds."
