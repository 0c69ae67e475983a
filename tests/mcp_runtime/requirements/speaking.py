"""Clients that speak one revision each, so that a test says once what every revision owes it."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from mcp_runtime.protocol.revisions import ALL, HANDSHAKE, STATELESS
from mcp_runtime.worker import Worker
from tests.mcp_runtime.driving import CAPABILITIES, VERSION, Answer, Client, Exchange, request, whole

VERSIONS = sorted(ALL)
EVERY_REVISION = pytest.mark.parametrize("version", VERSIONS)
SESSION_REVISIONS = pytest.mark.parametrize("version", sorted(HANDSHAKE))
STATELESS_REVISIONS = pytest.mark.parametrize("version", sorted(STATELESS))
EVENTS: dict[str, str | None] = {"accept": "text/event-stream"}
NAMED = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}

# Everything that a client can declare.
EVERYTHING: dict[str, Any] = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}


def since(first: str, last: str = "9999") -> pytest.MarkDecorator:
    """The enabled revisions from `first` to `last`."""
    return pytest.mark.parametrize("version", [version for version in VERSIONS if first <= version <= last])


@dataclass
class Speaker:
    """A client of one revision. `capabilities` are what it declares, at once or with every request."""

    version: str
    client: Client
    capabilities: dict[str, Any] = field(default_factory=dict)

    @property
    def stateless(self) -> bool:
        """Whether each request describes itself."""
        return self.version in STATELESS

    def framed(
        self, method: str, params: Mapping[str, Any] | None = None, identifier: Any = 1
    ) -> tuple[dict[str, Any], dict[str, str | None]]:
        """A request of the revision and the headers that go with it."""
        if not self.stateless:
            headers = {"mcp-protocol-version": self.version if self.version >= "2025-06-18" else None}
            return request(method, params, identifier), headers
        given = dict(params or {})
        meta = {VERSION: self.version, CAPABILITIES: self.capabilities, **given.pop("_meta", {})}
        headers = {"mcp-protocol-version": self.version, "mcp-method": method}
        if NAMED.get(method) in given:
            headers["mcp-name"] = encoded(given[NAMED[method]])
        return request(method, {**given, "_meta": meta}, identifier), headers

    def open(
        self, method: str, params: Mapping[str, Any] | None = None, identifier: Any = 1, **headers: str | None
    ) -> Exchange:
        """Sends a request without waiting for its answer."""
        message, own = self.framed(method, params, identifier)
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.open(body=json.dumps(message).encode(), headers={**own, **given})

    async def ask(
        self, method: str, params: Mapping[str, Any] | None = None, identifier: Any = 1, **headers: str | None
    ) -> Answer:
        """The whole answer to a request."""
        return await whole(self.open(method, params, identifier, **headers))

    async def call(self, name: str, arguments: Any = None, **members: Any) -> Answer:
        """The answer of a tool."""
        return await self.ask("tools/call", _calling(name, arguments, members))

    def start(self, name: str, arguments: Any = None, identifier: Any = 1, **members: Any) -> Exchange:
        """A tool's call in progress."""
        return self.open("tools/call", _calling(name, arguments, members), identifier)

    async def tell(self, message: dict[str, Any], **headers: str | None) -> Answer:
        """Posts a notification or a response."""
        version = self.version if self.version >= "2025-06-18" else None
        return await self.client.post(message, **{"mcp_protocol_version": version, **headers})

    async def stream(self, **headers: str | None) -> Exchange:
        """The standing stream of the session, open."""
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        stream = self.client.open("GET", headers={**EVENTS, **given})
        assert await stream.start() == 200
        return stream

    def elsewhere(self, worker: Worker) -> "Speaker":
        """The same client, and the same session, at another worker."""
        client = Client(worker, self.client.path, self.client.key, self.client.session)
        return Speaker(self.version, client, self.capabilities)

    def refusal(self, code: int, *, status: int | None = None) -> tuple[int, int, Any]:
        """What `told` returns of an error with this code in this revision."""
        usual = {-32601: 404, -32603: 200}.get(code, 400) if self.stateless else 200
        return usual if status is None else status, code, 1


def _calling(name: str, arguments: Any, members: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "arguments": {} if arguments is None else arguments, **members}


def told(answer: Answer) -> tuple[int, int, Any]:
    """HTTP status, JSON-RPC code and id of an error; "none" where it has no id."""
    assert "result" not in answer.json, answer.json
    return answer.status, answer.json["error"]["code"], answer.json.get("id", "none")


def result_of(answer: Answer) -> dict[str, Any]:
    """The result, which comes with 200 and with the request's id."""
    assert answer.status == 200, answer.body
    assert "error" not in answer.json, answer.json
    result: dict[str, Any] = answer.json["result"]
    return result


def message_of(frame: str) -> dict[str, Any]:
    """The JSON-RPC message of a server-sent event."""
    data = [line.removeprefix("data: ") for line in frame.splitlines() if line.startswith("data: ")]
    message: dict[str, Any] = json.loads("\n".join(data))
    return message


async def messages_of(exchange: Exchange, count: int) -> list[dict[str, Any]]:
    """The next messages of a stream, without what only primes it."""
    found: list[dict[str, Any]] = []
    while len(found) < count:
        frame = await exchange.frame()
        if "data: " in frame:
            found.append(message_of(frame))
    return found


def encoded(value: Any) -> str:
    """A header value, in base64 where it cannot be sent as it is (2026-07-28, streamable-http "Value Encoding")."""
    text = str(value)
    if text.isascii() and text.isprintable() and text.strip() == text and not text.startswith("=?base64?"):
        return text
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


async def speaking(
    version: str, worker: Worker, path: str, key: str | None = None, capabilities: dict[str, Any] | None = None
) -> Speaker:
    """A client that speaks `version`; in its session where the revision has them."""
    speaker = Speaker(version, Client(worker, path, key), capabilities or {})
    if not speaker.stateless:
        met = await speaker.client.initialize(version, **speaker.capabilities)
        assert result_of(met)["protocolVersion"] == version
        taken = await speaker.tell({"jsonrpc": "2.0", "method": "notifications/initialized"})
        assert (taken.status, taken.body) == (202, b"")
    return speaker
