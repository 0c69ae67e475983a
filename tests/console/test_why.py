"""Why somebody may call a tool or not: what the page says is what a worker does."""

from typing import Any

from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, Tool
from mcp_runtime.services.access_keys import access_key_issue, access_key_revoke
from mcp_runtime.services.publish import publish
from mcp_runtime.services.stopping import endpoint_stop
from mcp_runtime.services.tool_rules import tool_rule_set
from mcp_runtime.services.tools import tool_switch
from tenants.authorization.cutoffs import cut_off
from tenants.authorization.registering import ClientFields, client_register
from tenants.models import McpClient, Membership, Role, User
from tenants.services.api_keys import api_key_issue
from tenants.services.client_groups import group_clients_set
from tenants.services.groups import group_create, group_fill
from tenants.services.networks import networks_set
from tests.conftest import Cast


def _verdict(client: Client, base: str, endpoint: Endpoint, who: str, tool: str) -> str:
    """The sentence of the first check that says no; empty where none does."""
    answer = client.get(f"{base}/endpoints/{endpoint.slug}/rules/why/", {"who": who, "tool": tool})
    assert answer.status_code == 200
    refusal = answer.context["explanation"].refusal
    assert ("Nothing stands in the way" in answer.text) is (refusal is None)
    return "" if refusal is None else refusal.sentence


def _member(user: User) -> str:
    return f"member:{user.pk}"


