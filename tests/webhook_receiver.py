"""The receiver's side of Standard Webhooks: what came, and whether to believe it."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest


class NotGenuine(Exception):
    """A message that its receiver must not believe."""


class Webhook:
    """The receiver's side of Standard Webhooks, by the letter of its specification."""

    def __init__(self, secret: str) -> None:
        scheme, _, encoded = secret.partition("_")
        assert scheme == "whsec"
        self.key = base64.b64decode(encoded, validate=True)
        assert 24 <= len(self.key) <= 64

    def verify(self, body: bytes, headers: dict[str, str]) -> Any:
        """What the message says; raises NotGenuine."""
        stamp = int(headers["webhook-timestamp"])
        assert abs(time.time() - stamp) < 300
        content = ".".join((headers["webhook-id"], str(stamp), body.decode()))
        expected = hmac.digest(self.key, content.encode(), "sha256")
        for signature in headers["webhook-signature"].split(" "):
            version, _, encoded = signature.partition(",")
            if version == "v1" and hmac.compare_digest(base64.b64decode(encoded), expected):
                return json.loads(body)
        raise NotGenuine


class Receiver:
    """A webhook's receiver: what came, and what it answers."""

    def __init__(self) -> None:
        self.status = 204
        self.came: list[tuple[bytes, dict[str, str]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.came.append((body, {name.lower(): value for name, value in self.headers.items()}))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  the base class's name
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever)
        self.thread.start()

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.server.server_port}"

    def close(self) -> None:
        """Ends."""
        self.server.shutdown()
        self.thread.join(5)
        self.server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    """A receiver that the outbound door lets through."""
    found = Receiver()
    monkeypatch.setenv("OUTBOUND_ALLOW", found.address)
    yield found
    found.close()
