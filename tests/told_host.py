"""A server on this machine that answers as a test says, to which the outbound door is open."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest


class Host:
    """A server whose answers a test writes down by path; `asked` holds the paths in order."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.answers: dict[str, tuple[int, Any, dict[str, str]]] = {}
        self.asked: list[str] = []

    def says(self, path: str, document: Any, status: int = 200, **headers: str) -> None:
        """What it answers there."""
        self.answers[path] = (status, document, {name.replace("_", "-"): value for name, value in headers.items()})

    def provides(self, server: str, at: str, **changes: Any) -> None:
        """Metadata of an authorization server; None leaves a member out."""
        document = {
            "issuer": server,
            "authorization_endpoint": f"{server}/authorize",
            "token_endpoint": f"{server}/token",
            "code_challenge_methods_supported": ["S256"],
        }
        self.says(at, {name: value for name, value in (document | changes).items() if value is not None})


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """A server on this machine, to which the door is open."""
    with telling(monkeypatch) as told:
        yield told


@contextmanager
def telling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Host]:
    """The same, for as long as it is asked for."""
    holder: list[Host] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            told = holder[0]
            told.asked.append(self.path)
            status, document, headers = told.answers.get(self.path, (404, {}, {}))
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET  # noqa: N815  the name that the server looks for

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    holder.append(Host(f"http://127.0.0.1:{server.server_port}"))
    monkeypatch.setenv("OUTBOUND_ALLOW", f"127.0.0.1:{server.server_port}")
    yield holder[0]
    server.shutdown()
    server.server_close()
