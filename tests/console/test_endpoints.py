"""Endpoints' pages."""

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from tests.conftest import Cast, unique
from tests.console.conftest import MakesEndpoint
from tests.entitled import entitle_outside

SCRIPT = "<script>alert(1)</script>"


def _endpoints(cast: Cast) -> list[str]:
    with tenant_context(cast.tenant.id):
        return list(Endpoint.objects.values_list("slug", flat=True))


def test_it_makes_an_endpoint_and_says_what_is_next(alice: Client, base: str) -> None:
    response = alice.post(f"{base}/new-endpoint/", {"name": "City weather", "access": "key"}, follow=True)
    assert response.redirect_chain == [(f"{base}/endpoints/city-weather/", 302)]
    assert "Add its first tool" in response.text
    assert "No tools yet" in response.text


def test_it_keeps_what_was_typed_when_it_refuses(cast: Cast, alice: Client, base: str) -> None:
    typed = {"name": "Weather", "slug": "Not A Slug", "access": "key", "instructions": "Say Kelvin"}
    response = alice.post(f"{base}/new-endpoint/", typed)
    assert response.status_code == 422
    assert 'value="Not A Slug"' in response.text
    assert "Say Kelvin" in response.text
    assert "lower case letters" in response.text
    assert not _endpoints(cast)


def test_it_rejects_a_taken_address_at_its_field(alice: Client, base: str, endpoint: Endpoint) -> None:
    response = alice.post(f"{base}/new-endpoint/", {"name": "Again", "slug": endpoint.slug, "access": "key"})
    assert response.status_code == 422
    assert response.context["form"].errors == {"slug": ["This is taken. Choose another."]}


@pytest.mark.parametrize("origin", ["javascript:alert(1)", "https://a.example/path", "not an origin"])
def test_it_rejects_what_is_no_origin(alice: Client, base: str, origin: str) -> None:
    typed = {"name": "Weather", "access": "key", "allowed_origins": origin}
    response = alice.post(f"{base}/new-endpoint/", typed)
    assert response.status_code == 422
    assert "allowed_origins" in response.context["form"].errors


def test_it_says_when_the_plan_allows_no_more(
    cast: Cast, alice: Client, base: str, make_endpoint: MakesEndpoint
) -> None:
    limit = 2
    entitle_outside(cast.tenant.id, endpoints=limit)
    for _ in range(limit):
        make_endpoint()
    response = alice.post(f"{base}/new-endpoint/", {"name": "One too many", "access": "key"})
    assert response.status_code == 422
    assert f"Your plan allows {limit} endpoints" in response.text


def test_it_shows_the_url_and_how_each_client_connects(alice: Client, base: str, endpoint: Endpoint) -> None:
    page = alice.get(f"{base}/endpoints/{endpoint.slug}/").text
    url = f"http://localhost:8100{base}/{endpoint.slug}/mcp"
    assert f"claude mcp add --transport http {endpoint.slug} {url}" in page
    for client in ("curl", "Claude Code", ".mcp.json", "Cursor", "VS Code", "Python", "TypeScript"):
        assert client in page


def test_an_open_endpoint_connects_without_a_key(alice: Client, base: str, make_endpoint: MakesEndpoint) -> None:
    page = alice.get(f"{base}/endpoints/{make_endpoint(access='open').slug}/").text
    assert "YOUR_KEY" not in page
    assert "Anyone may call this endpoint" in page


def test_it_changes_an_endpoint(cast: Cast, bob: Client, base: str, endpoint: Endpoint) -> None:
    typed = {
        "name": "Forecast",
        "access": "open",
        "instructions": "",
        "allowed_origins": "https://a.example\nhttps://b.example",
    }
    bob.post(f"{base}/endpoints/{endpoint.slug}/settings/", typed)
    with tenant_context(cast.tenant.id):
        changed = Endpoint.objects.get(pk=endpoint.pk)
    assert (changed.name, changed.access, changed.slug) == ("Forecast", "open", endpoint.slug)
    assert changed.allowed_origins == ["https://a.example", "https://b.example"]


