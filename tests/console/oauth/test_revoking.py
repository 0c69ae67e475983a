"""Revocation (RFC 7009) and introspection (RFC 7662)."""

from django.test import Client

from tenants.models import Cutoff
from tests.console.oauth.flows import Flow, error_of


def _introspected(flow: Flow, token: str) -> dict[str, object]:
    said = {"token": token, "client_id": flow.client_id, "client_secret": flow.secret}
    answer = flow.post("introspect", said)
    assert answer.status_code == 200
    found: dict[str, object] = answer.json()
    return found


def test_a_client_gives_up_what_it_was_granted(flow: Flow, person: Client) -> None:
    for kind in ("refresh_token", "access_token"):
        tokens = flow.tokens(person)
        answer = flow.post("revoke", {"token": tokens[kind], "client_id": flow.client_id, "token_type_hint": kind})
        assert answer.status_code == 200
        assert error_of(flow.refresh(tokens["refresh_token"])) == "invalid_grant"
        grant = flow.claims(tokens["access_token"])["grant"]
        with flow.inside():
            assert Cutoff.objects.filter(subject=f"grant:{grant}").exists()


def test_an_unknown_token_is_as_good_as_revoked(flow: Flow) -> None:
    for token in ("amr_nothing", "eyJ.eyJ.x", "x"):
        assert flow.post("revoke", {"token": token, "client_id": flow.client_id}).status_code == 200
    assert error_of(flow.post("revoke", {"client_id": flow.client_id})) == "invalid_request"


def test_another_clients_token_is_not_ones_own(flow: Flow, elsewhere: Flow, person: Client) -> None:
    tokens = flow.tokens(person)
    for kind in ("refresh_token", "access_token"):
        answer = elsewhere.post("revoke", {"token": tokens[kind], "client_id": elsewhere.client_id})
        assert error_of(answer) == "invalid_grant"
    assert flow.refresh(tokens["refresh_token"]).status_code == 200


def test_a_client_learns_what_its_tokens_are_good_for(confidential: Flow, person: Client) -> None:
    tokens = confidential.tokens(person)
    for kind in ("refresh_token", "access_token"):
        said = _introspected(confidential, tokens[kind])
        assert said["active"] is True
        assert said["client_id"] == confidential.client_id
        assert said["scope"] == "mcp:call"
        assert said["aud"] == confidential.resource
    confidential.post(
        "revoke",
        {
            "token": tokens["refresh_token"],
            "client_id": confidential.client_id,
            "client_secret": confidential.secret,
        },
    )
    for kind in ("refresh_token", "access_token"):
        assert _introspected(confidential, tokens[kind]) == {"active": False}


def test_introspection_tells_nothing_of_others(confidential: Flow, flow: Flow, person: Client) -> None:
    tokens = flow.tokens(person)
    for token in (tokens["access_token"], tokens["refresh_token"], "nonsense", tokens["access_token"][:-3] + "AAA"):
        assert _introspected(confidential, token) == {"active": False}


def test_who_proves_nothing_may_not_ask(flow: Flow, person: Client) -> None:
    token = flow.tokens(person)["access_token"]
    answer = flow.post("introspect", {"token": token, "client_id": flow.client_id})
    assert error_of(answer) == "unauthorized_client"
