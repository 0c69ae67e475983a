"""A tenant's provider lets clients in: npm's oidc-provider issues the access tokens, a running worker takes them."""

import asyncio
import base64
import hashlib
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
import httpx2
import pytest
from mcp import Client as McpClient
from mcp.client.auth import AuthorizationCodeResult, OAuthClientProvider
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.auth import OAuthClientMetadata
from mcp_types import TextContent
from pytest_django import Settings

from core.embedded.postgres import free_port
from core.tenancy import tenant_context
from mcp_runtime.addresses import mcp_url
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.endpoints import Logins, endpoint_update
from mcp_runtime.services.tool_rules import tool_rule_set
from tenants.issuers.services import IssuerFields, issuer_remove, issuer_set
from tenants.models import Group, TrustedIssuer
from tests.conftest import Cast, unique
from tests.connecting import _upstream, answer_in, upstream
from tests.console.conftest import make_tool
from tests.console.oauth.test_official_client import Kept
from tests.console.runtime import running_runtime
from tests.oidc_provider.process import Upstream, upstream_running
from tests.processes import eventually

__all__ = ["_upstream", "upstream"]  # fixtures
BOUND_SECONDS = 30
KNOWN, SECRET, CALLBACK = "known", "known-secret", "http://localhost:8000/connections/callback"
CLAIMS = {"roles": ["Caller"], "groups": ["eng", "all"]}


@pytest.fixture
def origin(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A running worker, at the address that clients know."""
    port = free_port()
    settings.RUNTIME_URL = f"http://127.0.0.1:{port}"
    monkeypatch.setenv("RUNTIME_URL", settings.RUNTIME_URL)
    with running_runtime(port) as running:
        yield running


@dataclass(frozen=True)
class House:
    """A tenant whose endpoint takes its provider's tokens, and nobody else's."""

    cast: Cast
    endpoint: Endpoint
    provider: Upstream
    issuer: TrustedIssuer

    @property
    def url(self) -> str:
        """The endpoint's."""
        return mcp_url(self.cast.tenant.slug, self.endpoint.slug)

    def takes(self, whose: str) -> None:
        """Sets whose tokens the endpoint takes."""
        actor = self.cast.acting(self.cast.alice)
        named: dict[str, Any] = {"name": self.endpoint.name, "instructions": "", "access": "key", "allowed_origins": []}
        with tenant_context(self.cast.tenant.pk):
            endpoint_update(actor=actor, endpoint_slug=self.endpoint.slug, logins=Logins(at=whose), **named)

    def call(self, token: str, tool: str = "echo") -> httpx.Response:
        """A call of a tool with a token."""
        asked = {"name": tool, "arguments": {"text": "Hello"}}
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": asked}
        accepts = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}
        return httpx.post(self.url, json=body, headers={"Authorization": f"Bearer {token}", **accepts})

    def is_let_in(self, token: str) -> bool:
        """Whether a call with it is answered, and not refused."""
        return self.call(token).status_code == 200


def _trusts(cast: Cast, provider: Upstream, **fields: Any) -> TrustedIssuer:
    mapping: dict[str, Any] = {"scope_claim": "roles", "scopes": {"Caller": "mcp:call"}, "algorithms": ["ES256"]}
    said = IssuerFields(name="Acme login", issuer=provider.issuer, **mapping, **fields)
    return issuer_set(actor=cast.acting(cast.alice), fields=said)


@pytest.fixture
def house(cast: Cast, endpoint: Endpoint, tool: Tool, upstream: Upstream, origin: str) -> House:
    """The endpoint with `echo`, which the group of engineers may use, and with `time`, which nobody may."""
    make_tool(cast, endpoint, name="time", config={"function": "time"})
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        group = Group.objects.create(tenant=cast.tenant, name="Engineers")
        tool_rule_set(actor=actor, endpoint_slug=endpoint.slug, group_id=group.pk, patterns=[tool.name])
    upstream.ask(resources=[origin], claims={"ada": CLAIMS}, jwtSeconds=600)
    made = House(
        cast, endpoint, upstream, _trusts(cast, upstream, groups_claim="groups", groups={"eng": str(group.pk)})
    )
    made.takes("trusted")
    return made


