"""The way in: discovery, registration, consent, code, tokens, and again with a refresh token."""

import pytest
from django.conf import settings
from django.test import Client

from mcp_runtime.models import Endpoint
from tenants.access import Actor
from tenants.models import AuditEvent, AuthorizationCode, ClientGrant, RefreshToken, Role
from tenants.services.tenants import tenant_rename
from tests.conftest import Cast, unique
from tests.console.conftest import signed_in
from tests.console.oauth.flows import Flow, error_of, question_on, returned


@pytest.mark.parametrize(
    "place",
    [
        "/.well-known/oauth-authorization-server{path}",
        "/.well-known/openid-configuration{path}",
        "{path}/.well-known/openid-configuration",
    ],
)
def test_metadata_is_at_each_place_where_clients_look(flow: Flow, place: str) -> None:
    answer = flow.programs().get(place.format(path=flow.base))
    said = answer.json()
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert said["issuer"] == flow.issuer
    assert said["token_endpoint"] == f"{flow.issuer}/token"
    assert said["registration_endpoint"] == f"{flow.issuer}/register"
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["response_types_supported"] == ["code"]
    assert said["authorization_response_iss_parameter_supported"] is True


def test_a_person_lets_a_client_in(flow: Flow, person: Client, cast: Cast) -> None:
    page = flow.asked(person)
    text = page.content.decode()
    assert "app.example" in text
    assert "Call its tools" in text
    assert flow.resource in text
    assert page["Cache-Control"].startswith("max-age=0")
    assert "frame-ancestors 'none'" in page["Content-Security-Policy"]
    back = flow.consented(person)
    assert back["state"] == flow.state
    assert back["iss"] == flow.issuer
    answer = flow.redeem(back["code"])
    said = answer.json()
    assert said["token_type"] == "Bearer"
    assert said["scope"] == "mcp:call"
    claims = flow.claims(said["access_token"])
    assert claims["iss"] == flow.issuer
    assert claims["aud"] == flow.resource
    assert claims["sub"] == str(cast.bob.pk)
    assert claims["client_id"] == flow.client_id
    assert claims["endpoint"] == str(flow.endpoint.pk)
    assert claims["exp"] - claims["iat"] <= 15 * 60


