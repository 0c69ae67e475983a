"""The page and the REST API of the networks that a tenant may be reached from."""

import pytest
from django.test import Client

from core.tenancy import tenant_context
from tenants.models import Role, Tenant
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast

ELSEWHERE = "192.0.2.0/24"


def _lists(cast: Cast) -> tuple[list[str], list[str]]:
    with tenant_context(cast.tenant.id):
        tenant = Tenant.objects.get()
    return tenant.endpoint_networks, tenant.console_networks


def _shut(cast: Cast) -> None:
    with tenant_context(cast.tenant.id):
        Tenant.objects.update(console_networks=[ELSEWHERE])


def _key(cast: Cast) -> dict[str, str]:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        return {"Authorization": f"Bearer {api_key_issue(actor=actor, name='ci', role=Role.OWNER)[1]}"}


def test_an_owner_sets_both_lists(cast: Cast, alice: Client, base: str) -> None:
    here = f"{base}/settings/networks/"
    assert "127.0.0.1" in alice.get(here).text
    typed = {"endpoints": "192.0.2.0/24, 2001:db8::/32\n192.0.2.0/24", "console": "::ffff:127.0.0.1"}
    assert "192.0.2.0/24" in alice.post(here, typed, follow=True).text
    assert _lists(cast) == (["192.0.2.0/24", "2001:db8::/32"], ["127.0.0.1/32"])
    alice.post(here, {"endpoints": "", "console": ""})
    assert _lists(cast) == ([], [])


@pytest.mark.parametrize("text", ["x", "192.0.2.7/24", "1.2.3.4/33", "fe80::1%eth0", "\0", "1.1.1.1 " * 101])
def test_what_is_no_network_is_said_and_stays(cast: Cast, alice: Client, base: str, text: str) -> None:
    for name in ("endpoints", "console"):
        typed = {"endpoints": "", "console": ""} | {name: text}
        assert alice.post(f"{base}/settings/networks/", typed).status_code == 422
    assert _lists(cast) == ([], [])


def test_nobody_locks_themselves_out(cast: Cast, alice: Client, base: str) -> None:
    answer = alice.post(f"{base}/settings/networks/", {"endpoints": "", "console": ELSEWHERE})
    assert answer.status_code == 422
    assert "lock yourself out" in answer.text
    assert _lists(cast) == ([], [])


def test_elsewhere_pages_and_the_api_are_shut_but_for_the_owners_way_back(
    cast: Cast, alice: Client, bob: Client, base: str
) -> None:
    key = _key(cast)
    api = Client(headers=key)
    assert api.get("/api/v1/tenant").status_code == 200
    _shut(cast)
    for client in (alice, bob):
        refused = client.get(f"{base}/endpoints/")
        assert refused.status_code == 403
        assert "certain networks only" in refused.text
    problem = api.get("/api/v1/tenant")
    assert (problem.status_code, problem.json()["code"]) == (403, "address_not_allowed")
    assert bob.get(f"{base}/settings/networks/").status_code == 403
    assert alice.get(f"{base}/settings/networks/").status_code == 200
    assert alice.post(f"{base}/settings/networks/", {"endpoints": "", "console": "127.0.0.0/8"}).status_code == 302
    assert bob.get(f"{base}/endpoints/").status_code == 200


def test_an_admin_has_no_way_back_and_a_developer_no_page(cast: Cast, bob: Client, base: str) -> None:
    assert bob.get(f"{base}/settings/networks/").status_code == 403
    admin = cast.join("ann", Role.ADMIN)
    client = Client()
    client.force_login(admin)
    assert client.get(f"{base}/settings/networks/").status_code == 200
    _shut(cast)
    assert client.get(f"{base}/settings/networks/").status_code == 403


def test_the_rest_api_sets_them_too(cast: Cast) -> None:
    api = Client(headers=_key(cast))
    lists = {"endpoints": [ELSEWHERE], "console": ["127.0.0.1"]}
    answer = api.put("/api/v1/tenant/networks", lists, content_type="application/json")
    assert answer.json() == {"endpoints": [ELSEWHERE], "console": ["127.0.0.1/32"]}
    assert api.get("/api/v1/tenant/networks").json() == answer.json()
    wrongs: list[dict[str, list[str]]] = [{"endpoints": []}, lists | {"x": []}]
    for wrong in (*wrongs, lists | {"console": [ELSEWHERE]}, lists | {"endpoints": ["x"]}):
        assert api.put("/api/v1/tenant/networks", wrong, content_type="application/json").status_code == 422
