"""Versions' pages: what is served, what changed, going back and forward."""

from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.tools import tool_switch
from tests.conftest import Cast


def _switch_off(cast: Cast, endpoint: Endpoint, tool: Tool) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.id):
        tool_switch(actor=actor, endpoint_slug=endpoint.slug, tool_id=tool.pk, enabled=False)


def _versions(page: str) -> list[int]:
    return [int(part.split("<")[0]) for part in page.split(">Version ")[1:] if part.split("<")[0].isdecimal()]


def test_it_goes_back_to_a_version_and_forward_again(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/versions/"
    with_tool = max(_versions(alice.get(here).text))
    _switch_off(cast, endpoint, tool)
    latest = max(_versions(alice.get(here).text))
    assert latest > with_tool
    back = alice.post(f"{here}{with_tool}/hold/", follow=True)
    assert f"Version {with_tool} is served" in back.text
    assert f"/t/{cast.tenant.slug}/{endpoint.slug}/preview/mcp" in back.text
    forward = alice.post(f"{here}release/", follow=True)
    assert "The latest version is served" in forward.text


def test_it_shows_what_a_version_changed(cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool) -> None:
    _switch_off(cast, endpoint, tool)
    here = f"{base}/endpoints/{endpoint.slug}/versions/"
    latest = max(_versions(alice.get(here).text))
    page = alice.get(f"{here}{latest}/").text
    assert "Tools removed" in page
    assert tool.name in page


def test_it_refuses_a_version_that_is_none(alice: Client, base: str, endpoint: Endpoint) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/versions/"
    for version in (0, 999_999, 10**40):
        assert alice.post(f"{here}{version}/hold/").status_code == 404
    assert alice.get(f"{here}{10**30}/").status_code == 404
