"""One tool call as the printed `curl` line makes it (revision 2026-07-28, no session)."""

import http.client
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from config.quickstart.facts import encoded

REVISION = "2026-07-28"
TOOL = "echo"
SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Call:
    """Headers and body of a request that calls the demo's `echo`."""

    headers: dict[str, str]
    body: str


def echo_call(api_key: str, text: str = "Hello, Joe") -> Call:
    """The call, with the smallest set of headers and metadata that the revision asks for."""
    params: dict[str, Any] = {
        "name": TOOL,
        "arguments": {"text": text},
        "_meta": {
            "io.modelcontextprotocol/protocolVersion": REVISION,
            "io.modelcontextprotocol/clientCapabilities": {},
        },
    }
    return Call(
        headers={
            "Authorization": f"Bearer {api_key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": REVISION,
            "Mcp-Method": "tools/call",
            "Mcp-Name": TOOL,
        },
        body=encoded({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}),
    )


def works(origin: str, path: str, api_key: str) -> bool:
    """Whether the call succeeds at the runtime at `origin`."""
    parts = urlsplit(origin)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    call = echo_call(api_key)
    try:
        connection.request("POST", path, call.body, call.headers)
        response = connection.getresponse()
        answered = json.loads(response.read())
        return response.status == 200 and not answered["result"].get("isError")
    except (OSError, http.client.HTTPException, ValueError, KeyError, TypeError, AttributeError):
        return False
    finally:
        connection.close()
