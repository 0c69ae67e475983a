"""A host on this machine with a certificate of its own, which serves documents of clients."""

import json
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from tests.conftest import unique
from tests.console.oauth.flows import CALLBACK
from tests.core.outbound.identities import write_identity


class DocumentHost:
    """What it serves, by path; `asked` holds the paths in order."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        self.answers: dict[str, tuple[int, bytes, dict[str, str]]] = {}
        self.asked: list[str] = []

    def describes(self, status: int = 200, headers: dict[str, str] | None = None, **changed: Any) -> str:
        """A fresh address with a client's document at it; what is None is left out."""
        path = f"/{unique('client')}.json"
        said = {
            "client_id": self.origin + path,
            "client_name": "Described",
            "redirect_uris": [CALLBACK],
            "grant_types": ["authorization_code", "refresh_token"],
            "token_endpoint_auth_method": "none",
        } | changed
        body = json.dumps({name: value for name, value in said.items() if value is not None}).encode()
        self.says(path, body, status, headers)
        return self.origin + path

    def says(self, path: str, body: bytes, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Whatever is served there."""
        self.answers[path] = (status, body, {"Content-Type": "application/json"} | (headers or {}))


@contextmanager
def document_host(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[DocumentHost]:
    """Runs the host; the outbound door is open to it, and trusts it."""
    holder: list[DocumentHost] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            """Serves what was said."""
            holder[0].asked.append(self.path)
            status, body, headers = holder[0].answers.get(self.path, (404, b"{}", {}))
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Says nothing."""

    identity = write_identity(folder / "identity.pem", "localhost")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    holder.append(DocumentHost(f"https://localhost:{server.server_port}"))
    monkeypatch.setenv("OUTBOUND_ALLOW", f"localhost:{server.server_port}")
    monkeypatch.setenv("SSL_CERT_FILE", str(identity))
    yield holder[0]
    server.shutdown()
    server.server_close()
