"""Host names over REST."""

import pytest
from pytest_django import Settings

from tests.conftest import Cast, unique
from tests.console.api.conftest import Keys
from tests.dns_server import Names, names

__all__ = ["names"]


@pytest.fixture(autouse=True)
def _domain(settings: Settings) -> None:
    settings.TENANT_DOMAIN = "hosts.example"


def test_a_host_is_claimed_verified_and_given_up(cast: Cast, keys: Keys, names: Names) -> None:
    slug, name = unique("e"), f"{unique('mcp')}.example.com"
    keys.owner.post("/endpoints", slug=slug, name="Weather")
    assert keys.developer.post("/hosts", name=name, endpoint=slug).code == "permission_denied"
    assert keys.owner.post("/hosts", name="localhost", endpoint=slug).fields == ["name"]
    assert keys.owner.post("/hosts", name=name, endpoint="nothing").code == "not_found"
    claimed = keys.owner.post("/hosts", name=name, endpoint=slug)
    assert (claimed.status, claimed.body["url"]) == (201, f"http://{name}:8100/mcp")
    assert keys.owner.post("/hosts", name=name, endpoint=slug).code == "conflict"
    path = f"/hosts/{claimed.body['id']}"
    assert keys.owner.post(f"{path}/verify").code == "conflict"
    names.texts[claimed.body["record_name"]] = [claimed.body["record_text"]]
    assert keys.owner.post(f"{path}/verify").body["verified_at"] is not None
    (listed,) = keys.owner.get("/hosts").body["items"]
    assert listed == keys.owner.get(path).body
    assert (listed["endpoint"], listed["withdrawn_at"]) == (slug, None)
    assert keys.owner.delete(path).status == 204
    assert keys.owner.get(path).code == "not_found"


def test_what_is_at_the_tenants_own_host(cast: Cast, keys: Keys) -> None:
    assert keys.viewer.get("/hosts/default").body == {"host": f"{cast.tenant.slug}.hosts.example", "endpoint": None}
    first, second = unique("e"), unique("e")
    for slug in (first, second):
        keys.owner.post("/endpoints", slug=slug, name="Weather")
    assert keys.viewer.get("/hosts/default").body["endpoint"] == first
    assert keys.owner.put("/hosts/default", endpoint=second).body["endpoint"] == second
    assert keys.developer.put("/hosts/default", endpoint=first).code == "permission_denied"
