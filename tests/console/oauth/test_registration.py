"""Clients that register themselves (RFC 7591): what is taken, what is not, and how many."""

from typing import Any

import pytest
from django.test import Client

from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.authorization import pace, registration
from tenants.authorization.policies import policy_set
from tenants.models import McpClient
from tests.conftest import Cast
from tests.console.oauth.flows import CALLBACK, Flow, error_of


@pytest.fixture
def newcomer(cast: Cast, endpoint: Endpoint) -> Flow:
    """A client that did not register yet."""
    return Flow(cast.tenant, endpoint)


def test_a_public_client_gets_no_secret(newcomer: Flow) -> None:
    said = newcomer.register().json()
    assert said["token_endpoint_auth_method"] == "none"
    assert "client_secret" not in said
    assert said["redirect_uris"] == [CALLBACK]
    assert said["grant_types"] == ["authorization_code", "refresh_token"]


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_a_secret_is_told_once_and_stored_as_a_digest(newcomer: Flow, method: str) -> None:
    answer = newcomer.register(token_endpoint_auth_method=method)
    secret = answer.json()["client_secret"]
    assert answer.json()["client_secret_expires_at"] == 0
    assert answer["Cache-Control"] == "no-store"
    with newcomer.inside():
        assert secret not in str(list(McpClient.objects.values()))


def test_what_clients_say_beside_is_left_out(newcomer: Flow) -> None:
    said = newcomer.register(
        client_id="chosen", client_secret="chosen", logo_uri="javascript:alert(1)", software_statement="x", scope="root"
    ).json()
    assert said["client_id"] != "chosen"
    assert not {"client_secret", "logo_uri", "software_statement"} & said.keys()


def test_what_a_client_may_not_use_is_not_granted(newcomer: Flow) -> None:
    said = newcomer.register(grant_types=["authorization_code", "client_credentials", "password"]).json()
    assert said["grant_types"] == ["authorization_code"]


ASTRAY = [
    "javascript:alert(1)",
    "JavaScript:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,hello",
    "vbscript:x",
    "file:///etc/passwd",
    "blob:https://app.example/x",
    "about:blank",
    "view-source:https://app.example",
    "http://app.example/callback",
    "http://0.0.0.0/callback",
    "http://127.1/callback",
    "http://localhost.evil.example/callback",
    "https://",
    "https://user:password@app.example/callback",
    "https://app.example/callback#fragment",
    "//app.example/callback",
    "/callback",
    "",
    "https://app.example/a b",
    'https://app.example/"><script>',
    "https://app.example/\r\nSet-Cookie: a=b",
    "https://äpp.example/",
    "https://app.example:99999/",
    "https://app.example/" + "a" * 2100,
]


def test_a_redirect_that_leads_astray_is_not_registered(newcomer: Flow) -> None:
    for uri in ASTRAY:
        answer = newcomer.register(redirect_uris=[CALLBACK, uri])
        assert answer.status_code == 400
        assert error_of(answer) == "invalid_redirect_uri"


OF_APPS = [
    "http://127.0.0.1/callback",
    "http://localhost:8090/callback",
    "http://[::1]:3000/callback",
    "com.example.app:/callback",
    "cursor://anysphere.cursor-retrieval/oauth/callback",
    "https://app.example/callback?kept=1",
]


def test_a_redirect_of_an_app_is_registered(newcomer: Flow) -> None:
    for uri in OF_APPS:
        assert newcomer.register(redirect_uris=[uri]).status_code == 201


NONSENSE: list[dict[str, Any]] = [
    {"redirect_uris": None},
    {"redirect_uris": "https://app.example"},
    {"redirect_uris": [1]},
    {"redirect_uris": [["https://app.example"]]},
    {"redirect_uris": []},
    {"redirect_uris": [f"https://app.example/{number}" for number in range(21)]},
    {"grant_types": "authorization_code"},
    {"grant_types": ["implicit"]},
    {"grant_types": [{}]},
    {"response_types": ["token"]},
    {"token_endpoint_auth_method": "client_secret_jwt"},
    {"token_endpoint_auth_method": ["none"]},
    {"token_endpoint_auth_method": {}},
    {"client_name": "x" * 101},
    {"client_name": "Bank\u202egnp.exe"},
    {"client_name": "a\u0000b"},
    {"client_name": 7},
    {"client_name": "\u200b"},
]


def test_nonsense_is_refused(newcomer: Flow) -> None:
    for changed in NONSENSE:
        answer = newcomer.register(**changed)
        assert answer.status_code == 400
        assert error_of(answer) in {"invalid_redirect_uri", "invalid_client_metadata"}


@pytest.mark.parametrize(
    "body", ["", "[]", "null", "{", '{"a":1,"a":2}', '{"a":NaN}', '"x"', "[" * 20_000, '{"a":"\\ud800"}']
)
def test_a_body_is_one_json_object(newcomer: Flow, body: str) -> None:
    answer = newcomer.programs().post(f"{newcomer.base}/register", body, content_type="application/json")
    assert answer.status_code == 400
    assert error_of(answer) == "invalid_client_metadata"


def test_a_flood_is_slowed_down(newcomer: Flow) -> None:
    answers = [newcomer.register().status_code for _ in range(pace.PER_ADDRESS + 1)]
    assert answers[-1] == 429
    assert set(answers[:-1]) == {201}
    refused = newcomer.register()
    assert int(refused["Retry-After"]) > 0
    assert error_of(refused) == "temporarily_unavailable"


def test_there_is_a_bound_and_unused_ones_make_room(newcomer: Flow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "MAXIMUM_CLIENTS", 2)
    assert newcomer.register().status_code == newcomer.register().status_code == 201
    assert newcomer.register().status_code == 429
    with newcomer.inside():
        McpClient.objects.update(created_at="2020-01-01T00:00:00Z")
    assert newcomer.register().status_code == 201


def test_a_tenant_can_switch_it_off(newcomer: Flow, cast: Cast) -> None:
    actor = cast.acting(cast.alice)
    with tenant_context(cast.tenant.pk):
        policy_set(actor=actor, dynamic_registration=False, allowed_hosts=[], denied_hosts=[])
    answer = newcomer.register()
    assert answer.status_code == 403
    assert error_of(answer) == "access_denied"
    metadata = Client().get(f"{newcomer.base}/.well-known/openid-configuration").json()
    assert "registration_endpoint" not in metadata
