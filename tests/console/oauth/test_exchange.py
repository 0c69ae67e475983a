"""Token exchange (RFC 8693): for less or for another endpoint, never for more, and never for longer."""

import base64
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.refusals import Refused
from mcp_runtime.models import Endpoint
from tenants.authorization.exchange_grant import ACCESS_TOKEN
from tenants.authorization.grant_types import CLIENT, EXCHANGE
from tenants.models import ClientGrant, Cutoff, McpClient, Membership
from tests.conftest import Cast
from tests.console.oauth.flows import Flow, error_of
from tests.console.oauth.registered import registered


@pytest.fixture
def service(cast: Cast, endpoint: Endpoint) -> Flow:
    """A service that may exchange what it is sent."""
    return registered(cast, endpoint, EXCHANGE)


def _exchanged(service: Flow, token: str, **changed: str | None) -> Any:
    said: dict[str, str | None] = {
        "grant_type": EXCHANGE,
        "client_id": service.client_id,
        "client_secret": service.secret,
        "subject_token": token,
        "subject_token_type": ACCESS_TOKEN,
    }
    return service.post("token", {name: value for name, value in (said | changed).items() if value is not None})


@pytest.fixture
def token(flow: Flow, person: Client) -> str:
    """Bob's access token, of a client that he let in."""
    return str(flow.tokens(person)["access_token"])


def test_a_service_gets_a_token_of_its_own(service: Flow, flow: Flow, token: str, cast: Cast) -> None:
    first, said = flow.claims(token), _exchanged(service, token).json()
    assert said["issued_token_type"] == ACCESS_TOKEN
    assert "refresh_token" not in said
    claims = service.claims(said["access_token"])
    assert claims["client_id"] == service.client_id
    assert claims["sub"] == str(cast.bob.pk)
    assert claims["grant"] == first["grant"]
    assert claims["aud"] == first["aud"]
    assert claims["scope"] == "mcp:call"
    assert first["exp"] - 1 <= claims["exp"] <= first["exp"]


def test_for_another_endpoint_and_for_less(service: Flow, elsewhere: Flow, token: str) -> None:
    said = _exchanged(service, token, resource=elsewhere.resource, scope="mcp:read").json()
    claims = service.claims(said["access_token"])
    assert claims["aud"] == elsewhere.resource
    assert claims["endpoint"] == str(elsewhere.endpoint.pk)
    assert said["scope"] == claims["scope"] == "mcp:read"
    again = _exchanged(service, said["access_token"], scope="mcp:call")
    assert error_of(again) == "invalid_scope"


def test_a_service_stays_within_what_it_was_registered_for(
    cast: Cast, endpoint: Endpoint, elsewhere: Flow, token: str
) -> None:
    narrow = registered(cast, endpoint, EXCHANGE, scopes="mcp:read", endpoints=[str(endpoint.pk)])
    assert _exchanged(narrow, token).json()["scope"] == "mcp:read"
    assert error_of(_exchanged(narrow, token, resource=elsewhere.resource)) == "invalid_target"


def test_what_a_person_lost_meanwhile_is_not_given(service: Flow, token: str, cast: Cast) -> None:
    with service.inside():
        Membership.objects.filter(user=cast.bob).update(role="viewer")
    assert _exchanged(service, token).json()["scope"] == "mcp:read"
    with service.inside():
        Membership.objects.filter(user=cast.bob).update(deactivated_at=timezone.now())
    assert error_of(_exchanged(service, token)) == "invalid_scope"


def test_an_ended_grant_ends_what_was_exchanged(service: Flow, flow: Flow, token: str) -> None:
    exchanged = _exchanged(service, token).json()["access_token"]
    flow.post("revoke", {"token": token, "client_id": flow.client_id})
    for ended in (token, exchanged):
        assert error_of(_exchanged(service, ended)) == "invalid_request"


def test_removing_the_first_client_ends_what_was_exchanged(
    service: Flow, flow: Flow, token: str, alice: Client, base: str
) -> None:
    exchanged = _exchanged(service, token).json()["access_token"]
    grant = flow.claims(token)["grant"]
    with flow.inside():
        row = McpClient.objects.get(client_id=flow.client_id)
    assert alice.post(f"{base}/clients/{row.pk}/remove/").status_code == 302
    with flow.inside():
        assert Cutoff.objects.filter(subject=f"grant:{grant}").exists()
    assert error_of(_exchanged(service, exchanged)) == "invalid_request"


