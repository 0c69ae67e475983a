"""A client lets itself be let in, in Chromium: the login, the question, and the way back to it."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import endpoint_create
from tenants.authorization.grant_types import DEVICE
from tests.conftest import Cast, unique
from tests.console.oauth.flows import Flow
from tests.e2e.conftest import TIMEOUT_MS, Look
from tests.e2e.test_pages import sign_in

pytestmark = pytest.mark.e2e


class _Callback(BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # http.server's own name for it
        """Says that the client has its code."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<title>Back</title>The client has its answer.")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name for it
        """Says nothing."""


@contextmanager
def _client_listening() -> Iterator[str]:
    """The loopback redirect of a client, which listens there."""
    server = HTTPServer(("127.0.0.1", 0), _Callback)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/callback"
    server.shutdown()
    thread.join(5)
    server.server_close()


def _endpoint(cast: Cast) -> Endpoint:
    with tenant_context(cast.tenant.pk):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        return endpoint_create(actor=actor, slug=unique("weather"), name="Weather")


def _register(flow: Flow, name: str) -> None:
    said = {"client_name": name, "redirect_uris": [flow.redirect_uri], "token_endpoint_auth_method": "none"}
    flow.client_id = httpx.post(f"{flow.issuer}/register", json=said).raise_for_status().json()["client_id"]


def _redeem(flow: Flow, code: str) -> None:
    said = {"grant_type": "authorization_code", "code": code, "client_id": flow.client_id}
    said |= {"redirect_uri": flow.redirect_uri, "code_verifier": flow.verifier}
    httpx.post(f"{flow.issuer}/token", data=said).raise_for_status()


@pytest.mark.parametrize("width", [1280, 360])
def test_a_person_lets_a_client_in_and_ends_it(look: Look, cast: Cast, width: int) -> None:
    look.page.set_viewport_size({"width": width, "height": 800})
    with _client_listening() as callback:
        flow = Flow(cast.tenant, _endpoint(cast), redirect_uri=callback)
        _register(flow, "Inspector")
        sign_in(look, cast)
        look.open(flow.request())
        look.page.get_by_role("heading", name="Let Inspector in?").wait_for()
        look.keep(f"oauth-consent-{width}")
        look.page.get_by_role("button", name="Let it in", exact=True).click()
        look.page.wait_for_url(f"{callback}?**")
        said = parse_qs(urlsplit(look.page.url).query)
        assert said["iss"] == [flow.issuer]
        assert said["state"] == [flow.state]
        _redeem(flow, said["code"][0])
        look.open(f"/t/{cast.tenant.slug}/clients/")
        look.keep(f"clients-{width}")
        look.page.get_by_role("link", name="Revoke Inspector").click()
        look.page.get_by_role("button", name="Revoke access").wait_for()
        look.keep(f"clients-revoke-{width}")
        look.page.get_by_role("button", name="Revoke access").click()
        look.page.get_by_text("No client was let in yet").wait_for()
        look.open(f"/t/{cast.tenant.slug}/clients/known/")
        look.keep(f"clients-known-{width}")


def test_a_person_says_no(look: Look, cast: Cast) -> None:
    with _client_listening() as callback:
        flow = Flow(cast.tenant, _endpoint(cast), redirect_uri=callback)
        _register(flow, "Sneaky")
        sign_in(look, cast)
        look.open(flow.request())
        look.page.get_by_role("button", name="Do not let it in").click()
        look.page.wait_for_url(f"{callback}?**")
        assert parse_qs(urlsplit(look.page.url).query)["error"] == ["access_denied"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 360])
def test_a_person_lets_a_device_in(look: Look, cast: Cast, width: int, scheme: str) -> None:
    look.page.set_viewport_size({"width": width, "height": 800})
    look.page.emulate_media(color_scheme="light" if scheme == "light" else "dark")
    flow = Flow(cast.tenant, _endpoint(cast))
    _endpoint(cast)
    said = {"client_name": "Terminal", "grant_types": [DEVICE, "refresh_token"], "token_endpoint_auth_method": "none"}
    program = httpx.Client(base_url=flow.issuer, timeout=TIMEOUT_MS / 1000)
    client_id = program.post("register", json=said).raise_for_status().json()["client_id"]
    given = program.post("device_authorization", data={"client_id": client_id}).raise_for_status().json()
    sign_in(look, cast)
    look.open("/device")
    look.page.get_by_label("Code").fill("BBBB-BBBB")
    look.page.get_by_role("button", name="Go on").click()
    look.page.get_by_text("No device waits with this code").wait_for()
    look.keep(f"device-{width}-{scheme}")
    look.page.get_by_label("Code").fill(given["user_code"].lower())
    look.page.get_by_role("button", name="Go on").click()
    look.page.get_by_role("heading", name="Let Terminal in?").wait_for()
    look.keep(f"device-consent-{width}-{scheme}")
    look.page.get_by_label("Endpoint").select_option(flow.resource)
    look.page.get_by_role("button", name="Let it in", exact=True).click()
    look.page.get_by_role("heading", name="Terminal is let in").wait_for()
    look.keep(f"device-done-{width}-{scheme}")
    polled = {"grant_type": DEVICE, "client_id": client_id, "device_code": given["device_code"]}
    assert program.post("token", data=polled).raise_for_status().json()["scope"] == "mcp:call"
    program.close()
    look.page.get_by_role("link", name="Connected clients").click()
    look.page.get_by_text("Allowed with a device's code").wait_for()
    look.keep(f"device-clients-{width}-{scheme}")
