"""Connected clients, on the page and over REST: seen by those who may, and ended at once."""

from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.models import Cutoff, McpClient, Role
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast
from tests.console.oauth.flows import Flow, error_of
from tests.console.visitor import look_at


def _rest(cast: Cast, role: Role) -> Client:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        _key, secret = api_key_issue(actor=actor, name="rest", role=role)
    return Client(headers={"Authorization": f"Bearer {secret}"})


def _cut_off(flow: Flow, subject: str) -> bool:
    with flow.inside():
        return Cutoff.objects.filter(subject=subject).exists()


def test_a_person_sees_what_they_let_in_and_ends_it(flow: Flow, person: Client, base: str) -> None:
    tokens = flow.tokens(person)
    grant = flow.claims(tokens["access_token"])["grant"]
    page = person.get(f"{base}/clients/")
    look_at(page)  # type: ignore[arg-type]  # the test client's subclass
    assert "app.example" in page.content.decode()
    asked = person.get(f"{base}/clients/grants/{grant}/revoke/")
    look_at(asked)  # type: ignore[arg-type]
    assert "Call its tools" in asked.content.decode()
    assert person.post(f"{base}/clients/grants/{grant}/revoke/").status_code == 302
    assert "app.example" not in person.get(f"{base}/clients/").content.decode()
    assert error_of(flow.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert _cut_off(flow, f"grant:{grant}")


def test_what_others_let_in_is_for_those_who_manage(
    flow: Flow, person: Client, alice: Client, viewer: Client, base: str
) -> None:
    grant = flow.claims(flow.tokens(person)["access_token"])["grant"]
    assert "app.example" not in viewer.get(f"{base}/clients/").content.decode()
    assert viewer.post(f"{base}/clients/grants/{grant}/revoke/").status_code == 404
    assert viewer.get(f"{base}/clients/known/").status_code == 403
    assert "app.example" in alice.get(f"{base}/clients/").content.decode()
    assert alice.post(f"{base}/clients/grants/{grant}/revoke/").status_code == 302
    assert _cut_off(flow, f"grant:{grant}")


def test_a_removed_client_is_unknown_and_all_it_had_is_gone(
    flow: Flow, person: Client, alice: Client, base: str
) -> None:
    tokens = flow.tokens(person)
    page = alice.get(f"{base}/clients/known/")
    look_at(page)  # type: ignore[arg-type]
    assert flow.client_id in page.content.decode()
    with flow.inside():
        row = McpClient.objects.get(client_id=flow.client_id).pk
    assert person.post(f"{base}/clients/{row}/remove/").status_code == 403
    look_at(alice.get(f"{base}/clients/{row}/remove/"))  # type: ignore[arg-type]
    assert alice.post(f"{base}/clients/{row}/remove/").status_code == 302
    assert error_of(flow.refresh(tokens["refresh_token"])) == "invalid_client"
    assert flow.asked(person).status_code == 400
    assert _cut_off(flow, f"client:{flow.client_id}")


def test_clients_and_grants_over_rest(flow: Flow, person: Client, cast: Cast, endpoint: Endpoint) -> None:
    tokens = flow.tokens(person)
    rest = _rest(cast, Role.ADMIN)
    (client,) = rest.get("/api/v1/clients").json()["items"]
    assert client["client_id"] == flow.client_id
    assert client["people"] == 1
    assert rest.get(f"/api/v1/clients/{client['id']}").json() == client
    (grant,) = rest.get("/api/v1/client-grants").json()["items"]
    assert grant["client_name"] == client["name"]
    assert grant["user_id"] == str(cast.bob.pk)
    assert grant["endpoint"] == str(endpoint.pk)
    assert rest.get(f"/api/v1/client-grants/{grant['id']}").json() == grant
    assert rest.delete(f"/api/v1/client-grants/{grant['id']}").status_code == 204
    assert rest.delete(f"/api/v1/client-grants/{grant['id']}").status_code == 404
    assert error_of(flow.refresh(tokens["refresh_token"])) == "invalid_grant"
    assert rest.delete(f"/api/v1/clients/{client['id']}").status_code == 204
    assert rest.get("/api/v1/clients").json()["total"] == 0


def test_a_developers_key_sees_no_clients(flow: Flow, person: Client, cast: Cast) -> None:
    flow.tokens(person)
    rest = _rest(cast, Role.DEVELOPER)
    assert rest.get("/api/v1/clients").status_code == 403
    assert rest.get("/api/v1/client-grants").json()["total"] == 0
