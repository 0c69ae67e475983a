"""Trying things from a page: one real request to the runtime over the wire of MCP revision 2026-07-28."""

import http.client
import json
import time
from dataclasses import dataclass
from typing import Any

from core import tickets
from mcp_runtime.addresses import mcp_path
from mcp_runtime.inner_address import request_headers, runtime_connection

REVISION = "2026-07-28"
CONNECT_SECONDS = 5
CALL_SECONDS = 35  # a little over the longest time-out that a tool may have
MAXIMUM_RESPONSE_BYTES = 2 * 1024 * 1024
CHUNK_BYTES = 64 * 1024
EVENT_STREAM = "text/event-stream"
SHOWN_TICKET = "Bearer (a ticket for this call)"


class CallFailed(Exception):
    """The runtime gave no answer that could be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Target:
    """Which endpoint is asked, by whom."""

    tenant_id: str
    tenant_slug: str
    endpoint_id: str
    endpoint_slug: str
    user_id: str


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked; `name` is what the header `Mcp-Name` repeats of the params."""

    method: str
    name: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call: what was sent (without the ticket), what came back, and how long it took."""

    request: str
    response: str
    status: int
    milliseconds: float
    result: dict[str, Any] | None
    error: dict[str, Any] | None

    @property
    def is_success(self) -> bool:
        """Whether the tool answered, and did not say that it failed."""
        return self.result is not None and not self.result.get("isError", False)


def ask(target: Target, question: Question) -> Exchange:
    """Asks, and waits for the answer, CALL_SECONDS at most. Raises CallFailed. Holds no transaction."""
    body = json.dumps(_message(question), ensure_ascii=False, indent=2)
    headers = _headers(target, question)
    started = time.perf_counter()
    response, raw = _sent(mcp_path(target.tenant_slug, target.endpoint_slug), headers, body)
    milliseconds = (time.perf_counter() - started) * 1000
    answer = _answer(response, raw)
    return Exchange(
        request=_as_text(f"POST {mcp_path(target.tenant_slug, target.endpoint_slug)}", _shown(headers), body),
        response=_as_text(f"HTTP {response.status} {response.reason}", dict(response.getheaders()), _pretty(raw)),
        status=response.status,
        milliseconds=milliseconds,
        result=answer.get("result"),
        error=answer.get("error"),
    )


def call_of(tool: str, arguments: dict[str, Any]) -> Question:
    """A call of a tool."""
    return Question("tools/call", tool, {"name": tool, "arguments": arguments})


def prompt_of(name: str, arguments: dict[str, Any]) -> Question:
    """The messages of a prompt."""
    return Question("prompts/get", name, {"name": name, "arguments": arguments})


def read_of(uri: str) -> Question:
    """The contents of a resource."""
    return Question("resources/read", uri, {"uri": uri})


def _message(question: Question) -> dict[str, Any]:
    meta = {
        "io.modelcontextprotocol/protocolVersion": REVISION,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "console", "version": "1"},
    }
    return {"jsonrpc": "2.0", "id": 1, "method": question.method, "params": question.params | {"_meta": meta}}


def _headers(target: Target, question: Question) -> dict[str, str]:
    ticket = tickets.mint(tenant_id=target.tenant_id, endpoint_id=target.endpoint_id, user_id=target.user_id)
    return request_headers() | {
        "MCP-Protocol-Version": REVISION,
        "Mcp-Method": question.method,
        "Mcp-Name": question.name,
        "Authorization": f"Bearer {ticket}",
    }


def _sent(path: str, headers: dict[str, str], body: str) -> tuple[http.client.HTTPResponse, bytes]:
    connection = runtime_connection(timeout=CONNECT_SECONDS)
    try:
        connection.connect()
        if connection.sock is not None:
            connection.sock.settimeout(CALL_SECONDS)
        connection.request("POST", path, body.encode(), headers)
        response = connection.getresponse()
        return response, _read(response)
    except TimeoutError:
        raise CallFailed(f"The runtime did not answer within {CALL_SECONDS} s.") from None
    except (OSError, http.client.HTTPException):
        raise CallFailed("The runtime cannot be reached. It may be starting: try again in a moment.") from None
    finally:
        connection.close()


def _read(response: http.client.HTTPResponse) -> bytes:
    """The body, up to a size and a moment: a socket's time-out alone would let a drip go on for ever."""
    until = time.monotonic() + CALL_SECONDS
    received = bytearray()
    while chunk := response.read1(CHUNK_BYTES):
        received += chunk
        if len(received) > MAXIMUM_RESPONSE_BYTES:
            raise CallFailed(f"The answer is larger than {MAXIMUM_RESPONSE_BYTES // 1024} KiB.")
        if time.monotonic() > until:
            raise TimeoutError
    return bytes(received)


def _answer(response: http.client.HTTPResponse, raw: bytes) -> dict[str, Any]:
    """The JSON-RPC response, from a plain body or from the last message of an event stream."""
    text = raw.decode("utf-8", "replace")
    if (response.getheader("Content-Type") or "").startswith(EVENT_STREAM):
        text = _last_event(text)
    try:
        answer = json.loads(text)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("result", answer.get("error")), dict):
        raise CallFailed(f"The runtime answered HTTP {response.status} with something that is not an MCP message.")
    # A surrogate without its other half can be written in JSON, and on no page.
    printable: dict[str, Any] = json.loads(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
    return printable


def _last_event(stream: str) -> str:
    """The data of the last event that has any (HTML Living Standard, section 9.2.6)."""
    events = stream.replace("\r\n", "\n").split("\n\n")
    data = ["\n".join(line[5:].lstrip() for line in event.split("\n") if line.startswith("data:")) for event in events]
    return next((text for text in reversed(data) if text.strip()), "")


def _shown(headers: dict[str, str]) -> dict[str, str]:
    return headers | {"Authorization": SHOWN_TICKET}


def _pretty(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    try:
        pretty = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
        return pretty.encode("utf-8", "replace").decode()
    except (ValueError, RecursionError):
        return text


def _as_text(line: str, headers: dict[str, str], body: str) -> str:
    return "\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "", body])
