"""Provisioning and receipts over REST."""

from core.tenancy import tenant_context
from tenants.models import Deprovision, ScimConnection
from tests.conftest import Cast
from tests.console.api.conftest import Keys
from tests.console.test_scim import Provider


def _connection(cast: Cast) -> ScimConnection:
    with tenant_context(cast.tenant.id):
        return ScimConnection.objects.get()


def test_a_provider_is_connected_watched_and_disconnected(cast: Cast, keys: Keys) -> None:
    made = keys.admin.post("/scim-connections", name="Entra").body
    path = f"/scim-connections/{made['id']}"
    token = keys.admin.post(f"{path}/tokens").body
    provider = Provider(_connection(cast), token["secret"])
    assert keys.admin.get(path).body["base_url"].endswith(f"/scim/v2/{made['id']}")
    user_id = provider.user(cast.bob.email)
    group = provider.group("Staff", user_id)
    assert keys.admin.patch(f"{path}/groups/{group}", role="admin").body["role"] == "admin"
    assert keys.admin.get(f"{path}/groups").body["items"][0]["name"] == "Staff"
    provider.send("DELETE", f"/Users/{user_id}")
    asked = keys.admin.get(f"{path}/requests").body["items"]
    assert [(one["method"], one["status"]) for one in asked] == [("POST", 201), ("POST", 201), ("DELETE", 204)]
    (receipt,) = keys.admin.get("/deprovisions").body["items"]
    assert (receipt["email"], receipt["cause"]) == (cast.bob.email, "scim_deleted")
    ended = keys.admin.get(f"/deprovisions/{receipt['id']}").body["items"]
    assert {one["kind"] for one in ended} == {"membership", "access_tokens", "console_sessions", "boards"}
    assert keys.admin.delete(f"{path}/tokens/{token['id']}").status == 204
    assert provider.send("GET", "/Users").status_code == 401
    assert keys.admin.delete(path).status == 204
    assert keys.developer.get("/scim-connections").code == "permission_denied"
    with tenant_context(cast.tenant.id):
        assert Deprovision.objects.count() == 1
