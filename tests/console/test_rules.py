"""The pages and the REST API of groups, and of rules for their tools."""

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint, ToolRule
from tenants.authorization.registering import ClientFields, client_register
from tenants.models import Group, GroupClient, GroupMember, GroupSource, McpClient, Role
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast


def _group(cast: Cast, **values: str) -> Group:
    with tenant_context(cast.tenant.id):
        return Group.objects.create(tenant=cast.tenant, **{"name": "Support", **values})


def _rules(cast: Cast) -> list[tuple[str, list[str]]]:
    with tenant_context(cast.tenant.id):
        return [(rule.group_name, rule.patterns) for rule in ToolRule.objects.order_by("group_name")]


def test_an_owner_makes_a_group_fills_it_and_deletes_it(cast: Cast, alice: Client, base: str) -> None:
    groups = f"{base}/team/groups/"
    assert "No groups yet" in alice.get(groups).text
    page = alice.post(groups, {"name": "Zebra"}, follow=True)
    group = page.context["group"]
    here = f"{groups}{group.pk}/"
    alice.post(here, {"emails": f"{cast.bob.email.upper()}\n"})
    assert cast.bob.email in alice.get(here).text
    alice.post(here, {"emails": ""})
    with tenant_context(cast.tenant.id):
        assert not GroupMember.objects.filter(group=group).exists()
    assert "No groups yet" in alice.post(f"{here}delete/", follow=True).text
    assert alice.get(here).status_code == 404


def test_who_is_no_member_is_in_no_group(cast: Cast, alice: Client, base: str) -> None:
    here = f"{base}/team/groups/{_group(cast).pk}/"
    for text in (cast.charlie.email, "nobody", f"{cast.bob.email} \x00"):
        assert alice.post(here, {"emails": text}).status_code == 422
    with tenant_context(cast.tenant.id):
        assert not GroupMember.objects.exists()


def test_a_name_is_taken_once_and_a_providers_group_is_the_providers(cast: Cast, alice: Client, base: str) -> None:
    groups = f"{base}/team/groups/"
    alice.post(groups, {"name": "Support"})
    assert alice.post(groups, {"name": "support"}).status_code == 422
    told = _group(cast, name="Told", source=GroupSource.SCIM)
    assert "cannot be changed here" in alice.get(f"{groups}{told.pk}/").text
    assert alice.post(f"{groups}{told.pk}/", {"emails": cast.bob.email}).status_code in (409, 422)
    assert alice.post(f"{groups}{told.pk}/delete/").status_code == 409


