"""What the authorization server does not fall for (RFC 9700, OAuth 2.1)."""

import base64
import re
from typing import Any

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Access, Endpoint
from mcp_runtime.services.endpoints import endpoint_delete
from tenants.models import AuthorizationCode, ClientGrant, Membership, RefreshToken
from tenants.services.tenants import tenant_delete
from tests.conftest import Cast
from tests.console.conftest import MakesEndpoint, signed_in
from tests.console.oauth.flows import FORM, Flow, basic, challenge_of, error_of, question_on, returned

LOOPBACK = "http://127.0.0.1:3000/callback"


def refused_on_a_page(answer: Any) -> str:
    """What a page says to a person who cannot be sent back."""
    assert answer.status_code == 400
    assert "Location" not in answer
    return str(answer.content.decode())


ASTRAY = [
    "https://app.example/callback/",
    "https://app.example/callback/../evil",
    "https://app.example/callback?more=1",
    "https://app.example/Callback",
    "https://APP.example/callback",
    "https://app.example:444/callback",
    "https://app.example.evil.example/callback",
    "https://app.example@evil.example/callback",
    "https://evil.example/callback",
    "http://app.example/callback",
    "https://app.example/callback#fragment",
    "https://app.example/call%62ack",
    "javascript:alert(1)",
    "//app.example/callback",
    "https://app.example/callback\r\nX: y",
    "https://app.example\\@evil.example/callback",
]


def test_a_redirect_is_compared_character_by_character(flow: Flow, person: Client) -> None:
    for redirect_uri in ASTRAY:
        refused_on_a_page(flow.asked(person, redirect_uri=redirect_uri))


NOT_THE_SAME_MACHINE = [
    "http://127.0.0.1:3000/other",
    "http://localhost:3000/callback",
    "http://127.0.0.2:3000/callback",
    "http://127.0.0.1.evil.example:3000/callback",
    "http://127.0.0.1:3000@evil.example/callback",
    "https://127.0.0.1:3000/callback",
    "http://[::1]:3000/callback",
    "http://127.1:3000/callback",
]


def test_only_the_port_may_differ_on_this_machine(cast: Cast, endpoint: Endpoint, person: Client) -> None:
    flow = Flow(cast.tenant, endpoint, redirect_uri=LOOPBACK)
    flow.register()
    for redirect_uri in NOT_THE_SAME_MACHINE:
        refused_on_a_page(flow.asked(person, redirect_uri=redirect_uri))


@pytest.mark.parametrize(
    "changed",
    [
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": None},
        {"code_challenge_method": None},
        {"code_challenge_method": "plain"},
        {"code_challenge_method": "s256"},
        {"code_challenge": "short"},
        {"code_challenge": "x" * 200},
    ],
)
@pytest.mark.parametrize("kind", ["flow", "confidential"])
def test_pkce_with_s256_is_demanded_of_everybody(
    request: pytest.FixtureRequest, person: Client, kind: str, changed: dict[str, str | None]
) -> None:
    flow: Flow = request.getfixturevalue(kind)
    back = returned(flow.asked(person, **changed), flow.redirect_uri)
    assert back["error"] == "invalid_request"
    assert back["iss"] == flow.issuer
    assert back["state"] == flow.state


@pytest.mark.parametrize("changed", [{"client_id": None}, {"client_id": "dyn-nobody"}, {"client_id": "x" * 9000}])
def test_an_unknown_client_gets_nobody(flow: Flow, person: Client, changed: dict[str, str | None]) -> None:
    refused_on_a_page(flow.asked(person, **changed))


def test_there_is_no_implicit_grant(flow: Flow, person: Client) -> None:
    for response_type in ("token", "id_token", "code token", "none", None):
        back = returned(flow.asked(person, response_type=response_type), flow.redirect_uri)
        assert back["error"] == "unsupported_response_type"
        assert back["iss"] == flow.issuer


def test_a_parameter_twice_is_refused(flow: Flow, person: Client) -> None:
    for name in ("client_id", "redirect_uri", "state", "scope", "code_challenge", "response_type"):
        refused_on_a_page(person.get(f"{flow.request()}&{name}=again"))