def test_no_secret_is_stored_as_it_is(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    tokens = flow.redeem(code).json()
    with flow.inside():
        rows = [*AuthorizationCode.objects.values(), *RefreshToken.objects.values(), *ClientGrant.objects.values()]
    stored = str(rows)
    for secret in (code, tokens["refresh_token"], tokens["access_token"]):
        assert secret not in stored


def test_who_is_signed_out_signs_in_and_comes_back(flow: Flow) -> None:
    answer = flow.asked(Client())
    assert answer.status_code == 302
    assert answer["Location"].startswith("/account/login/?next=/oauth/")


def test_who_says_no_is_believed(flow: Flow, person: Client, cast: Cast) -> None:
    back = flow.consented(person, answer="deny")
    assert back["error"] == "access_denied"
    assert back["state"] == flow.state
    assert back["iss"] == flow.issuer
    with flow.inside():
        assert not ClientGrant.objects.exists()
        declined = AuditEvent.objects.get(action="consent.declined")
    assert (declined.actor_name, declined.target_kind) == (cast.bob.email, "consent")


def test_a_stranger_is_told_so_and_nobody_is_let_in(flow: Flow, charlie: Client) -> None:
    answer = flow.asked(charlie)
    assert answer.status_code == 404
    assert "not a member" in answer.content.decode()
    assert flow.tenant.name not in answer.content.decode()


def test_a_viewer_can_let_a_client_look_and_no_more(flow: Flow, cast: Cast) -> None:
    vera = signed_in(cast.join("vera", Role.VIEWER))
    assert flow.tokens(vera)["scope"] == "mcp:read"


def test_scopes_that_nobody_knows_are_left_out(flow: Flow, person: Client) -> None:
    assert flow.tokens(person, scope="openid mcp:read offline_access")["scope"] == "mcp:read"


def test_only_scopes_that_nobody_knows_are_refused(flow: Flow, person: Client) -> None:
    back = returned(flow.asked(person, scope="openid"), flow.redirect_uri)
    assert back["error"] == "invalid_scope"
    assert back["iss"] == flow.issuer


def test_without_a_scope_a_client_may_call(flow: Flow, person: Client) -> None:
    assert flow.tokens(person, scope=None)["scope"] == "mcp:call"


def test_a_refresh_token_brings_the_next_one(flow: Flow, person: Client) -> None:
    first = flow.tokens(person)
    second = flow.refresh(first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    claims = flow.claims(second["access_token"])
    assert claims["aud"] == flow.resource
    assert claims["grant"] == flow.claims(first["access_token"])["grant"]
    third = flow.refresh(second["refresh_token"])
    assert third.status_code == 200


def test_a_refresh_may_narrow_the_scope_and_not_widen_it(flow: Flow, person: Client) -> None:
    first = flow.tokens(person)
    narrow = flow.refresh(first["refresh_token"], scope="mcp:read").json()
    assert narrow["scope"] == "mcp:read"
    whole = flow.refresh(narrow["refresh_token"]).json()
    assert whole["scope"] == "mcp:call"
    reading = flow.tokens(person, scope="mcp:read")
    assert error_of(flow.refresh(reading["refresh_token"], scope="mcp:call")) == "invalid_scope"


def test_a_client_that_asked_for_no_refresh_gets_none(cast: Cast, endpoint: Endpoint, person: Client) -> None:
    flow = Flow(cast.tenant, endpoint)
    flow.register(grant_types=["authorization_code"])
    assert "refresh_token" not in flow.tokens(person)


def test_a_client_with_a_secret_proves_itself(confidential: Flow, person: Client) -> None:
    tokens = confidential.tokens(person)
    assert confidential.refresh(tokens["refresh_token"]).status_code == 200
    answer = confidential.refresh(tokens["refresh_token"], client_secret="ams_wrong")
    assert answer.status_code == 401
    assert error_of(answer) == "invalid_client"


def test_a_consent_is_remembered_where_the_client_can_be_told_apart(confidential: Flow, person: Client) -> None:
    confidential.tokens(person)
    back = returned(confidential.asked(person), confidential.redirect_uri)
    assert back["code"]
    assert confidential.asked(person, scope="mcp:read").status_code == 302


def test_more_than_was_allowed_is_asked_for_again(confidential: Flow, person: Client) -> None:
    confidential.tokens(person, scope="mcp:read")
    assert confidential.asked(person, scope="mcp:call").status_code == 200


def test_one_persons_consent_is_no_other_persons(confidential: Flow, person: Client, alice: Client) -> None:
    confidential.tokens(person)
    assert confidential.asked(alice).status_code == 200


@pytest.mark.parametrize("redirect_uri", ["http://127.0.0.1/callback", "cursor://anysphere.cursor/callback"])
def test_a_client_that_any_program_could_be_always_asks(
    cast: Cast, endpoint: Endpoint, person: Client, redirect_uri: str
) -> None:
    flow = Flow(cast.tenant, endpoint, redirect_uri=redirect_uri)
    flow.register()
    flow.tokens(person)
    page = flow.asked(person)
    assert page.status_code == 200
    assert "could call itself" in page.content.decode()


def test_on_this_machine_the_port_may_differ(cast: Cast, endpoint: Endpoint, person: Client) -> None:
    flow = Flow(cast.tenant, endpoint, redirect_uri="http://127.0.0.1:1111/callback")
    flow.register()
    flow.redirect_uri = "http://127.0.0.1:54321/callback"
    assert flow.tokens(person)["access_token"]


def test_without_a_resource_the_only_endpoint_is_meant(flow: Flow, person: Client) -> None:
    answer = flow.redeem(flow.code(person, resource=None), resource=None)
    assert flow.claims(answer.json()["access_token"])["aud"] == flow.resource


def test_a_tenants_former_name_is_as_good(flow: Flow, person: Client, cast: Cast) -> None:
    former = flow.resource
    with flow.inside():
        actor = Actor(tenant=cast.tenant, role=Role.OWNER, user=cast.alice)
        tenant_rename(actor=actor, name="Renamed", slug=unique("renamed"))
    said = flow.redeem(flow.code(person, resource=former), resource=former).json()
    assert flow.claims(said["access_token"])["aud"] == former


def test_the_host_of_a_resource_may_be_in_capitals(flow: Flow, person: Client) -> None:
    shouted = flow.resource.replace(settings.RUNTIME_URL, settings.RUNTIME_URL.upper())
    said = flow.redeem(flow.code(person, resource=shouted), resource=shouted).json()
    assert flow.claims(said["access_token"])["aud"] == flow.resource


def test_a_browsers_client_may_ask_from_anywhere(flow: Flow) -> None:
    for name in ("token", "register", "jwks", "revoke"):
        answer = flow.programs().options(f"{flow.base}/{name}", headers={"Origin": "https://inspector.example"})
        assert answer.status_code == 204
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert "Authorization" in answer["Access-Control-Allow-Headers"]
        assert "Access-Control-Allow-Credentials" not in answer


def test_a_question_is_answered_once(flow: Flow, person: Client) -> None:
    said = {"question": question_on(flow.asked(person)), "answer": "allow"}
    assert person.post(f"{flow.base}/consent", said).status_code == 200
    again = person.post(f"{flow.base}/consent", said)
    assert again.status_code == 410
    with flow.inside():
        assert ClientGrant.objects.count() == 1
