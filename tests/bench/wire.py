"""The call that every row answers: `tools/call` of an echo tool, in a revision's words, and how its answer is checked.

Source: MCP 2026-07-28, basic/transports/streamable-http (headers) and server/tools (call); MCP 2025-11-25,
basic/lifecycle (initialization) and basic/transports (Mcp-Session-Id).
"""

import http.client
import json
from dataclasses import dataclass
from typing import Any

from core.embedded.postgres import HOST

STATELESS = "2026-07-28"
WITH_SESSIONS = "2025-11-25"
TEXT = "The quick brown fox jumps over the lazy dog."
# Distinct ids, so that no server can answer out of a cache; enough of them that none repeats while one is in flight.
REQUESTS = 4096
CLIENT = {"name": "bench", "version": "1"}
SECONDS = 20


class WrongAnswer(Exception):
    """A server answered something other than the echo; the message carries what it said."""


@dataclass(frozen=True)
class Call:
    """What is called and in which words. With `sessions` of them, calls take turns in sessions opened beforehand."""

    revision: str = STATELESS
    tool: str = "echo"
    sessions: int = 0
    text: str = TEXT

    def body(self, number: int) -> bytes:
        """The JSON-RPC request with id `number`."""
        params: dict[str, Any] = {"name": self.tool, "arguments": {"text": self.text}}
        if not self.sessions:
            params["_meta"] = {
                "io.modelcontextprotocol/protocolVersion": self.revision,
                "io.modelcontextprotocol/clientInfo": CLIENT,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
        return _json({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})

    def headers(self, key: str, session: str = "") -> dict[str, str]:
        """The headers of each request: of one revision the same for every row, whether it reads the key or not."""
        always = {
            "Authorization": f"Bearer {key}",
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "MCP-Protocol-Version": self.revision,
        }
        if self.sessions:
            return always | ({"Mcp-Session-Id": session} if session else {})
        return always | {"Mcp-Method": "tools/call", "Mcp-Name": self.tool}


ECHO = Call()


@dataclass(frozen=True)
class Target:
    """Where calls go: `path` on a loopback port, `key` as the bearer's token, and the sessions that are open there."""

    port: int
    path: str
    key: str
    call: Call
    sessions: tuple[str, ...] = ()

    def headers(self, number: int) -> dict[str, str]:
        """The headers of request `number`."""
        session = self.sessions[number % len(self.sessions)] if self.sessions else ""
        return self.call.headers(self.key, session)

    def message(self, number: int) -> bytes:
        """One whole HTTP/1.1 request."""
        content = self.call.body(number)
        lines = [f"POST {self.path} HTTP/1.1", f"Host: {HOST}:{self.port}", f"Content-Length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in self.headers(number).items()]
        return "\r\n".join([*lines, "", ""]).encode() + content

    def check(self, number: int) -> None:
        """Calls once; raises WrongAnswer unless the server echoes."""
        status, _, content = self.post(self.call.body(number), self.headers(number))
        check(status, content, number, self.call.text)

    def open_session(self) -> str:
        """Initializes a session and returns its id; raises WrongAnswer."""
        params = {"protocolVersion": self.call.revision, "capabilities": {}, "clientInfo": CLIENT}
        first = _json({"jsonrpc": "2.0", "id": "open", "method": "initialize", "params": params})
        status, session, content = self.post(first, self.call.headers(self.key))
        if status != 200 or not session:
            raise WrongAnswer(f"no session: HTTP {status}: {content[:300]!r}")
        second = _json({"jsonrpc": "2.0", "method": "notifications/initialized"})
        status, _, content = self.post(second, self.call.headers(self.key, session))
        if status not in {200, 202}:
            raise WrongAnswer(f"the session did not begin: HTTP {status}: {content[:300]!r}")
        return session

    def post(self, content: bytes, headers: dict[str, str]) -> tuple[int, str, bytes]:
        """Status, session id and body of one answer."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=SECONDS)
        try:
            connection.request("POST", self.path, content, headers)
            answer = connection.getresponse()
            return answer.status, answer.getheader("Mcp-Session-Id", ""), answer.read()
        finally:
            connection.close()


def check(status: int, content: bytes, number: int, text: str = TEXT) -> None:
    """Raises WrongAnswer unless this is the echo of request `number`."""
    if status != 200:
        raise WrongAnswer(f"HTTP {status}: {content[:300]!r}")
    answer = json.loads(content)
    if answer.get("id") != number or answer["result"]["content"][0]["text"] != text:
        raise WrongAnswer(f"not the echo of request {number}: {content[:300]!r}")


def _json(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode()