def test_it_deletes_only_when_the_name_is_typed(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    url = f"{base}/endpoints/{endpoint.slug}/delete/"
    assert alice.post(url, {"confirmation": "something else"}).status_code == 422
    assert _endpoints(cast) == [endpoint.slug]
    assert alice.post(url, {"confirmation": endpoint.slug}).status_code == 302
    assert _endpoints(cast) == []


def test_a_viewer_looks_and_changes_nothing(cast: Cast, viewer: Client, base: str, endpoint: Endpoint) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/"
    assert viewer.get(here).status_code == 200
    assert "Add tool" not in viewer.get(here).text
    statuses = [
        viewer.post(f"{base}/new-endpoint/", {"name": "x", "access": "key"}).status_code,
        viewer.post(f"{here}settings/", {"name": "x", "access": "open"}).status_code,
        viewer.post(f"{here}delete/", {"confirmation": endpoint.slug}).status_code,
    ]
    assert statuses == [403, 403, 403]
    assert _endpoints(cast) == [endpoint.slug]


def test_it_hides_endpoints_from_strangers(charlie: Client, base: str, endpoint: Endpoint) -> None:
    assert charlie.get(f"{base}/endpoints/{endpoint.slug}/").status_code == 404


def test_a_neighbours_endpoint_is_not_in_my_tenant(cast: Cast, charlie: Client, endpoint: Endpoint) -> None:
    assert charlie.get(f"/t/{cast.elsewhere.slug}/endpoints/{endpoint.slug}/").status_code == 404


def test_it_escapes_what_people_wrote(alice: Client, base: str, make_endpoint: MakesEndpoint) -> None:
    found = make_endpoint(name=f"A{SCRIPT}", instructions=f"I{SCRIPT}")
    for page in ("", "settings/", "delete/", "keys/", "tools/new/"):
        assert SCRIPT not in alice.get(f"{base}/endpoints/{found.slug}/{page}").text
    assert SCRIPT not in alice.get(f"{base}/").text
    assert SCRIPT not in alice.get(f"{base}/endpoints/").text


def test_it_searches_and_swaps_only_the_rows(alice: Client, base: str, make_endpoint: MakesEndpoint) -> None:
    wanted, other = make_endpoint().slug, make_endpoint(name="Calendar", slug=unique("calendar")).slug
    part = alice.get(f"{base}/endpoints/?q=weath", headers={"hx-request": "true"}).text
    assert wanted in part
    assert other not in part
    assert "<html" not in part
    nothing = alice.get(f"{base}/endpoints/", {"q": SCRIPT}).text
    assert "No endpoint matches" in nothing
    assert SCRIPT not in nothing


def test_it_pages_on_the_server(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    with tenant_context(cast.tenant.id):
        Tool.objects.bulk_create(
            Tool(tenant=cast.tenant, endpoint=endpoint, name=f"tool{n:03}", input_schema={}, source="builtin")
            for n in range(51)
        )
    here = f"{base}/endpoints/{endpoint.slug}/"
    first, second = alice.get(here).text, alice.get(f"{here}?page=2").text
    assert ("tool049" in first, "tool050" in first) == (True, False)
    assert ("tool049" in second, "tool050" in second) == (False, True)
    assert 'href="?q=tool&amp;page=2"' in alice.get(f"{here}?q=tool").text


@pytest.mark.parametrize("query", ["?page=0", "?page=x", "?page=99999999999999999999", "?q=%00", f"?q={'x' * 5000}"])
def test_it_survives_odd_queries(alice: Client, base: str, endpoint: Endpoint, query: str) -> None:
    assert alice.get(f"{base}/endpoints/{query}").status_code == 200


def test_an_endpoint_may_be_called_new(alice: Client, base: str, make_endpoint: MakesEndpoint) -> None:
    make_endpoint(slug="new", name=unique("New"))
    assert alice.get(f"{base}/endpoints/new/").status_code == 200