def test_a_service_cannot_end_the_grant_of_another_client(service: Flow, flow: Flow, token: str) -> None:
    exchanged = _exchanged(service, token).json()["access_token"]
    who = {"client_id": service.client_id, "client_secret": service.secret}
    assert error_of(service.post("revoke", {"token": exchanged} | who)) == "unsupported_token_type"
    with flow.inside():
        assert ClientGrant.objects.get().revoked_at is None


def _unsigned(token: str) -> str:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "none", "typ": "at+jwt"}).encode()).rstrip(b"=").decode()
    return f"{header}.{token.split('.')[1]}."


def test_what_is_no_good_token_is_not_exchanged(service: Flow, flow: Flow, token: str, person: Client) -> None:
    refresh = flow.tokens(person)["refresh_token"]
    for wrong in ("", "x", "a.b.c", token[:-4], token + "A", _unsigned(token), refresh):
        assert error_of(_exchanged(service, token, subject_token=wrong or None)) == "invalid_request"


def test_tokens_of_another_tenant_are_strange(service: Flow, token: str, cast: Cast) -> None:
    stranger = registered(cast, service.endpoint, EXCHANGE, stranger=True)
    assert error_of(_exchanged(stranger, token)) == "invalid_request"
    assert error_of(_exchanged(service, token, client_id=stranger.client_id)) == "invalid_client"


def test_tokens_of_clients_that_act_for_themselves_are_nobodys(cast: Cast, endpoint: Endpoint, service: Flow) -> None:
    agent = registered(cast, endpoint, CLIENT)
    said = {"grant_type": CLIENT, "client_id": agent.client_id, "client_secret": agent.secret}
    own = agent.post("token", said | {"resource": agent.resource}).json()["access_token"]
    assert error_of(_exchanged(service, own)) == "invalid_request"


@pytest.mark.parametrize(
    ("changed", "error"),
    [
        ({"actor_token": "x"}, "invalid_request"),
        ({"actor_token_type": ACCESS_TOKEN}, "invalid_request"),
        ({"audience": "somebody"}, "invalid_request"),
        ({"subject_token_type": None}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"subject_token_type": "urn:ietf:params:oauth:token-type:jwt"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:refresh_token"}, "invalid_request"),
        ({"requested_token_type": "urn:ietf:params:oauth:token-type:id-jag"}, "invalid_request"),
        ({"resource": "https://elsewhere.example/mcp"}, "invalid_target"),
        ({"scope": "openid"}, "invalid_scope"),
        ({"scope": "mcp:call admin"}, "invalid_scope"),
        ({"client_secret": "ams_wrong"}, "invalid_client"),
        ({"client_secret": None}, "invalid_client"),
    ],
)
def test_what_is_asked_wrongly(service: Flow, token: str, changed: dict[str, str | None], error: str) -> None:
    assert error_of(_exchanged(service, token, **changed)) == error


def test_only_clients_that_were_let_exchange(
    cast: Cast, endpoint: Endpoint, flow: Flow, confidential: Flow, token: str
) -> None:
    agent = registered(cast, endpoint, CLIENT)
    assert error_of(_exchanged(agent, token)) == "unauthorized_client"
    assert error_of(_exchanged(confidential, token)) == "unauthorized_client"
    assert error_of(_exchanged(flow, token, client_secret=None)) == "unauthorized_client"
    assert flow.register(grant_types=["authorization_code", EXCHANGE]).json()["grant_types"] == ["authorization_code"]
    with pytest.raises(Refused):
        registered(cast, endpoint, EXCHANGE, auth_method="none")


def test_the_console_registers_such_a_service(alice: Client, base: str, cast: Cast) -> None:
    said = {"name": "Gateway", "acts": "itself", "exchanges": "on", "auth_method": "client_secret_post"}
    assert alice.post(f"{base}/clients/new/", said | {"scopes": "mcp:call"}).status_code == 200
    flow = Flow(cast.tenant, Endpoint())
    with flow.inside():
        assert McpClient.objects.get(name="Gateway").grant_types == [CLIENT, EXCHANGE]
