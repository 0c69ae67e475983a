"""The probe's calls: each with a number of its own that its answer repeats, and that its line in the ledger tells.

The ledger keeps sizes, not arguments. So a number becomes a tool's name and two sizes: `extra` characters of text,
which the answer has too, and `padding` after the message (insignificant whitespace, RFC 8259 section 2), which only
the request has. What the ledger says of a call then names the one call that it can be.
"""

import json
from dataclasses import dataclass
from typing import Any

REVISION = "2026-07-28"
STEPS = 256
TOOLS = 16
CALLS = TOOLS * STEPS * STEPS
_FIRST_ID = 100_000_000
_META = {
    "io.modelcontextprotocol/protocolVersion": REVISION,
    "io.modelcontextprotocol/clientCapabilities": {},
}

# Tool, size of the request, size of the answer: what the ledger says of a call.
type Trace = tuple[str, int, int]


@dataclass(frozen=True, slots=True)
class Account:
    """One tenant's endpoint as a client knows it, and its tenant's id as the ledger does."""

    tenant_id: str
    tenant: str
    path: str
    key: str


def tool_names() -> list[str]:
    """The names of the echoing tools that numbers are spread over."""
    return [f"echo_{index:02d}" for index in range(TOOLS)]


def tool_of(number: int) -> str:
    """The tool that call `number` calls."""
    return f"echo_{number // (STEPS * STEPS):02d}"


def text_of(tenant: str, number: int) -> str:
    """What it says, and what has to come back: whose call, which, and the extra."""
    return f"{tenant} {number:08d} " + "x" * (number % STEPS)


def body_of(tenant: str, number: int) -> bytes:
    """The JSON-RPC request of call `number`, below CALLS."""
    if not 0 <= number < CALLS:
        raise ValueError(f"there are {CALLS} numbers, and {number} is none of them")
    arguments = {"text": text_of(tenant, number)}
    params = {"name": tool_of(number), "arguments": arguments, "_meta": _META}
    return encoded(_FIRST_ID + number, "tools/call", params) + b" " * (number // STEPS % STEPS)


def encoded(message_id: int, method: str, params: dict[str, Any]) -> bytes:
    """A JSON-RPC request."""
    message = {"jsonrpc": "2.0", "id": message_id, "method": method, "params": params}
    return json.dumps(message, separators=(",", ":")).encode()


def headers_of(account: Account, host: str, tool: str) -> dict[str, str]:
    """The headers of a tool's call."""
    return {
        "Host": host,
        "Authorization": f"Bearer {account.key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": "tools/call",
        "Mcp-Name": tool,
    }


def is_right(tenant: str, number: int, body: bytes) -> bool:
    """Whether an answer is the one to this call of this tenant."""
    try:
        answer = json.loads(body)
        return bool(
            answer["id"] == _FIRST_ID + number and answer["result"]["content"][0]["text"] == text_of(tenant, number)
        )
    except (ValueError, KeyError, IndexError, TypeError):
        return False


def number_of(tenant: str, trace: Trace, answer_bytes: int) -> int | None:
    """The call that the ledger means, where an answer without any extra has `answer_bytes`; None when it is none."""
    tool, took, gave = trace
    extra = gave - answer_bytes
    padding = took - extra - len(body_of(tenant, 0))
    if tool not in tool_names() or not (0 <= extra < STEPS and 0 <= padding < STEPS):
        return None
    return (tool_names().index(tool) * STEPS + padding) * STEPS + extra
