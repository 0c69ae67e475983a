"""The platform's ASGI applications: what goes to the runtime, what to the console, and what nowhere."""

import json

import httpx
import pytest
from django.conf import settings
from django.test import Client as Browser
from uvicorn._types import ASGIApplication
from websockets.exceptions import ConnectionClosed, InvalidStatus

from config import asgi, asgi_runtime
from console.live.board import NOT_SIGNED_IN
from core.tenancy import tenant_context
from mcp_runtime.protocol.server_card import CARD_TYPE
from mcp_runtime.services.stopping import endpoint_stop
from mcp_runtime.sources.registry import SOURCES
from tests.conftest import Cast
from tests.mcp_runtime.conftest import Probe, Stage, make_stage
from tests.mcp_runtime.driving import in_console, request
from tests.mcp_runtime.sockets import at_socket, sse, websocket

APPLICATIONS = [asgi_runtime.runtime, asgi.application]


@pytest.fixture
def probe(monkeypatch: pytest.MonkeyPatch) -> Probe:
    """The probe source, registered for one test."""
    source = Probe()
    monkeypatch.setitem(SOURCES, source.kind, source)
    return source


@pytest.fixture
def stage(cast: Cast, probe: Probe) -> Stage:
    """Alice's endpoint."""
    return make_stage(cast.tenant, cast.alice)


@pytest.fixture
def open_stage(cast: Cast, probe: Probe) -> Stage:
    """An endpoint that anyone may call."""
    return make_stage(cast.tenant, cast.alice, access="open")


@pytest.mark.parametrize("application", APPLICATIONS, ids=["runtime", "all"])
async def test_every_transport_of_an_endpoint_is_reached(stage: Stage, application: ASGIApplication) -> None:
    async with at_socket(asgi_runtime.worker, application) as origin:
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {stage.key}"}) as http:
            accept = {"accept": "application/json, text/event-stream"}
            posted = await http.post(f"http://{origin}{stage.path}", json=request("ping"), headers=accept)
            assert posted.json()["result"] == {}
        async with sse(origin, stage.at("sse"), stage.key) as client:
            assert (await client.ask("ping"))["result"] == {}
        async with websocket(origin, stage.at("ws"), stage.key) as client:
            assert (await client.ask("ping"))["result"] == {}


@pytest.mark.parametrize("application", APPLICATIONS, ids=["runtime", "all"])
async def test_a_websocket_to_nowhere_is_refused(application: ASGIApplication) -> None:
    async with at_socket(asgi_runtime.worker, application) as origin:
        for path in ("/", "/t/a/b/mcp", "/t/a/ws", "/t/a/b/c/ws", "/t/a/b/ws/", "/account/login/"):
            with pytest.raises(InvalidStatus, match="403"):
                async with websocket(origin, path):
                    pass


async def test_the_boards_line_is_the_consoles_beside_the_endpoints(stage: Stage, cast: Cast) -> None:
    browser = Browser()
    await in_console(lambda: browser.force_login(cast.alice))
    cookie = f"{settings.SESSION_COOKIE_NAME}={browser.cookies[settings.SESSION_COOKIE_NAME].value}"
    path, page = f"/t/{stage.tenant.slug}/live/socket/", "http://localhost:8000"

    def stop() -> None:
        with tenant_context(stage.tenant.id):
            actor = cast.acting_inside(cast.alice, stage.tenant)
            endpoint_stop(actor=actor, endpoint_slug=stage.endpoint.slug, message="Back at noon.")

    async with at_socket(asgi_runtime.worker, asgi.application) as origin:
        async with websocket(origin, path, page=page, headers={"Cookie": cookie}) as client:
            assert json.loads(await client.socket.recv()) == {"kind": "changed"}
            await in_console(stop)
            assert json.loads(await client.socket.recv()) == {"kind": "changed"}
        with pytest.raises(InvalidStatus, match="403"):
            async with websocket(origin, path, page="https://evil.example.com", headers={"Cookie": cookie}):
                pass
        async with websocket(origin, path, page=page) as client:
            with pytest.raises(ConnectionClosed) as closed:
                await client.socket.recv()
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == NOT_SIGNED_IN


async def test_what_is_public_of_an_endpoint_is_the_runtimes(open_stage: Stage) -> None:
    async with at_socket(asgi_runtime.worker, asgi.application) as origin, httpx.AsyncClient() as http:
        card = await http.get(f"http://{origin}{open_stage.path}/server-card")
        assert (card.status_code, card.headers["content-type"]) == (200, CARD_TYPE)
        catalogue = await http.get(f"http://{origin}/t/{open_stage.tenant.slug}/.well-known/ai-catalog.json")
        assert catalogue.json()["error"]["data"]["refusal"] == "not_found"  # it is open, and not listed


async def test_pages_of_a_tenant_are_the_consoles(stage: Stage) -> None:
    async with at_socket(asgi_runtime.worker, asgi.application) as origin, httpx.AsyncClient() as http:
        for path in (f"/t/{stage.tenant.slug}/", f"/t/{stage.tenant.slug}/endpoints/"):
            answer = await http.get(f"http://{origin}{path}")
            assert answer.status_code == 302
            assert answer.headers["location"].startswith("/account/login/")
