"""The authorization server at tenants' own hosts: one server, which speaks as the host that a client began at."""

from dataclasses import dataclass
from uuid import UUID

import pytest
from django.test import Client
from pytest_django import Settings

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.hosts import host_claim, host_release, host_verify, proof_of
from tenants.authorization import gate
from tenants.authorization.keys_of_clients import ALGORITHMS
from tenants.authorization.metadata import ALGORITHMS as SAID
from tenants.authorization.metadata import METHODS
from tenants.models import AuthMethod, ClientGrant, PublishedGate, Tenant
from tests.conftest import Cast, unique
from tests.console.conftest import MakesEndpoint, signed_in
from tests.console.oauth.flows import Flow, error_of
from tests.dns_server import Names, names

__all__ = ["names"]

DOMAIN = "hosts.example"


@dataclass
class HostFlow(Flow):
    """A client that began at a host."""

    host: str = ""
    path: str = "/mcp"
    port: str = "8100"

    @property
    def base(self) -> str:
        """The path of what the host leads to."""
        return f"/oauth/{self.tenant.pk}/at/{self.host}"

    @property
    def issuer(self) -> str:
        """The host itself."""
        return f"http://{self.host}:{self.port}"

    @property
    def resource(self) -> str:
        """The endpoint's URL at the host."""
        return f"{self.issuer}{self.path}"


@pytest.fixture(autouse=True)
def _domain(settings: Settings) -> None:
    settings.TENANT_DOMAIN = DOMAIN


@pytest.fixture
def at_slug(cast: Cast, endpoint: Endpoint) -> HostFlow:
    """At the tenant's host below the domain."""
    made = HostFlow(cast.tenant, endpoint, host=f"{cast.tenant.slug}.{DOMAIN}")
    assert made.register().status_code == 201
    return made


def brought(cast: Cast, tenant: Tenant, endpoint_slug: str, names: Names, name: str) -> UUID:
    """A host that a tenant has verified; its id."""
    owner = cast.alice if tenant == cast.tenant else cast.charlie
    with tenant_context(tenant.pk):
        host = host_claim(actor=Cast.acting_inside(owner, tenant), name=name, endpoint_slug=endpoint_slug)
    names.texts.setdefault(proof_of(host).name, []).append(proof_of(host).text)
    return host_verify(actor=cast.acting(owner, tenant), host_id=host.pk).pk


def _issuers(tenant: Tenant) -> list[str]:
    with tenant_context(tenant.pk):
        return gate.decode(bytes(PublishedGate.objects.get().document)).issuers


def test_a_host_is_an_issuer_from_end_to_end(cast: Cast, at_slug: HostFlow) -> None:
    said = at_slug.consented(signed_in(cast.bob))
    assert said["iss"] == at_slug.issuer
    tokens = at_slug.redeem(said["code"]).json()
    claims = at_slug.claims(tokens["access_token"])
    assert (claims["iss"], claims["aud"]) == (at_slug.issuer, at_slug.resource)
    assert claims["endpoint"] == str(at_slug.endpoint.pk)
    again = at_slug.refresh(tokens["refresh_token"]).json()
    assert at_slug.claims(again["access_token"])["iss"] == at_slug.issuer
    assert at_slug.issuer in _issuers(cast.tenant)


def test_a_refusal_names_the_host_too(cast: Cast, at_slug: HostFlow) -> None:
    assert at_slug.consented(signed_in(cast.bob), answer="deny")["iss"] == at_slug.issuer


def test_without_a_resource_the_hosts_endpoint_is_meant(cast: Cast, at_slug: HostFlow) -> None:
    """Clients of 2025-03-26 name none."""
    tokens = at_slug.redeem(at_slug.code(signed_in(cast.bob), resource=None), resource=None).json()
    assert at_slug.claims(tokens["access_token"])["aud"] == at_slug.resource


