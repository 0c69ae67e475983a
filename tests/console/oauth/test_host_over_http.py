"""A host that a tenant brought along, over HTTP: its certificate, its endpoint, and nothing once it is given up."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from uuid import UUID

import httpx
import pytest
from pytest_django import Settings

from core.embedded.postgres import free_port
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.access_keys import access_key_issue
from mcp_runtime.services.endpoints import endpoint_create
from mcp_runtime.services.hosts import host_claim, host_release, host_verify, proof_of
from tenants.services.tenants import tenant_delete
from tests.conftest import Cast, unique
from tests.console.conftest import signed_in
from tests.console.oauth.flows import Flow
from tests.console.oauth.test_hosts import HostFlow
from tests.console.runtime import running_runtime
from tests.dns_server import Names, names
from tests.processes import eventually

__all__ = ["names"]
BOUND_SECONDS = 20
BOTH = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-06-18"}


@dataclass(frozen=True)
class Site:
    """A worker, the tenant's endpoint there, and a name for it."""

    cast: Cast
    origin: str
    key: str
    host_id: UUID
    host: str

    def ask(self, domain: str, **headers: str) -> int:
        """What a proxy hears that would like a certificate."""
        return httpx.get(f"{self.origin}/certificates/ask", params={"domain": domain}, headers=headers).status_code

    def verify(self) -> None:
        """Finds the record, which is there."""
        host_verify(actor=self.cast.acting(self.cast.alice), host_id=self.host_id)

    def release(self) -> None:
        """Gives the name up."""
        with tenant_context(self.cast.tenant.pk):
            host_release(actor=Cast.acting_inside(self.cast.alice, self.cast.tenant), host_id=self.host_id)

    def headers(self, credential: str, session: str = "") -> dict[str, str]:
        """Those of a client that knows the host alone."""
        known = {"Host": self.host, "Authorization": f"Bearer {credential}", **BOTH}
        return known | ({"Mcp-Session-Id": session} if session else {})

    def post(self, method: str, credential: str = "", **params: object) -> httpx.Response:
        """A request at `https://host/mcp`, as the proxy in front hands it on."""
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return httpx.post(f"{self.origin}/mcp", json=body, headers=self.headers(credential or self.key))

    @contextmanager
    def stream(self, token: str) -> Iterator[httpx.Response]:
        """A stream of a session, held open."""
        told = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        session = self.post("initialize", token, **told).headers["mcp-session-id"]
        with httpx.stream("GET", f"{self.origin}/mcp", headers=self.headers(token, session), timeout=30) as opened:
            assert opened.status_code == 200
            yield opened


@pytest.fixture
def site(
    cast: Cast, endpoint: Endpoint, names: Names, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """The name is claimed and its record made; it is not verified yet."""
    port, actor, host = free_port(), cast.acting(cast.alice), f"{unique('mcp')}.example.com"
    for name, value in {"RUNTIME_URL": f"http://127.0.0.1:{port}", "TENANT_DOMAIN": "hosts.example"}.items():
        setattr(settings, name, value)
        monkeypatch.setenv(name, value)
    with tenant_context(cast.tenant.pk):
        claimed = host_claim(actor=actor, name=host, endpoint_slug=endpoint.slug)
        _, key = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="laptop")
    names.texts[proof_of(claimed).name] = [proof_of(claimed).text]
    with running_runtime(port) as origin:
        yield Site(cast, origin, key, claimed.pk, host)


def test_certificates_are_for_hosts_that_are_tenants_now(site: Site) -> None:
    below = f"{site.cast.tenant.slug}.hosts.example"
    assert site.ask(below) == 200
    assert site.ask(site.host) == 404
    site.verify()
    eventually(lambda: site.ask(site.host) == 200, BOUND_SECONDS)
    assert site.ask(f"{site.host.upper()}.") == 200
    tenant = site.cast.tenant
    wrong = (
        *("", "localhost", "127.0.0.1", f"x.{site.host}", f"x.{below}", "hosts.example", "a" * 3000, "ü.example"),
        *(f"{site.host}:443", f"{site.host}/mcp", "*.example.com", "\0", f"{tenant.slug}x.hosts.example"),
    )
    for domain in wrong:
        assert (domain, site.ask(domain)) == (domain, 404)
    asked = f"{site.origin}/certificates/ask"
    assert httpx.get(f"{asked}?domain={site.host}&domain={below}").status_code == 404
    assert httpx.get(asked).status_code == 404
    assert httpx.post(f"{asked}?domain={site.host}").status_code == 405
    for name, value in {"X-Forwarded-For": "192.0.2.1", "Via": "1.1 x", "Forwarded": "for=1", "Host": below}.items():
        assert site.ask(site.host, **{name: value}) == 404
    site.release()
    eventually(lambda: site.ask(site.host) == 404, BOUND_SECONDS)
    tenant_delete_by_its_owner(site)
    eventually(lambda: site.ask(below) == 404, BOUND_SECONDS)


def tenant_delete_by_its_owner(site: Site) -> None:
    """Its hosts are nobody's from then on."""
    with tenant_context(site.cast.tenant.pk):
        tenant_delete(actor=Cast.acting_inside(site.cast.alice, site.cast.tenant))


def test_a_host_serves_its_endpoint_until_it_is_given_up(site: Site, endpoint: Endpoint, tool: Tool) -> None:
    assert site.post("tools/list").status_code == 421
    site.verify()
    eventually(lambda: site.post("tools/list").status_code == 200, BOUND_SECONDS)
    called = site.post("tools/call", name=tool.name, arguments={"text": "Hello"}).json()
    assert called["result"]["content"][0]["text"] == "Hello"
    flow = HostFlow(site.cast.tenant, endpoint, host=site.host, port=site.origin.rpartition(":")[2])
    flow.register()
    with site.stream(flow.tokens(signed_in(site.cast.alice))["access_token"]) as opened:
        site.release()
        # The stream ends by itself: what is left of it is read to its end, within the client's time.
        assert all(line == "" or line.startswith((":", "id:", "retry:", "data:")) for line in opened.iter_lines())
    assert site.post("tools/list").status_code == 421
    assert httpx.get(f"{site.origin}/.well-known/oauth-authorization-server", headers={"Host": site.host}).is_error


def test_nobody_elses_credential_opens_the_host(site: Site) -> None:
    site.verify()
    eventually(lambda: site.post("tools/list").status_code == 200, BOUND_SECONDS)
    cast, slug = site.cast, unique("theirs")
    with tenant_context(cast.elsewhere.pk):
        actor = Cast.acting_inside(cast.charlie, cast.elsewhere)
        theirs = endpoint_create(actor=actor, slug=slug, name="Theirs")
        _, key = access_key_issue(actor=actor, endpoint_slug=slug, name="laptop")
    flow = Flow(cast.elsewhere, theirs)
    flow.register()
    token = flow.tokens(signed_in(cast.charlie))["access_token"]
    for credential in (key, token):
        refused = site.post("tools/list", credential)
        assert refused.status_code == 401
        assert site.host in refused.headers["www-authenticate"]
        assert json.loads(refused.text)["error"]["data"]["refusal"] == "invalid_credentials"
