"""A client that writes whatever bytes it is told to, and reads what comes back."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from core.refusals import ALL
from tests.witness.asgi import overhear
from tests.witness.plugin import report

BOUND_SECONDS = 10.0
# The kernel offers bytes to a client that does not read ever more rarely: each time after twice the time.
REST_SECONDS = 120.0
LISTENS = "0A"  # as /proc/net/tcp writes the state
MEBIBYTE = 1024 * 1024
LONGEST_BYTES, LONGEST_SECONDS = 64 * MEBIBYTE, 8.0
NUMBERS = {refusal.name: refusal.number for refusal in ALL}


@dataclass(frozen=True)
class Answer:
    """A whole response."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON wherever there is one."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def code(self) -> tuple[int, int]:
        """HTTP status and JSON-RPC code of an error."""
        return self.status, self.json["error"]["code"]

    @property
    def refusal(self) -> tuple[int, str]:
        """Status and name of a refusal of the platform's, which says what to do."""
        answer = self.json
        data = answer["error"]["data"]
        assert answer["jsonrpc"] == "2.0"
        assert answer["error"]["code"] == NUMBERS[data["refusal"]]
        assert answer["error"]["message"]
        assert data["advice"]
        return self.status, data["refusal"]


class Closed(Exception):
    """The server closed the connection before a response was whole."""


class Connection:
    """A connection to the server; `small` asks the kernel for hardly any room to receive."""

    def __init__(self, port: int, *, small: bool = False) -> None:
        self._socket = socket.socket()
        if small:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2_048)
        self._socket.settimeout(BOUND_SECONDS)
        self._socket.connect(("127.0.0.1", port))
        self._buffer = b""
        self._sent = b""

    def send(self, data: bytes) -> None:
        """Writes all of it; raises Closed when the server does not take it any more."""
        self._sent = (self._sent + data)[:MEBIBYTE]
        try:
            self._socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def half_close(self) -> None:
        """Says that nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def answer(self, *, has_body: bool = True) -> Answer:
        """The next response. Raises Closed."""
        status, headers = self.head()
        if not has_body or status in (100, 204):
            return Answer(status, headers, b"")
        chunked = headers.get("transfer-encoding") == "chunked"
        body = b"".join(self.chunks()) if chunked else self.exactly(int(headers["content-length"]))
        if body and headers.get("content-type") == "application/json":
            overhear(self._sent, body, report)
        return Answer(status, headers, body)

    def head(self) -> tuple[int, dict[str, str]]:
        """Status and headers of the next response."""
        first, *lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        version, status, *_ = first.split(" ", 2)
        assert version == "HTTP/1.1", first
        return int(status), {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def chunks(self) -> Iterator[bytes]:
        """The chunks of a response, to its end."""
        while size := int(self._until(b"\r\n"), 16):
            chunk = self.exactly(size)
            self._until(b"\r\n")
            yield chunk
        self._until(b"\r\n")

    def event(self) -> dict[str, Any]:
        """The message of the next event of a stream."""
        for chunk in self.chunks():
            for line in chunk.splitlines():
                if line.startswith(b"data: "):
                    overhear(self._sent, line.removeprefix(b"data: "), report)
                    message: dict[str, Any] = json.loads(line.removeprefix(b"data: "))
                    return message
        raise Closed

    def rest(self) -> bytes:
        """Everything until the server closes; fails when it does not."""
        self._socket.settimeout(REST_SECONDS)
        while self._receive():
            pass
        return self._buffer

    def close(self) -> None:
        """Goes away."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _until(self, mark: bytes) -> bytes:
        while mark not in self._buffer:
            if not self._receive():
                raise Closed
        found, _, self._buffer = self._buffer.partition(mark)
        return found

    def exactly(self, size: int) -> bytes:
        """So many bytes. Raises Closed."""
        while len(self._buffer) < size:
            if not self._receive():
                raise Closed
        found, self._buffer = self._buffer[:size], self._buffer[size:]
        return found

    def _receive(self) -> bool:
        try:
            data = self._socket.recv(65_536)
        except ConnectionResetError:
            return False
        self._buffer += data
        return bool(data)


@dataclass(frozen=True)
class Door:
    """Where an endpoint of the server is, and a key for it. `pid` is the server's."""

    port: int
    path: str
    key: str
    pid: int

    def connect(self, *, small: bool = False) -> Connection:
        """A new connection."""
        return Connection(self.port, small=small)

    def head(self, *lines: str, method: str = "POST", key: str | None = None, version: str = "1.1") -> bytes:
        """A request's head without its end; each of `lines` is a further header."""
        usual = [
            f"{method} {self.path} HTTP/{version}", f"Host: 127.0.0.1:{self.port}",
            f"Authorization: Bearer {key or self.key}", "Content-Type: application/json",
            "Accept: application/json, text/event-stream",
        ]  # fmt: skip
        return "".join(f"{line}\r\n" for line in (*usual, *lines)).encode("latin-1")

    def post(self, body: bytes, *lines: str, **options: Any) -> bytes:
        """A whole request with a body."""
        return self.head(*lines, f"Content-Length: {len(body)}", **options) + b"\r\n" + body

    def message(self, method: str, params: Any = None, identifier: Any = 1) -> bytes:
        """A whole request of a session's revision that needs no session."""
        message = {"jsonrpc": "2.0", "id": identifier, "method": method}
        return self.post(json.dumps(message if params is None else {**message, "params": params}).encode())

    def modern(self, method: str, params: dict[str, Any] | None = None, identifier: Any = 1) -> bytes:
        """A whole request of 2026-07-28."""
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        whole = {**(params or {}), "_meta": meta}
        message = {"jsonrpc": "2.0", "id": identifier, "method": method, "params": whole}
        mirrors = ["MCP-Protocol-Version: 2026-07-28", f"Mcp-Method: {method}"]
        mirrors += [f"Mcp-Name: {whole['name']}"] if "name" in whole else []
        return self.post(json.dumps(message).encode(), *mirrors)

    def ask(self, data: bytes) -> Answer:
        """The answer to one request on a connection of its own."""
        with self.connect() as connection:
            connection.send(data)
            return connection.answer()

    def is_served(self) -> bool:
        """Whether a well-behaved client is answered."""
        called = self.ask(self.message("tools/call", {"name": "echo", "arguments": {"text": "still here"}}))
        return called.status == 200 and called.json["result"]["content"][0]["text"] == "still here"

    def connections(self) -> int:
        """How many connections of clients the server holds; one that it closed is the kernel's, with no inode."""
        rows = [line.split() for line in Path(f"/proc/{self.pid}/net/tcp").read_text(encoding="ascii").splitlines()[1:]]
        here = f":{self.port:04X}"
        return sum(row[1].endswith(here) and row[3] != LISTENS and row[9] != "0" for row in rows)

    def resident(self) -> int:
        """The server's resident memory, in bytes."""
        return int(Path(f"/proc/{self.pid}/statm").read_text(encoding="ascii").split()[1]) * 4_096


def pour(connection: Connection, piece: bytes, pause: float = 0.0) -> int:
    """Sends the piece over and over until the server takes no more, which it must; how many bytes it took."""
    sent, began = 0, time.monotonic()
    while sent < LONGEST_BYTES and time.monotonic() - began < LONGEST_SECONDS:
        try:
            connection.send(piece)
        except Closed:
            return sent
        sent += len(piece)
        time.sleep(pause)
    raise AssertionError("the server takes whatever it is sent")


@contextmanager
def closing(connections: list[Connection]) -> Iterator[list[Connection]]:
    """Closes them all."""
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()
