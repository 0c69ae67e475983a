"""Clients that people register, and how they prove who they are: a secret, or a signature of their own."""

import hmac
import time
from typing import Any

import pytest
from django.test import Client
from joserfc import jwt
from joserfc.jwk import ECKey

from core import crypto
from core.tenancy import tenant_context
from mcp_runtime.models import Endpoint
from tenants.authorization.grant_types import CLIENT, CODE
from tenants.authorization.registering import ClientFields, client_register
from tenants.models import McpClient, Role
from tenants.services.api_keys import api_key_issue
from tests.conftest import Cast, unique
from tests.console.conftest import MakesEndpoint
from tests.console.oauth.flows import Flow, basic, error_of
from tests.console.visitor import look_at

KEY, OTHER = ECKey.generate_key("P-256"), ECKey.generate_key("P-256")
TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def _registered(cast: Cast, endpoint: Endpoint, **changed: Any) -> Flow:
    said: dict[str, Any] = {
        "name": "Agent",
        "grant_types": [CLIENT],
        "auth_method": "client_secret_post",
        "redirect_uris": [],
    } | changed
    flow = Flow(cast.tenant, endpoint)
    with flow.inside():
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        client, flow.secret = client_register(actor=actor, fields=ClientFields(**said))
    flow.client_id = client.client_id
    return flow


def _signer(cast: Cast, endpoint: Endpoint) -> Flow:
    jwks = {"keys": [KEY.as_dict(private=False)]}
    return _registered(cast, endpoint, auth_method="private_key_jwt", jwks=jwks)


def _assertion(flow: Flow, key: Any = KEY, **changed: Any) -> str:
    now = int(time.time())
    claims: dict[str, Any] = {
        "iss": flow.client_id,
        "sub": flow.client_id,
        "aud": flow.issuer,
        "iat": now,
        "exp": now + 60,
        "jti": unique("jti"),
    } | changed
    kept = {name: value for name, value in claims.items() if value is not None}
    return jwt.encode({"alg": "ES256"}, kept, key, algorithms=["ES256"])


def _by_assertion(flow: Flow, assertion: str, **changed: str) -> Any:
    said = {"grant_type": CLIENT, "client_assertion_type": TYPE, "client_assertion": assertion}
    return flow.post("token", said | {"resource": flow.resource} | changed)


def test_a_client_acts_for_itself_with_a_secret(cast: Cast, endpoint: Endpoint) -> None:
    flow = _registered(cast, endpoint)
    said = {"grant_type": CLIENT, "resource": flow.resource}
    by_body = flow.post("token", said | {"client_id": flow.client_id, "client_secret": flow.secret})
    by_header = flow.post("token", said, basic(flow.client_id, flow.secret))
    for answer in (by_body, by_header):
        assert answer.status_code == 200
        assert "refresh_token" not in answer.json()
        claims = flow.claims(answer.json()["access_token"])
        assert claims["sub"] == claims["client_id"] == flow.client_id
        assert claims["aud"] == flow.resource


def test_a_client_acts_where_it_may_and_as_far(cast: Cast, endpoint: Endpoint, make_endpoint: MakesEndpoint) -> None:
    other = make_endpoint("Other")
    flow = _registered(cast, endpoint, endpoints=[str(endpoint.pk)], scopes="mcp:read")
    said = {"grant_type": CLIENT, "client_id": flow.client_id, "client_secret": flow.secret}
    there = flow.resource.replace(endpoint.slug, other.slug)
    assert error_of(flow.post("token", said | {"resource": there})) == "invalid_target"
    assert error_of(flow.post("token", said)) == "invalid_target"
    answer = flow.post("token", said | {"resource": flow.resource, "scope": "mcp:call mcp:read"})
    assert answer.json()["scope"] == "mcp:read"
    assert error_of(flow.post("token", said | {"resource": flow.resource, "scope": "root"})) == "invalid_scope"


def test_a_client_signs_instead(cast: Cast, endpoint: Endpoint) -> None:
    flow = _signer(cast, endpoint)
    for audience in (flow.issuer, f"{flow.issuer}/token", [flow.issuer, "https://other.example"]):
        answer = _by_assertion(flow, _assertion(flow, aud=audience))
        assert answer.status_code == 200, answer.content
        assert flow.claims(answer.json()["access_token"])["sub"] == flow.client_id


