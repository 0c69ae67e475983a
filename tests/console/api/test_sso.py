"""Single sign-on over REST."""

import json

from core.tenancy import tenant_context
from tenants.models import SsoConnection
from tests.conftest import Cast, unique
from tests.console.api.conftest import Keys
from tests.dns_server import Names, names
from tests.saml_messages import PAIR, metadata
from tests.sso_provider import OpenId
from tests.told_host import Host, host

__all__ = ["host", "names"]


def test_a_connection_is_made_configured_and_put_into_use(cast: Cast, keys: Keys, host: Host) -> None:
    made = keys.admin.post("/sso/connections", name="Acme", kind="oidc")
    assert (made.status, made.body["enabled"], made.body["tried"]) == (201, False, False)
    path = f"/sso/connections/{made.body['id']}"
    provider = OpenId.at(host)
    configured = keys.admin.put(f"{path}/provider", **provider.draft)
    assert configured.status == 200
    assert configured.body["configuration"]["issuer"] == provider.issuer
    assert "a secret" not in json.dumps(configured.body)
    assert keys.owner.patch(path, enabled=True).code == "conflict"
    with tenant_context(cast.tenant.id):
        SsoConnection.objects.update(trial={"ok": True})
    assert keys.admin.patch(path, enabled=True).code == "permission_denied"
    roles = [{"group": "ops", "role": "admin"}]
    used = keys.owner.patch(path, enabled=True, default_role="developer", roles=roles)
    assert (used.status, used.body["enabled"], used.body["roles"]) == (200, True, roles)
    assert keys.admin.patch(path, name="Mine").code == "permission_denied"
    assert keys.admin.put(f"{path}/provider", **provider.draft).code == "permission_denied"
    assert keys.owner.get("/sso/connections").body["total"] == 1
    assert keys.owner.post(f"{path}/setup-links").code == "conflict"
    assert keys.owner.delete(path).status == 204
    assert keys.owner.get(path).code == "not_found"


def test_a_saml_provider_is_told_by_its_metadata(keys: Keys) -> None:
    path = f"/sso/connections/{keys.admin.post('/sso/connections', name='Saml', kind='saml').body['id']}"
    answer = keys.admin.put(f"{path}/provider", metadata_xml=metadata(PAIR))
    assert answer.body["certificates"] == [PAIR.certificate]
    assert answer.body["configuration"]["sso_url"] == "https://idp.example/sso"
    assert keys.admin.post(f"{path}/setup-links").body["url"].startswith("http://localhost:8000/sso/setup/")
    assert keys.admin.put(f"{path}/provider").fields == ["certificates", "entity_id", "sso_url"]


def test_a_domain_is_claimed_verified_and_given_up(keys: Keys, names: Names) -> None:
    name = f"{unique('acme')}.example"
    made = keys.admin.post("/sso/domains", name=name.upper())
    assert (made.status, made.body["name"], made.body["verified_at"]) == (201, name, None)
    path = f"/sso/domains/{made.body['id']}"
    assert keys.admin.post(f"{path}/verify").code == "conflict"
    names.texts[made.body["record_name"]] = [made.body["record_text"]]
    assert keys.admin.post(f"{path}/verify").body["verified_at"]
    assert keys.admin.post("/sso/domains", name=name).code == "conflict"
    assert keys.admin.get("/sso/domains").body["total"] == 1
    assert keys.admin.delete(path).status == 204


def test_what_members_need_is_the_owners_to_say(keys: Keys) -> None:
    assert keys.admin.patch("/sso/policy", requires_mfa=True).code == "permission_denied"
    assert keys.owner.patch("/sso/policy", requires_sso=True).code == "conflict"
    changed = keys.owner.patch("/sso/policy", requires_mfa=True)
    assert changed.body == {"requires_sso": False, "requires_mfa": True, "sso_counts_as_mfa": True}
    assert keys.viewer.get("/sso/policy").body["requires_mfa"] is True


def test_what_is_wrong_is_named(keys: Keys) -> None:
    assert keys.admin.post("/sso/connections", name="A", kind="ldap").fields == ["kind"]
    assert keys.admin.post("/sso/domains", name="localhost").fields == ["name"]
    assert keys.developer.post("/sso/domains", name="a.example").code == "permission_denied"
    assert keys.viewer.get("/sso/connections").code == "permission_denied"
    path = f"/sso/connections/{keys.admin.post('/sso/connections', name='B', kind='oidc').body['id']}"
    assert keys.admin.put(f"{path}/provider", issuer="http://169.254.169.254/").fields == ["issuer"]
    assert keys.owner.patch(path, default_role="owner").fields == ["default_role"]
    assert keys.owner.patch(path, roles=[{"group": "a", "role": "owner"}]).fields == ["roles"]
