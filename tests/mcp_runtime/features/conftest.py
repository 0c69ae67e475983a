"""An endpoint with everything that a server can offer: the one that the conformance suite is run against."""

import json
from typing import Any

import pytest

from mcp_runtime.worker import Worker
from tests.mcp_runtime.driving import CAPABILITIES, Client, Exchange, modern

EVERYTHING: dict[str, Any] = {"elicitation": {"form": {}}, "sampling": {}, "roots": {}}


@pytest.fixture
async def legacy(path: str, worker: Worker) -> Client:
    """A client with a session of 2025-11-25, which can be asked everything."""
    client = Client(worker, path)
    await client.initialize(**EVERYTHING)
    return client


def open_able(client: Client, method: str, params: dict[str, Any], **capabilities: Any) -> Exchange:
    """A request of 2026-07-28 by a client with these capabilities (everything, unless any is given)."""
    message, headers = modern(method, params)
    message["params"]["_meta"] = {
        **message["params"]["_meta"],
        **params.get("_meta", {}),
        CAPABILITIES: capabilities or EVERYTHING,
    }
    if method == "resources/read":
        headers["mcp-name"] = params["uri"]
    return client.open(body=json.dumps(message).encode(), headers=headers)


def message_of(frame: str) -> dict[str, Any]:
    """The JSON-RPC message of a server-sent event."""
    data = [line.removeprefix("data: ") for line in frame.splitlines() if line.startswith("data: ")]
    message: dict[str, Any] = json.loads("\n".join(data))
    return message