def test_an_assertion_is_good_once(cast: Cast, endpoint: Endpoint) -> None:
    flow = _signer(cast, endpoint)
    assertion = _assertion(flow)
    assert _by_assertion(flow, assertion).status_code == 200
    again = _by_assertion(flow, assertion)
    assert again.status_code == 401
    assert error_of(again) == "invalid_client"


def test_a_wrong_assertion_proves_nothing(cast: Cast, endpoint: Endpoint) -> None:
    flow, now = _signer(cast, endpoint), int(time.time())
    good = _assertion(flow)
    claims = f"{crypto.encode(b'{"alg":"HS256"}')}.{good.split('.')[1]}"
    confused = f"{claims}.{crypto.encode(hmac.digest(KEY.as_pem(private=False), claims.encode(), 'sha256'))}"
    wrong = [
        _assertion(flow, key=OTHER),
        _assertion(flow, aud="https://other.example"),
        _assertion(flow, aud=f"{flow.issuer}/"),
        _assertion(flow, aud=None),
        _assertion(flow, iss="another"),
        _assertion(flow, sub="mcp-another"),
        _assertion(flow, exp=now - 120),
        _assertion(flow, exp=now + 90_000),
        _assertion(flow, exp=None),
        _assertion(flow, exp="soon"),
        _assertion(flow, exp=True),
        _assertion(flow, iat=now + 600),
        _assertion(flow, nbf=now + 600),
        _assertion(flow, jti=None),
        _assertion(flow, jti=""),
        _assertion(flow, jti=7),
        confused,
        "eyJhbGciOiJub25lIn0." + good.split(".")[1] + ".",
        good[:-6] + "AAAAAA",
        "nonsense",
        "a.b.c",
    ]
    for assertion in wrong:
        answer = _by_assertion(flow, assertion)
        assert answer.status_code == 401, assertion
        assert error_of(answer) == "invalid_client"
    assert error_of(_by_assertion(flow, good, client_assertion_type="other")) == "invalid_client"
    assert error_of(_by_assertion(flow, good, client_id="mcp-other")) == "invalid_request"
    assert error_of(_by_assertion(flow, good, client_id=flow.client_id, client_secret="ams_x")) == "invalid_request"
    assert _by_assertion(flow, good, client_id=flow.client_id).status_code == 200


def test_a_client_with_a_key_has_no_other_way_in(cast: Cast, endpoint: Endpoint) -> None:
    flow = _signer(cast, endpoint)
    said = {"grant_type": CLIENT, "client_id": flow.client_id, "resource": flow.resource}
    assert error_of(flow.post("token", said)) == "invalid_client"
    assert error_of(flow.post("token", said | {"client_secret": ""})) == "invalid_client"
    other = _registered(cast, endpoint)
    assert error_of(_by_assertion(other, _assertion(other))) == "invalid_client"


def test_a_client_is_registered_on_a_page_and_its_secret_shown_once(
    alice: Client, bob: Client, base: str, cast: Cast, endpoint: Endpoint
) -> None:
    said = {"name": "Nightly", "acts": "itself", "auth_method": "client_secret_post", "scopes": "mcp:call"}
    look_at(alice.get(f"{base}/clients/new/"))  # type: ignore[arg-type]  # the test client's subclass
    assert bob.post(f"{base}/clients/new/", said).status_code == 403
    page = alice.post(f"{base}/clients/new/", said | {"endpoints": [str(endpoint.pk)]})
    look_at(page)  # type: ignore[arg-type]
    flow = Flow(cast.tenant, endpoint)
    with flow.inside():
        row = McpClient.objects.get(name="Nightly")
    assert row.endpoints == [str(endpoint.pk)]
    text = page.content.decode()
    assert row.client_id in text
    secret = "ams_" + text.partition("ams_")[2].partition('"')[0].partition("<")[0].strip()
    answer = flow.post(
        "token", {"grant_type": CLIENT, "client_id": row.client_id, "client_secret": secret, "resource": flow.resource}
    )
    assert answer.status_code == 200
    assert secret not in alice.get(f"{base}/clients/known/").content.decode()