def token_of(provider: Upstream, resource: str, account: str = "ada") -> str:
    """What a client gets at the provider for a person, who logs in there."""
    verifier = secrets.token_urlsafe(48)
    digest = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    asked = {
        "response_type": "code", "client_id": KNOWN, "redirect_uri": CALLBACK, "resource": resource,
        "scope": "mcp:call", "code_challenge": digest, "code_challenge_method": "S256", "state": "x",
    }  # fmt: skip
    code = answer_in(provider.log_in(f"{provider.issuer}/auth?{urlencode(asked)}", account))["code"]
    said = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK, "code_verifier": verifier}
    answer = httpx.post(f"{provider.issuer}/token", data=said | {"resource": resource}, auth=(KNOWN, SECRET))
    token: str = answer.raise_for_status().json()["access_token"]
    return token


@dataclass
class _Person:
    """Who logs in at the provider when a client asks them to."""

    provider: Upstream
    account: str
    back: dict[str, str] = field(default_factory=dict)

    async def follow(self, url: str) -> None:
        """Goes where the client sends them, logs in and agrees."""
        assert url.startswith(self.provider.issuer)
        back = await asyncio.to_thread(self.provider.log_in, url, self.account)
        self.back = dict(parse_qsl(urlsplit(back).query))

    async def came_back(self) -> AuthorizationCodeResult:
        """What the client hears."""
        return AuthorizationCodeResult(code=self.back["code"], state=self.back.get("state"), iss=self.back.get("iss"))


async def test_the_official_client_finds_the_provider_and_calls_what_its_claims_allow(
    house: House, origin: str
) -> None:
    person, kept = _Person(house.provider, "ada"), Kept()
    metadata = OAuthClientMetadata.model_validate({
        "client_name": "Official", "redirect_uris": ["https://app.example/callback"],
    })  # fmt: skip
    auth = OAuthClientProvider(
        house.url, metadata, kept, redirect_handler=person.follow, callback_handler=person.came_back
    )
    async with (
        asyncio.timeout(BOUND_SECONDS),
        httpx2.AsyncClient(auth=auth, timeout=BOUND_SECONDS) as http,
        McpClient(streamable_http_client(house.url, http_client=http)) as client,
    ):
        assert [entry.name for entry in (await client.list_tools()).tools] == ["echo"]
        (block,) = (await client.call_tool("echo", {"text": "Hello"})).content
        assert isinstance(block, TextContent)
        assert block.text == "Hello"
    assert kept.tokens is not None
    assert kept.tokens.access_token.count(".") == 2


def test_a_token_calls_until_the_endpoint_takes_it_no_more_and_no_longer_than_its_issuer_is_trusted(
    house: House,
) -> None:
    token = token_of(house.provider, house.url)
    eventually(lambda: house.is_let_in(token), BOUND_SECONDS)
    assert "error" in house.call(token, "time").json()
    house.takes("own")
    eventually(lambda: house.call(token).status_code == 401, BOUND_SECONDS)
    house.takes("both")
    eventually(lambda: house.is_let_in(token), BOUND_SECONDS)
    with tenant_context(house.cast.tenant.pk):
        issuer_remove(actor=Cast.acting_inside(house.cast.alice, house.cast.tenant), issuer_id=house.issuer.pk)
    eventually(lambda: house.call(token).status_code == 401, BOUND_SECONDS)


@contextmanager
def _another(origin: str) -> Iterator[Upstream]:
    with upstream_running() as running:
        running.ask(resources=[origin], claims={"ada": CLAIMS})
        yield running


def test_the_providers_tokens_that_are_not_for_this_endpoint_are_refused(house: House, origin: str) -> None:
    good = token_of(house.provider, house.url)
    eventually(lambda: house.is_let_in(good), BOUND_SECONDS)
    sibling = house.url.replace(house.endpoint.slug, unique("sibling"))
    stranger = house.url.replace(house.cast.tenant.slug, house.cast.elsewhere.slug)
    elsewhere = (sibling, stranger, f"{origin}/", f"{house.url}?x=1", house.provider.mcp)
    for token in (token_of(house.provider, at) for at in elsewhere):
        answer = house.call(token)
        assert answer.status_code == 401
        assert "resource_metadata=" in answer.headers["www-authenticate"]
    with _another(origin) as other:
        assert house.call(token_of(other, house.url)).status_code == 401
    house.provider.ask(jwtSeconds=60, clockSeconds=-130)
    assert house.call(token_of(house.provider, house.url)).status_code == 401
    house.provider.ask(jwtSeconds=600, clockSeconds=0, claims={"ada": {"roles": ["Cleaner"]}})
    assert house.call(token_of(house.provider, house.url)).status_code == 401
    assert house.is_let_in(good)
