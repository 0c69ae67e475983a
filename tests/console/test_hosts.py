"""The page of host names."""

import pytest
from django.utils import timezone
from pytest_django import Settings

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from mcp_runtime.services.hosts import proof_of
from tenants.models import EndpointHost
from tests.conftest import Cast, unique
from tests.console.conftest import MakesEndpoint, signed_in
from tests.dns_server import Names, names

__all__ = ["names"]


@pytest.fixture(autouse=True)
def _domain(settings: Settings) -> None:
    settings.TENANT_DOMAIN = "hosts.example"


def _hosts(cast: Cast) -> list[EndpointHost]:
    with tenant_context(cast.tenant.pk):
        return list(EndpointHost.objects.all())


def test_a_name_is_brought_along_and_given_up(cast: Cast, endpoint: Endpoint, names: Names) -> None:
    browser, base, name = signed_in(cast.alice), f"/t/{cast.tenant.slug}/hosts/", f"{unique('mcp')}.example.com"
    page = browser.get(base).content.decode()
    assert f"http://{cast.tenant.slug}.hosts.example:8100/mcp" in page
    assert browser.post(f"{base}new/", {"name": name, "endpoint": endpoint.slug}).status_code == 302
    (host,) = _hosts(cast)
    page = browser.get(base).content.decode()
    assert proof_of(host).name in page
    assert proof_of(host).text in page
    page = browser.post(f"{base}{host.pk}/check/", follow=True).content.decode()
    assert "There is none" in page
    names.texts[proof_of(host).name] = [proof_of(host).text]
    page = browser.post(f"{base}{host.pk}/check/", follow=True).content.decode()
    assert f"http://{name}:8100/mcp" in page
    assert "Give up" in browser.get(f"{base}{host.pk}/release/").content.decode()
    assert browser.post(f"{base}{host.pk}/release/").status_code == 302
    assert _hosts(cast) == []


@pytest.mark.parametrize("name", ["", "localhost", "com", "acme.hosts.example", "10.0.0.1", "x" * 300])
def test_a_name_that_cannot_be_is_said_to_be(cast: Cast, endpoint: Endpoint, name: str) -> None:
    browser = signed_in(cast.alice)
    answer = browser.post(f"/t/{cast.tenant.slug}/hosts/new/", {"name": name, "endpoint": endpoint.slug})
    assert answer.status_code == 422
    assert _hosts(cast) == []


def test_the_default_is_chosen(cast: Cast, endpoint: Endpoint, make_endpoint: MakesEndpoint) -> None:
    other = make_endpoint()
    browser, base = signed_in(cast.alice), f"/t/{cast.tenant.slug}/hosts/"
    assert browser.post(f"{base}default/", {"endpoint": other.slug}).status_code == 302
    with tenant_context(cast.tenant.pk):
        assert Endpoint.objects.get(is_default=True).slug == other.slug
    assert browser.post(f"{base}default/", {"endpoint": "nothing"}).status_code == 422


def test_who_cannot_manage_the_tenant_is_refused(cast: Cast, endpoint: Endpoint) -> None:
    assert signed_in(cast.bob).get(f"/t/{cast.tenant.slug}/hosts/").status_code == 403
    assert signed_in(cast.charlie).get(f"/t/{cast.tenant.slug}/hosts/").status_code == 404


def test_a_record_that_is_missing_needs_somebody(cast: Cast, endpoint: Endpoint) -> None:
    with tenant_context(cast.tenant.pk):
        EndpointHost.objects.create(
            tenant=cast.tenant, endpoint=endpoint.pk, name="gone.example.com", token="t", missing_since=timezone.now(),
            withdrawn_at=timezone.now(),
        )  # fmt: skip
    assert "gone.example.com" in signed_in(cast.alice).get(f"/t/{cast.tenant.slug}/").content.decode()
    assert "Withdrawn" in signed_in(cast.alice).get(f"/t/{cast.tenant.slug}/hosts/").content.decode()
    assert "gone.example.com" not in signed_in(cast.bob).get(f"/t/{cast.tenant.slug}/").content.decode()