def test_a_page_says_what_is_wrong(alice: Client, base: str) -> None:
    said = {"name": "Desk", "acts": "people", "auth_method": "private_key_jwt", "scopes": "mcp:call"}
    answer = alice.post(f"{base}/clients/new/", said | {"redirect_uris": "javascript:alert(1)"})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "another scheme" in text
    assert "Give either jwks or jwks_uri" in text


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"grant_types": []}, "grant_types"),
        ({"grant_types": ["password"]}, "grant_types"),
        ({"auth_method": "none"}, "grant_types"),
        ({"auth_method": "client_secret_jwt"}, "auth_method"),
        ({"grant_types": [CODE]}, "redirect_uris"),
        ({"grant_types": [CODE], "redirect_uris": ["http://app.example/"]}, "redirect_uris"),
        ({"scopes": "root"}, "scopes"),
        ({"auth_method": "private_key_jwt"}, "jwks"),
        ({"auth_method": "private_key_jwt", "jwks": {"keys": []}}, "jwks"),
        ({"auth_method": "private_key_jwt", "jwks": {"keys": [KEY.as_dict(private=True)]}}, "jwks"),
        ({"auth_method": "private_key_jwt", "jwks_uri": "http://app.example/keys"}, "jwks"),
    ],
)
def test_rest_says_what_is_wrong(cast: Cast, changed: dict[str, Any], field: str, rest: Client) -> None:
    said = {"name": "Agent", "grant_types": [CLIENT], "auth_method": "client_secret_post"} | changed
    answer = rest.post("/api/v1/clients", said, content_type="application/json")
    assert answer.status_code == 422
    assert field in answer.json()["fields"]


def test_rest_registers_clients_and_sets_what_they_may(cast: Cast, endpoint: Endpoint, rest: Client) -> None:
    said = {"name": "Agent", "grant_types": [CLIENT], "endpoints": [str(endpoint.pk)]}
    made = rest.post("/api/v1/clients", said, content_type="application/json").json()
    flow = Flow(cast.tenant, endpoint, client_id=made["client_id"])
    assert made["issuer"] == flow.issuer
    given = {"grant_type": CLIENT, "client_id": made["client_id"], "client_secret": made["client_secret"]}
    assert flow.post("token", given | {"resource": flow.resource}).status_code == 200
    assert "client_secret" not in rest.get(f"/api/v1/clients/{made['id']}").json()
    whole = {"dynamic_registration": False, "allowed_hosts": ["*.Example.com"], "denied_hosts": []}
    assert rest.put("/api/v1/client-policy", whole, content_type="application/json").status_code == 200
    assert rest.get("/api/v1/client-policy").json() == whole | {"allowed_hosts": ["*.example.com"]}
    wrong = whole | {"denied_hosts": ["https://example.com/"]}
    assert rest.put("/api/v1/client-policy", wrong, content_type="application/json").status_code == 422


def test_rest_shows_the_policy_to_those_alone_whom_the_page_does(cast: Cast, bob: Client, base: str) -> None:
    with tenant_context(cast.tenant.id):
        actor = Cast.acting_inside(cast.alice, cast.tenant)
        secret = api_key_issue(actor=actor, name="ci", role=Role.DEVELOPER)[1]
    weak = Client(headers={"Authorization": f"Bearer {secret}"})
    assert (bob.get(f"{base}/clients/policy/").status_code, weak.get("/api/v1/client-policy").status_code) == (403, 403)


def test_a_page_sets_what_clients_may_do(alice: Client, base: str, flow: Flow) -> None:
    look_at(alice.get(f"{base}/clients/policy/"))  # type: ignore[arg-type]
    assert alice.post(f"{base}/clients/policy/", {"denied_hosts": "evil.example"}).status_code == 302
    assert flow.register().status_code == 403
    wrong = alice.post(f"{base}/clients/policy/", {"denied_hosts": "not a host!"})
    assert wrong.status_code == 422