def test_each_check_of_a_members_call_says_no_in_words(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    def said() -> str:
        return _verdict(alice, base, endpoint, _member(cast.bob), tool.name)

    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        group = group_create(actor=actor, name="Support")
        group_fill(actor=actor, group_id=group.pk, emails=[cast.bob.email])
    assert said() == ""
    with tenant_context(cast.tenant.id):
        tool_rule_set(actor=actor, endpoint_slug=endpoint.slug, group_id=group.pk, patterns=["other"])
    assert "none for a group of" in said()
    with tenant_context(cast.tenant.id):
        tool_rule_set(actor=actor, endpoint_slug=endpoint.slug, group_id=group.pk, patterns=[f"{tool.name[:2]}*"])
    assert said() == ""
    with tenant_context(cast.tenant.id):
        endpoint_stop(actor=actor, endpoint_slug=endpoint.slug, message="Back at noon.")
    assert said() == "It was stopped: Back at noon."
    with tenant_context(cast.tenant.id):
        tool_switch(actor=actor, endpoint_slug=endpoint.slug, tool_id=tool.pk, enabled=False)
    assert "is switched off" in said()
    with tenant_context(cast.tenant.id):
        Membership.objects.filter(user=cast.bob).update(role=Role.VIEWER)
    assert said() == "The role viewer may see tools, and not call them."


def test_an_admin_is_told_of_a_tool_that_is_none_and_of_where_they_are(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    assert _verdict(alice, base, endpoint, _member(cast.alice), "nothing") == "nothing is no tool of this endpoint."
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        networks_set(actor=actor, endpoints=["192.0.2.0/24"], console=[], address="")
    assert "and not from 127.0.0.1" in _verdict(alice, base, endpoint, _member(cast.alice), tool.name)
    assert _verdict(alice, base, endpoint, _member(cast.bob), tool.name) == ""


def test_a_key_is_explained_too(cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool) -> None:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        key, _secret = access_key_issue(actor=actor, endpoint_slug=endpoint.slug, name="ci", tools=[tool.name])
    assert _verdict(alice, base, endpoint, f"key:{key.pk}", tool.name) == ""
    assert "and not for other" in _verdict(alice, base, endpoint, f"key:{key.pk}", "other")
    with tenant_context(cast.tenant.id):
        access_key_revoke(actor=actor, endpoint_slug=endpoint.slug, access_key_id=key.pk)
    assert "revoked or expired" in _verdict(alice, base, endpoint, f"key:{key.pk}", tool.name)


def _agent(cast: Cast, **values: Any) -> McpClient:
    usual = {"name": "Agent", "grant_types": ["client_credentials"], "auth_method": "client_secret_post"}
    fields = ClientFields(**(usual | {"redirect_uris": []} | values))
    return client_register(actor=Cast.acting_inside(cast.alice, cast.tenant), fields=fields)[0]


def test_a_client_that_acts_for_itself_is_explained_too(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        agent, looker, away = _agent(cast), _agent(cast, scopes="mcp:read"), _agent(cast, endpoints=[])
        group = group_create(actor=actor, name="Agents")

    def said(client: McpClient) -> str:
        return _verdict(alice, base, endpoint, f"client:{client.pk}", tool.name)

    assert said(agent) == ""
    assert said(looker) == "Agent may see tools, and not call them."
    assert said(away) == "Agent may act at other endpoints alone."
    with tenant_context(cast.tenant.id):
        tool_rule_set(actor=actor, endpoint_slug=endpoint.slug, group_id=group.pk, patterns=[tool.name])
    assert said(agent) == f"The endpoint has rules, and none for a group of Agent names {tool.name}."
    with tenant_context(cast.tenant.id):
        group_clients_set(actor=actor, group_id=group.pk, clients=[agent.pk])
    assert said(agent) == ""
    with tenant_context(cast.tenant.id):
        Endpoint.objects.filter(pk=endpoint.pk).update(logins="trusted")
        publish(Endpoint.objects.get(pk=endpoint.pk))
    assert said(agent) == "The endpoint takes tokens of issuers that you trust alone."


def test_members_ask_for_themselves_alone(cast: Cast, bob: Client, base: str, endpoint: Endpoint, tool: Tool) -> None:
    here = f"{base}/endpoints/{endpoint.slug}/rules/why/"
    assert _verdict(bob, base, endpoint, _member(cast.bob), tool.name) == ""
    for who in (_member(cast.alice), _member(cast.charlie), "", "member:", "key:x", "member:" + "0" * 36):
        assert bob.get(here, {"who": who, "tool": tool.name}).status_code == 422
    assert bob.get(here, {"who": _member(cast.bob), "tool": "x" * 65}).status_code == 422
    assert bob.get(here, {"who": _member(cast.bob), "tool": "\0"}).status_code == 422
    assert cast.alice.email not in bob.get(here).text


def test_what_was_cut_off_for_good_is_said(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, tool: Tool
) -> None:
    with tenant_context(cast.tenant.id):
        cut_off(cast.tenant.id, _member(cast.bob), "left")
    # Tokens of before are refused; one that is issued now is not.
    assert _verdict(alice, base, endpoint, _member(cast.bob), tool.name) == ""


def test_the_rest_api_answers_the_same(cast: Cast, endpoint: Endpoint, tool: Tool) -> None:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        secret = api_key_issue(actor=actor, name="ci", role=Role.ADMIN)[1]
        weak = api_key_issue(actor=actor, name="ci", role=Role.DEVELOPER)[1]
    url = f"/api/v1/endpoints/{endpoint.slug}/explanation"
    asked = {"member": str(cast.bob.pk), "tool": tool.name}
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    assert api.get(url, asked).json()["refusal"] is None
    assert api.get(url, asked | {"tool": "other"}).json()["refusal"]["sentence"] == "other is no tool of this endpoint."
    for wrong in ({"tool": "x"}, {"tool": "x" * 65}, asked | {"key": str(cast.bob.pk)}, asked | {"member": "x"}):
        assert api.get(url, wrong).status_code == 422
    assert api.get(url, asked | {"member": str(cast.charlie.pk)}).status_code == 404
    with tenant_context(cast.tenant.id):
        agent = _agent(cast)
    assert api.get(url, {"client": str(agent.pk), "tool": tool.name}).json()["refusal"] is None
    assert api.get(url, {"client": str(cast.bob.pk), "tool": tool.name}).status_code == 404
    assert Client(headers={"Authorization": f"Bearer {weak}"}).get(url, asked).status_code == 403
