"""The call that every row answers: `tools/call` echo on the 2026-07-28 wire, and how its answer is checked.

Source: MCP 2026-07-28, basic/transports/streamable-http (headers) and server/tools (call).
"""

import json

REVISION = "2026-07-28"
TEXT = "The quick brown fox jumps over the lazy dog."
# Distinct ids, so that no server can answer out of a cache; enough of them that none repeats while one is in flight.
REQUESTS = 4096


class WrongAnswer(Exception):
    """A server answered something other than the echo; the message carries what it said."""


def body(number: int) -> bytes:
    """The JSON-RPC request with id `number`."""
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientInfo": {"name": "bench", "version": "1"},
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    params = {"name": "echo", "arguments": {"text": TEXT}, "_meta": meta}
    request = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
    return json.dumps(request, separators=(",", ":")).encode()


def headers(key: str) -> dict[str, str]:
    """The headers of each request: the same bytes for every row, whether it reads the key or not."""
    return {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": "echo",
    }


def message(number: int, *, port: int, path: str, key: str) -> bytes:
    """One whole HTTP/1.1 request."""
    content = body(number)
    lines = [f"POST {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in headers(key).items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def check(status: int, content: bytes, number: int) -> None:
    """Raises WrongAnswer unless this is the echo of request `number`."""
    if status != 200:
        raise WrongAnswer(f"HTTP {status}: {content[:300]!r}")
    answer = json.loads(content)
    if answer.get("id") != number or answer["result"]["content"][0]["text"] != TEXT:
        raise WrongAnswer(f"not the echo of request {number}: {content[:300]!r}")
