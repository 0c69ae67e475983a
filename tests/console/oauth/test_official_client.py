"""The official client, which knows an endpoint's address and nothing else: it finds its own way in, in both eras."""

import asyncio
import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import httpx2
import pytest
from django.conf import settings as current
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from mcp import Client as McpClient
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider, OAuthFlowError
from mcp.client.auth.extensions.client_credentials import ClientCredentialsOAuthProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientInformationFull, OAuthClientMetadata, OAuthToken
from mcp_types import TextContent
from pytest_django import Settings

from core.embedded.postgres import free_port
from mcp_runtime.models import Endpoint, Tool
from tenants.authorization.grant_types import CLIENT
from tenants.authorization.registering import ClientFields, client_register
from tests.conftest import Cast
from tests.console.conftest import signed_in
from tests.console.oauth.flows import CALLBACK, Flow, question_on, returned
from tests.console.runtime import running_runtime
from tests.mcp_runtime.driving import in_console

BOUND_SECONDS = 30


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's own name for it
        """Says nothing."""


@dataclass
class Kept:
    """What a client keeps of its tokens and its registration."""

    tokens: OAuthToken | None = None
    client_info: OAuthClientInformationFull | None = None

    async def get_tokens(self) -> OAuthToken | None:
        return self.tokens

    async def set_tokens(self, tokens: OAuthToken) -> None:
        self.tokens = tokens

    async def get_client_info(self) -> OAuthClientInformationFull | None:
        return self.client_info

    async def set_client_info(self, client_info: OAuthClientInformationFull) -> None:
        self.client_info = client_info


@dataclass
class Browser:
    """The browser of a person who is signed in, over real HTTP; says yes to what it is asked."""

    session: str
    answer: str = "allow"
    back: dict[str, str] = field(default_factory=dict)

    async def follow(self, url: str) -> None:
        """Goes where the client sends the person, and comes back."""
        async with httpx.AsyncClient(cookies={current.SESSION_COOKIE_NAME: self.session}) as http:
            page = await http.get(url)
            assert page.status_code == 200, page.text
            token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.text)
            assert token
            said = {"question": question_on(page), "answer": self.answer, "csrfmiddlewaretoken": token[1]}
            action = str(page.url).partition("/authorize")[0] + "/consent"
            left = await http.post(action, data=said)
            self.back = returned(left, CALLBACK)

    async def came_back(self) -> AuthorizationCodeResult:
        """What the client hears."""
        said = self.back
        return AuthorizationCodeResult(code=said.get("code", ""), state=said.get("state"), iss=said.get("iss"))


@pytest.fixture
def served(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A console and a worker, each at an address of its own, which know of each other."""
    console = ThreadedWSGIServer(("127.0.0.1", 0), _Quiet)
    console.set_app(get_wsgi_application())
    thread = threading.Thread(target=console.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    port = free_port()
    settings.CONSOLE_URL = f"http://127.0.0.1:{console.server_port}"
    settings.RUNTIME_URL = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("CONSOLE_URL", settings.CONSOLE_URL)
    monkeypatch.setenv("RUNTIME_URL", settings.RUNTIME_URL)
    with running_runtime(port):
        yield
    console.shutdown()
    thread.join(5)
    console.server_close()


@pytest.fixture
def browser(cast: Cast) -> Browser:
    """Bob's."""
    return Browser(str(signed_in(cast.bob).cookies[current.SESSION_COOKIE_NAME].value))


@asynccontextmanager
async def _connected(flow: Flow, auth: httpx2.Auth, mode: str) -> AsyncIterator[McpClient]:
    async with (
        asyncio.timeout(BOUND_SECONDS),
        httpx2.AsyncClient(auth=auth, timeout=BOUND_SECONDS) as http,
        McpClient(streamable_http_client(flow.resource, http_client=http), mode=mode) as client,
    ):
        yield client


def _provider(flow: Flow, kept: Kept, browser: Browser) -> OAuthClientProvider:
    metadata = OAuthClientMetadata.model_validate({"client_name": "Official", "redirect_uris": [CALLBACK]})
    return OAuthClientProvider(
        flow.resource, metadata, kept, redirect_handler=browser.follow, callback_handler=browser.came_back
    )


@pytest.mark.usefixtures("served")
@pytest.mark.parametrize("mode", ["2026-07-28", "legacy"])
@pytest.mark.requirement("oauth")
async def test_it_comes_in_by_itself(cast: Cast, endpoint: Endpoint, tool: Tool, browser: Browser, mode: str) -> None:
    flow, kept = Flow(cast.tenant, endpoint), Kept()
    async with _connected(flow, _provider(flow, kept, browser), mode) as client:
        assert [entry.name for entry in (await client.list_tools()).tools] == [tool.name]
        (block,) = (await client.call_tool("echo", {"text": "Hello"})).content
        assert isinstance(block, TextContent)
        assert block.text == "Hello"
    assert browser.back["iss"] == flow.issuer
    assert kept.tokens is not None
    assert kept.tokens.refresh_token


@pytest.mark.usefixtures("served")
async def test_it_is_not_let_in_when_the_person_says_no(cast: Cast, endpoint: Endpoint, browser: Browser) -> None:
    flow, kept = Flow(cast.tenant, endpoint), Kept()
    browser.answer = "deny"
    with pytest.raises(ExceptionGroup) as caught:
        async with _connected(flow, _provider(flow, kept, browser), "legacy"):
            pass
    assert caught.group_contains(OAuthFlowError)
    assert kept.tokens is None


@pytest.mark.usefixtures("served")
async def test_it_acts_for_itself_with_a_secret(cast: Cast, endpoint: Endpoint, tool: Tool) -> None:
    flow = Flow(cast.tenant, endpoint)
    client_id, secret = await in_console(lambda: _agent(cast, flow))
    auth = ClientCredentialsOAuthProvider(flow.resource, Kept(), client_id, secret, issuer=flow.issuer)
    async with _connected(flow, auth, "2026-07-28") as client:
        assert [entry.name for entry in (await client.list_tools()).tools] == [tool.name]


def _agent(cast: Cast, flow: Flow) -> tuple[str, str]:
    fields = ClientFields("Agent", grant_types=[CLIENT], auth_method="client_secret_basic", redirect_uris=[])
    with flow.inside():
        client, secret = client_register(actor=Cast.acting_inside(cast.alice, cast.tenant), fields=fields)
    return client.client_id, secret