def test_an_owner_sets_a_rule_and_ends_it(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    rules = f"{base}/endpoints/{endpoint.slug}/rules/"
    assert "Without rules every member" in alice.get(rules).text
    group = _group(cast)
    page = alice.post(f"{rules}set/", {"group_id": str(group.pk), "patterns": "read, get_*\nread"}, follow=True)
    assert "get_*, read" in page.text
    alice.post(f"{rules}set/", {"group_id": str(group.pk), "patterns": "*"})
    assert _rules(cast) == [("Support", ["*"])]
    alice.post(f"{base}/team/groups/{group.pk}/delete/")
    assert "The group was deleted" in alice.get(rules).text
    with tenant_context(cast.tenant.id):
        rule = ToolRule.objects.get()
    assert alice.post(f"{rules}{rule.pk}/delete/", follow=True).status_code == 200
    assert alice.post(f"{rules}{rule.pk}/delete/").status_code == 404
    assert _rules(cast) == []


@pytest.mark.parametrize("patterns", ["", "a*b", "ä", "*" * 2, "x" * 10_001, " , ", "a\x00"])
def test_what_was_typed_wrong_stays_and_says_so(
    cast: Cast, alice: Client, base: str, endpoint: Endpoint, patterns: str
) -> None:
    typed = {"group_id": str(_group(cast).pk), "patterns": patterns}
    assert alice.post(f"{base}/endpoints/{endpoint.slug}/rules/set/", typed).status_code == 422
    assert _rules(cast) == []


def test_a_foreign_group_cannot_be_chosen(cast: Cast, alice: Client, base: str, endpoint: Endpoint) -> None:
    with tenant_context(cast.elsewhere.id):
        foreign = Group.objects.create(tenant=cast.elsewhere, name="Theirs")
    for group_id in (str(foreign.pk), "", "x"):
        typed = {"group_id": group_id, "patterns": "*"}
        assert alice.post(f"{base}/endpoints/{endpoint.slug}/rules/set/", typed).status_code == 422


def test_developers_and_viewers_look_and_change_nothing(
    cast: Cast, bob: Client, viewer: Client, base: str, endpoint: Endpoint
) -> None:
    rules = f"{base}/endpoints/{endpoint.slug}/rules/"
    typed = {"group_id": str(_group(cast).pk), "patterns": "*"}
    for client in (bob, viewer):
        assert client.get(rules).status_code == 200
        assert client.post(f"{rules}set/", typed).status_code == 403
        assert client.get(f"{base}/team/groups/").status_code == 403
    assert _rules(cast) == []


def _agent(cast: Cast, name: str = "Night agent") -> McpClient:
    fields = ClientFields(
        name=name, grant_types=["client_credentials"], auth_method="client_secret_post", redirect_uris=[]
    )
    with tenant_context(cast.tenant.id):
        return client_register(actor=Cast.acting_inside(cast.alice, cast.tenant), fields=fields)[0]


def _clients_in(cast: Cast, group: Group) -> list[str]:
    with tenant_context(cast.tenant.id):
        return list(GroupClient.objects.filter(group=group).values_list("client__name", flat=True))


def test_an_owner_puts_a_client_into_a_group_and_takes_it_out(cast: Cast, alice: Client, base: str) -> None:
    group = _group(cast)
    here = f"{base}/team/groups/{group.pk}/"
    assert "No client acts for itself" in alice.get(here).text
    agent = _agent(cast)
    assert "Night agent" in alice.post(f"{here}clients/", {"clients": [str(agent.pk)]}, follow=True).text
    assert _clients_in(cast, group) == ["Night agent"]
    assert alice.post(here, {"emails": cast.bob.email}).status_code == 302
    assert _clients_in(cast, group) == ["Night agent"]
    alice.post(f"{here}clients/", {"clients": []})
    assert _clients_in(cast, group) == []


def test_the_page_of_a_clients_groups_does_the_same(cast: Cast, alice: Client, bob: Client, base: str) -> None:
    agent, group = _agent(cast), _group(cast)
    here = f"{base}/clients/{agent.pk}/groups/"
    assert here in alice.get(f"{base}/clients/known/").text
    assert group.name in alice.get(here).text
    alice.post(here, {"groups": [str(group.pk)]})
    assert _clients_in(cast, group) == ["Night agent"]
    alice.post(here, {})
    assert _clients_in(cast, group) == []
    assert alice.post(here, {"groups": ["x"]}).status_code == 422
    assert bob.get(here).status_code == 403
    assert bob.post(f"{base}/team/groups/{group.pk}/clients/", {}).status_code == 403


def test_what_is_no_client_of_its_own_is_not_put_into_a_group(cast: Cast, alice: Client, base: str) -> None:
    group = _group(cast)
    for wrong in ("x", str(group.pk), ""):
        answer = alice.post(f"{base}/team/groups/{group.pk}/clients/", {"clients": [wrong]})
        assert answer.status_code == 422
    told = _group(cast, name="Told", source=GroupSource.SCIM)
    assert alice.post(f"{base}/team/groups/{told.pk}/clients/", {"clients": []}).status_code in (409, 422)


def test_the_rest_api_sets_the_clients_of_a_group(cast: Cast) -> None:
    agent, group = _agent(cast), _group(cast)
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        secret = api_key_issue(actor=actor, name="ci", role=Role.ADMIN)[1]
        weak = api_key_issue(actor=actor, name="ci", role=Role.DEVELOPER)[1]
    url = f"/api/v1/groups/{group.pk}/clients"
    api = Client(headers={"Authorization": f"Bearer {secret}"})
    assert api.get(url).json() == {"clients": []}
    put = api.put(url, {"clients": [str(agent.pk)]}, content_type="application/json")
    assert put.json() == api.get(url).json() == {"clients": [str(agent.pk)]}
    wrong = api.put(url, {"clients": [str(group.pk)]}, content_type="application/json")
    assert wrong.status_code == 422
    assert wrong.json()["fields"].keys() == {"clients"}
    assert Client(headers={"Authorization": f"Bearer {weak}"}).get(url).status_code == 403
