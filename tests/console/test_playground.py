"""Calling tools from pages, against a real worker."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from django.test import Client
from pytest_django import Settings

from mcp_runtime.models import Endpoint, Tool
from tests.conftest import Cast
from tests.console.conftest import MakesEndpoint, make_tool

SCRIPT = "<script>alert(1)</script>"


@pytest.fixture
def url(base: str, endpoint: Endpoint, tool: Tool) -> str:
    """Where the page posts a call of the echoing tool."""
    return f"{base}/endpoints/{endpoint.slug}/tools/{tool.pk}/call/"


def test_it_calls_the_tool_and_shows_the_answer(bob: Client, runtime: str, url: str) -> None:
    page = bob.post(url, {"argument_0": "Hello, Joe."})
    trial = page.context["trial"]
    assert trial.exchange.is_success
    assert trial.blocks == [{"text": "Hello, Joe."}]
    assert "Succeeded" in page.text
    assert "Mcp-Method: tools/call" in page.text
    assert " ms" in page.text


def test_a_partial_holds_the_form_and_the_answer_alone(bob: Client, runtime: str, url: str) -> None:
    part = bob.post(url, {"argument_0": "Hello"}, headers={"hx-request": "true"}).text
    assert 'id="trial"' in part
    assert "Hello" in part
    assert "<html" not in part


def test_the_ticket_is_on_no_page(bob: Client, runtime: str, url: str) -> None:
    assert "amt_" not in bob.post(url, {"argument_0": "Hello"}).text


def test_it_escapes_results(bob: Client, runtime: str, url: str) -> None:
    page = bob.post(url, {"argument_0": SCRIPT}).text
    assert SCRIPT not in page
    assert "&lt;script&gt;" in page


def test_it_shows_a_refusal_of_the_runtime(
    cast: Cast, bob: Client, runtime: str, base: str, endpoint: Endpoint
) -> None:
    tool = make_tool(cast, endpoint, name="sum", config={"function": "calculate"})
    page = bob.post(f"{base}/endpoints/{endpoint.slug}/tools/{tool.pk}/call/", {"argument_0": "1 / 0"})
    assert page.context["trial"].exchange is not None
    assert not page.context["trial"].exchange.is_success


def test_it_works_on_an_open_endpoint(
    cast: Cast, bob: Client, runtime: str, base: str, make_endpoint: MakesEndpoint
) -> None:
    found = make_endpoint(access="open")
    tool = make_tool(cast, found)
    page = bob.post(f"{base}/endpoints/{found.slug}/tools/{tool.pk}/call/", {"argument_0": "open"})
    assert "Succeeded" in page.text


def test_it_says_when_the_runtime_is_away(bob: Client, settings: Settings, url: str) -> None:
    settings.RUNTIME_INTERNAL_URL = "http://127.0.0.1:1"
    page = bob.post(url, {"argument_0": "Hello"})
    assert page.status_code == 200
    assert "The runtime cannot be reached" in page.text
    assert 'value="Hello"' in page.text


@contextmanager
def _impostor(body: bytes, content_type: str = "application/json") -> Iterator[str]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", content_type)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class's name
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@pytest.mark.parametrize("body", [b"", b"<html>502</html>", b"[]", b'{"result": 5}', b"{" * 100_000, b"\xff\xfe"])
def test_it_says_when_the_answer_is_no_mcp_message(bob: Client, settings: Settings, url: str, body: bytes) -> None:
    with _impostor(body) as settings.RUNTIME_INTERNAL_URL:
        page = bob.post(url, {"argument_0": "Hello"})
    assert "not an MCP message" in page.text


def test_it_reads_no_more_than_it_can_show(bob: Client, settings: Settings, url: str) -> None:
    with _impostor(b'"' + b"x" * 3_000_000) as settings.RUNTIME_INTERNAL_URL:
        page = bob.post(url, {"argument_0": "Hello"})
    assert "larger than 2048 KiB" in page.text


def test_it_reads_the_last_message_of_an_event_stream(bob: Client, settings: Settings, url: str) -> None:
    stream = (
        b'data: {"method": "notifications/progress"}\n\nid: 1\ndata: {"id": 1, "result": {"content": []}}\n\n: end\n\n'
    )
    with _impostor(stream, "text/event-stream") as settings.RUNTIME_INTERNAL_URL:
        page = bob.post(url, {"argument_0": "Hello"})
    assert "Succeeded" in page.text


def test_images_are_shown_only_where_they_cannot_run(bob: Client, settings: Settings, url: str) -> None:
    svg = b'{"type": "image", "mimeType": "image/svg+xml", "data": "PHN2Zz4="}'
    png = b'{"type": "image", "mimeType": "image/png", "data": "iVBORw0KGgo="}'
    with _impostor(b'{"result": {"content": [' + svg + b"," + png + b"]}}") as settings.RUNTIME_INTERNAL_URL:
        page = bob.post(url, {"argument_0": "Hello"}).text
    assert "data:image/png;base64,iVBORw0KGgo=" in page
    assert "data:image/svg" not in page


def test_the_playground_finds_its_way_by_its_address(
    cast: Cast, bob: Client, base: str, make_endpoint: MakesEndpoint
) -> None:
    first, second = make_endpoint(name="A"), make_endpoint(name="B")
    make_tool(cast, second, name="time", config={"function": "time"})
    make_tool(cast, second)
    assert "No tools to call on A" in bob.get(f"{base}/playground/").text
    page = bob.get(f"{base}/playground/", {"endpoint": second.slug, "tool": "time"})
    assert page.context["tool"].name == "time"
    assert bob.get(f"{base}/playground/?endpoint=none&tool=none").context["endpoint"].slug == first.slug


def test_an_empty_playground_says_what_it_needs(bob: Client, base: str) -> None:
    assert "Nothing to call yet" in bob.get(f"{base}/playground/").text


def test_a_viewer_does_not_play(viewer: Client, base: str) -> None:
    assert viewer.get(f"{base}/playground/").status_code == 403