def test_the_same_endpoint_may_be_asked_for_by_its_path(cast: Cast, at_slug: HostFlow) -> None:
    plain = Flow(cast.tenant, at_slug.endpoint)
    tokens = at_slug.redeem(at_slug.code(signed_in(cast.bob), resource=plain.resource)).json()
    claims = at_slug.claims(tokens["access_token"])
    assert (claims["iss"], claims["aud"]) == (at_slug.issuer, plain.resource)


@pytest.mark.parametrize(
    "url",
    [
        *("http://{other}.hosts.example:8100/mcp", "http://{host}:8100/other/mcp", "http://{host}:8100/"),
        *("http://{host}/mcp", "https://{host}:8100/mcp", "http://{host}:8100/mcp?x", "http://{host}:8100/mcp#x"),
        *(
            "http://x@{host}:8100/mcp",
            "http://{host}:8100/t/a/mcp",
            "http://evil.example:8100/mcp",
            "//{host}:8100/mcp",
        ),
    ],
)
def test_resources_that_are_not_at_the_host(cast: Cast, at_slug: HostFlow, url: str) -> None:
    asked = url.format(host=at_slug.host, other=cast.elsewhere.slug)
    assert at_slug.consented(signed_in(cast.bob), resource=asked)["error"] == "invalid_target"


@pytest.mark.parametrize(
    "name", ["authorize", "consent", "token", "revoke", "introspect", "register", "jwks", "device_authorization"]
)
def test_the_host_of_another_tenant_is_nowhere(cast: Cast, endpoint: Endpoint, name: str) -> None:
    browser = signed_in(cast.alice)
    for host in (f"{cast.elsewhere.slug}.{DOMAIN}", "nobody.hosts.example", "evil.example", DOMAIN, "x"):
        for send in (browser.get, browser.post):
            answer = send(f"/oauth/{cast.tenant.pk}/at/{host}/{name}")
            assert answer.status_code == 404
            assert error_of(answer) == "invalid_request"


def test_a_question_of_one_issuer_is_not_answered_at_another(cast: Cast, at_slug: HostFlow) -> None:
    browser = signed_in(cast.bob)
    page = at_slug.asked(browser)
    question = page.context["question"]
    answer = browser.post(f"/oauth/{cast.tenant.pk}/consent", {"question": question, "answer": "allow"})
    assert answer.status_code == 410


def test_what_was_granted_at_a_host_ends_with_it(
    cast: Cast, endpoint: Endpoint, names: Names, make_endpoint: MakesEndpoint
) -> None:
    name = f"{unique('mcp')}.example.com"
    host_id = brought(cast, cast.tenant, endpoint.slug, names, name)
    flow = HostFlow(cast.tenant, endpoint, host=name)
    flow.register()
    tokens = flow.tokens(signed_in(cast.bob))
    assert flow.issuer in _issuers(cast.tenant)
    with tenant_context(cast.tenant.pk):
        host_release(actor=Cast.acting_inside(cast.alice, cast.tenant), host_id=host_id)
        assert ClientGrant.objects.get().revoked_at is not None
    assert flow.issuer not in _issuers(cast.tenant)
    assert flow.refresh(tokens["refresh_token"]).status_code == 404
    # At the issuer that stays it is as dead.
    plain = Flow(cast.tenant, endpoint, client_id=flow.client_id)
    assert error_of(plain.refresh(tokens["refresh_token"])) == "invalid_grant"


def test_a_tenant_that_is_being_deleted_has_no_server_at_its_host(cast: Cast, at_slug: HostFlow) -> None:
    with tenant_context(cast.tenant.pk):
        Tenant.objects.update(delete_after="2030-01-01T00:00:00Z")
    assert Client().get(f"{at_slug.base}/jwks").status_code == 404


def test_the_metadata_say_what_there_is() -> None:
    assert sorted(METHODS) == sorted(AuthMethod.values)
    assert SAID == ALGORITHMS