def test_what_no_parameter_holds_is_refused(flow: Flow, person: Client) -> None:
    for name in ("client_id", "scope", "response_type", "code_challenge", "resource"):
        for value in ("a\x00b", "naïve", 'a"b', "a\\b", "\U0001f600"):
            refused_on_a_page(flow.asked(person, **{name: value}))


def test_a_foreign_resource_is_refused(flow: Flow, person: Client, cast: Cast) -> None:
    for resource in (
        "https://evil.example/mcp",
        flow.resource.replace(cast.tenant.slug, cast.elsewhere.slug),
        flow.resource + "/more",
        flow.resource + "?a=b",
        flow.resource + "#here",
        flow.resource.replace("://", "://user@"),
        flow.resource.rsplit("/", 2)[0] + "/nothing/mcp",
        "not a url",
        "http://[::1",
    ):
        back = returned(flow.asked(person, resource=resource), flow.redirect_uri)
        assert back["error"] == "invalid_target"
        assert back["iss"] == flow.issuer


def test_an_open_endpoint_needs_no_token(flow: Flow, person: Client, make_endpoint: MakesEndpoint) -> None:
    open_one = make_endpoint("Open", access=Access.OPEN)
    resource = flow.resource.replace(flow.endpoint.slug, open_one.slug)
    assert returned(flow.asked(person, resource=resource), flow.redirect_uri)["error"] == "invalid_target"


def test_the_token_step_names_the_same_resource(flow: Flow, elsewhere: Flow, person: Client) -> None:
    answer = flow.redeem(flow.code(person), resource=elsewhere.resource)
    assert error_of(answer) == "invalid_target"
    tokens = flow.tokens(person)
    assert error_of(flow.refresh(tokens["refresh_token"], resource=elsewhere.resource)) == "invalid_target"
    assert flow.refresh(tokens["refresh_token"], resource=flow.resource).status_code == 200


def test_a_code_is_good_once_and_its_second_use_ends_everything(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    tokens = flow.redeem(code).json()
    assert error_of(flow.redeem(code)) == "invalid_grant"
    assert error_of(flow.refresh(tokens["refresh_token"])) == "invalid_grant"
    with flow.inside():
        assert ClientGrant.objects.get().revoked_at is not None


def test_a_code_is_one_clients_alone(flow: Flow, person: Client, elsewhere: Flow) -> None:
    code = flow.code(person)
    assert error_of(flow.redeem(code, client_id=elsewhere.client_id)) == "invalid_grant"
    assert flow.redeem(code).status_code == 200, "another client's try changes nothing"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"code_verifier": None}, "invalid_request"),
        ({"code_verifier": "x" * 50}, "invalid_grant"),
        ({"code_verifier": "short"}, "invalid_request"),
        ({"redirect_uri": "https://app.example/other"}, "invalid_grant"),
        ({"redirect_uri": None}, "invalid_grant"),
        ({"code": "amc_guessed"}, "invalid_grant"),
        ({"code": None}, "invalid_request"),
        ({"client_id": None}, "invalid_client"),
        ({"client_id": "dyn-nobody"}, "invalid_client"),
        ({"grant_type": None}, "unsupported_grant_type"),
        ({"grant_type": "password"}, "unsupported_grant_type"),
        ({"grant_type": "implicit"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, "unauthorized_client"),
        ({"client_secret": "ams_invented"}, "invalid_client"),
    ],
)
def test_a_wrong_token_request_is_refused(
    flow: Flow, person: Client, changed: dict[str, str | None], error: str
) -> None:
    code = flow.code(person)
    answer = flow.redeem(code, **changed)
    assert answer.status_code in {400, 401}
    assert error_of(answer) == error
    assert flow.redeem(code).status_code == 200, "the right one still comes through"


def test_a_challenge_is_no_verifier(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    assert error_of(flow.redeem(code, code_verifier=challenge_of(flow.verifier))) == "invalid_grant"


def test_a_code_is_good_for_two_minutes(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    with flow.inside():
        AuthorizationCode.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert error_of(flow.redeem(code)) == "invalid_grant"


def test_a_refresh_token_used_twice_ends_its_grant(flow: Flow, person: Client) -> None:
    first = flow.tokens(person)["refresh_token"]
    second = flow.refresh(first).json()["refresh_token"]
    third = flow.refresh(second).json()["refresh_token"]
    assert error_of(flow.refresh(first)) == "invalid_grant"
    for token in (second, third):
        assert error_of(flow.refresh(token)) == "invalid_grant"


def test_a_racing_twin_gets_the_same_successor(flow: Flow, person: Client) -> None:
    first = flow.tokens(person)["refresh_token"]
    one, other = flow.refresh(first).json(), flow.refresh(first).json()
    assert one["refresh_token"] == other["refresh_token"]
    assert one["access_token"] != other["access_token"]
    assert flow.refresh(other["refresh_token"]).status_code == 200


def test_who_comes_later_than_a_twin_ends_the_grant(flow: Flow, person: Client) -> None:
    first = flow.tokens(person)["refresh_token"]
    second = flow.refresh(first).json()["refresh_token"]
    with flow.inside():
        RefreshToken.objects.exclude(used_at=None).update(used_at="2020-01-01T00:00:00Z")
    assert error_of(flow.refresh(first)) == "invalid_grant"
    assert error_of(flow.refresh(second)) == "invalid_grant"


def test_a_refresh_token_is_one_clients_alone(flow: Flow, elsewhere: Flow, person: Client) -> None:
    token = flow.tokens(person)["refresh_token"]
    assert error_of(elsewhere.refresh(token)) == "invalid_grant"
    assert flow.refresh(token).status_code == 200, "another client's try changes nothing"


def test_who_left_the_tenant_lets_nobody_in(flow: Flow, person: Client, cast: Cast) -> None:
    code, token = flow.code(person), flow.tokens(person)["refresh_token"]
    with flow.inside():
        Membership.objects.filter(user=cast.bob).update(deactivated_at="2026-01-01T00:00:00Z")
    assert error_of(flow.redeem(code)) == "invalid_grant"
    assert error_of(flow.refresh(token)) == "invalid_grant"
    assert flow.asked(person).status_code == 404


def test_a_deleted_endpoint_is_no_target_any_more(flow: Flow, person: Client, cast: Cast) -> None:
    token = flow.tokens(person)["refresh_token"]
    actor = cast.acting(cast.alice)
    with flow.inside():
        endpoint_delete(actor=actor, endpoint_slug=flow.endpoint.slug)
    assert error_of(flow.refresh(token)) == "invalid_target"


def test_a_tenant_that_is_being_deleted_has_no_server(flow: Flow, person: Client, cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with flow.inside():
        tenant_delete(actor=actor)
    assert flow.asked(person).status_code == 404
    assert flow.redeem("amc_any").status_code == 404
    assert flow.programs().get(f"{flow.base}/.well-known/openid-configuration").status_code == 404


def test_a_tenant_that_is_not_there_has_no_server() -> None:
    for path in ("token", "jwks", "register", "revoke"):
        answer = Client().post(f"/oauth/00000000-0000-4000-8000-000000000000/{path}", {})
        assert answer.status_code in {404, 405}
        assert answer["Content-Type"] == "application/json"


def test_consent_is_one_browsers(flow: Flow, person: Client, cast: Cast) -> None:
    question = question_on(flow.asked(person))
    for other in (signed_in(cast.bob), signed_in(cast.alice)):
        answer = other.post(f"{flow.base}/consent", {"question": question, "answer": "allow"})
        assert answer.status_code == 410
    with flow.inside():
        assert not ClientGrant.objects.exists()


def test_consent_is_for_what_was_shown(flow: Flow, person: Client) -> None:
    question = question_on(flow.asked(person))
    altered = question[:-4] + ("AAAA" if question[-4:] != "AAAA" else "BBBB")
    assert person.post(f"{flow.base}/consent", {"question": altered, "answer": "allow"}).status_code == 410
    assert person.post(f"{flow.base}/consent", {"answer": "allow"}).status_code == 410
    said = {"question": question, "answer": "allow", "redirect_uri": "https://evil.example", "scope": "mcp:read"}
    assert returned(person.post(f"{flow.base}/consent?client_id=other", said), flow.redirect_uri)["code"]


def test_consent_needs_the_pages_own_token(flow: Flow, cast: Cast) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(cast.bob)
    page = flow.asked(browser)
    said = {"question": question_on(page), "answer": "allow"}
    assert browser.post(f"{flow.base}/consent", said).status_code == 403
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page.content.decode())
    assert token
    assert browser.post(f"{flow.base}/consent", said | {"csrfmiddlewaretoken": token[1]}).status_code == 200


def test_one_tenants_question_is_no_other_tenants(flow: Flow, cast: Cast, person: Client) -> None:
    with tenant_context(cast.elsewhere.pk):
        Membership.objects.create(tenant=cast.elsewhere, user=cast.bob, role="viewer")
    said = {"question": question_on(flow.asked(person)), "answer": "allow"}
    assert person.post(f"/oauth/{cast.elsewhere.pk}/consent", said).status_code == 410


def test_a_code_of_one_tenant_is_unknown_in_another(flow: Flow, person: Client, cast: Cast) -> None:
    code = flow.code(person)
    there = Flow(cast.elsewhere, flow.endpoint)
    there.register()
    there.verifier = flow.verifier
    assert error_of(there.redeem(code, resource=None)) == "invalid_grant"
    assert error_of(there.redeem(code, client_id=flow.client_id)) == "invalid_client"


def test_a_client_proves_itself_in_one_way(confidential: Flow, person: Client) -> None:
    code = confidential.code(person)
    said = {"grant_type": "authorization_code", "code": code, "client_id": confidential.client_id}
    said |= {"redirect_uri": confidential.redirect_uri, "code_verifier": confidential.verifier}
    header = basic(confidential.client_id, confidential.secret)
    twice = confidential.post("token", said | {"client_secret": confidential.secret}, header)
    assert error_of(twice) == "invalid_request"
    mixed = confidential.post("token", said | {"client_id": "dyn-other"}, header)
    assert error_of(mixed) == "invalid_request"
    assert error_of(confidential.post("token", said)) == "invalid_client"
    assert confidential.post("token", said, header).status_code == 200


@pytest.mark.parametrize(
    "header",
    [
        "Basic",
        "Basic ???",
        "Basic " + base64.b64encode(b"no colon").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xfd").decode(),
        "Basic " + base64.b64encode(b":secret").decode(),
        "Bearer ams_something",
        "Basic " + base64.b64encode(b"dyn-nobody:secret").decode(),
    ],
)
def test_a_broken_header_is_no_proof(flow: Flow, header: str) -> None:
    answer = flow.post("token", {"grant_type": "authorization_code", "code": "x"}, {"Authorization": header})
    assert answer.status_code == 401
    assert error_of(answer) == "invalid_client"
    assert answer["WWW-Authenticate"].startswith('Basic realm="')


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data; boundary=x", "text/plain"])
def test_a_body_is_a_form(flow: Flow, content_type: str) -> None:
    answer = flow.programs().post(f"{flow.base}/token", "grant_type=x", content_type=content_type)
    assert answer.status_code == 400
    assert error_of(answer) == "invalid_request"


@pytest.mark.parametrize(
    "body",
    [
        "grant_type=a&grant_type=b",
        "&".join(f"a{number}=b" for number in range(2000)),
        "a=" + "b" * 300_000,
        "a=" + "b" * 1_100_000,
        "grant_type=%00",
        "grant_type=%ff%fe",
        "code=" + "x" * 10_000,
        "=&=&=",
        "grant_type=authorization_code\r\n",
    ],
)
def test_a_broken_body_is_refused_in_json(flow: Flow, body: str) -> None:
    answer = flow.programs().post(f"{flow.base}/token", body, content_type=FORM)
    assert answer.status_code in {400, 413}
    assert answer["Content-Type"] == "application/json"
    assert answer["Access-Control-Allow-Origin"] == "*"


def test_nothing_counts_in_the_query(flow: Flow, person: Client) -> None:
    code = flow.code(person)
    query = f"grant_type=authorization_code&code={code}&client_id={flow.client_id}&code_verifier={flow.verifier}"
    answer = flow.programs().post(f"{flow.base}/token?{query}", "", content_type=FORM)
    assert answer.status_code == 400


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_refused_in_json(flow: Flow, method: str) -> None:
    for name in ("token", "revoke", "introspect", "register"):
        answer = flow.programs().generic(method, f"{flow.base}/{name}")
        assert answer.status_code == 405
        assert answer["Content-Type"] == "application/json"
        assert "POST" in answer["Allow"]
