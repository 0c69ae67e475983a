"""Tokens that are bound to a key, at the authorization server (RFC 9449)."""

import base64
import json
from typing import Any

import pytest
from django.test import Client

from tests.console.oauth.flows import Flow
from tests.proving import Prover


def _claims(token: str) -> dict[str, Any]:
    part = token.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


def _proof(flow: Flow, prover: Prover, **changes: Any) -> dict[str, str]:
    return {"DPoP": prover.proof(f"{flow.issuer}/token", **changes)}


def _redeemed(flow: Flow, person: Client, prover: Prover | None, **asked: str) -> Any:
    fields = {
        "grant_type": "authorization_code",
        "code": flow.code(person, **asked),
        "client_id": flow.client_id,
        "redirect_uri": flow.redirect_uri,
        "code_verifier": flow.verifier,
    } | ({"client_secret": flow.secret} if flow.secret else {})
    return flow.post("token", fields, _proof(flow, prover) if prover else None)


def _refreshed(flow: Flow, token: str, prover: Prover | None) -> Any:
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": flow.client_id}
    fields |= {"client_secret": flow.secret} if flow.secret else {}
    return flow.post("token", fields, _proof(flow, prover) if prover else None)


def test_the_metadata_name_the_algorithms(flow: Flow) -> None:
    told = flow.programs().get(f"{flow.base}/.well-known/openid-configuration").json()
    assert told["dpop_signing_alg_values_supported"] == ["ES256", "ES384", "Ed25519", "EdDSA", "PS256", "RS256"]


def test_with_a_proof_tokens_are_bound_to_its_key(flow: Flow, person: Client) -> None:
    prover = Prover()
    answer = _redeemed(flow, person, prover)
    assert answer.status_code == 200, answer.content
    assert answer.json()["token_type"] == "DPoP"
    assert _claims(answer.json()["access_token"])["cnf"] == {"jkt": prover.thumbprint}


def test_a_public_clients_refresh_token_is_good_with_its_key_alone(flow: Flow, person: Client) -> None:
    prover = Prover()
    token = _redeemed(flow, person, prover).json()["refresh_token"]
    for other in (None, Prover()):
        refused = _refreshed(flow, token, other)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    first = _refreshed(flow, token, prover)
    assert first.json()["token_type"] == "DPoP"
    following = first.json()["refresh_token"]
    assert _refreshed(flow, following, Prover()).json()["error"] == "invalid_grant"
    assert _refreshed(flow, following, prover).status_code == 200


def test_a_confidential_client_may_change_its_key(confidential: Flow, person: Client) -> None:
    token = _redeemed(confidential, person, Prover()).json()["refresh_token"]
    other = Prover()
    answer = _refreshed(confidential, token, other)
    assert _claims(answer.json()["access_token"])["cnf"] == {"jkt": other.thumbprint}
    assert _refreshed(confidential, answer.json()["refresh_token"], None).json()["token_type"] == "Bearer"


def test_a_code_may_be_bound_beforehand(flow: Flow, person: Client) -> None:
    prover = Prover()
    for wrong in (None, Prover()):
        refused = _redeemed(flow, person, wrong, dpop_jkt=prover.thumbprint)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert _redeemed(flow, person, prover, dpop_jkt=prover.thumbprint).status_code == 200
    assert flow.consented(person, dpop_jkt="short")["error"] == "invalid_request"


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "GET"}, {"htu": "https://evil.example/token"}, {"iat": 1}, {"jti": None}, {"jti": "x" * 300},
        {"header": {"typ": "JWT"}}, {"header": {"alg": "none"}}, {"header": {"alg": "HS256"}},
        {"header": {"jwk": {"kty": "oct", "k": "AAAA"}}},
    ],
    ids=str,
)  # fmt: skip
def test_a_bad_proof_is_refused_and_uses_nothing_up(flow: Flow, person: Client, changes: dict[str, Any]) -> None:
    prover = Prover()
    token = _redeemed(flow, person, prover).json()["refresh_token"]
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": flow.client_id}
    refused = flow.post("token", fields, _proof(flow, prover, **changes))
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")
    assert _refreshed(flow, token, prover).status_code == 200


def test_a_proof_is_good_once(flow: Flow, person: Client) -> None:
    prover = Prover()
    token = _redeemed(flow, person, prover).json()["refresh_token"]
    proof = _proof(flow, prover)
    fields = {"grant_type": "refresh_token", "refresh_token": token, "client_id": flow.client_id}
    answer = flow.post("token", fields, proof)
    assert answer.status_code == 200
    again = flow.post("token", fields | {"refresh_token": answer.json()["refresh_token"]}, proof)
    assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
    assert _refreshed(flow, answer.json()["refresh_token"], prover).status_code == 200


def test_introspection_tells_what_a_token_is_bound_to(confidential: Flow, person: Client) -> None:
    prover = Prover()
    token = _redeemed(confidential, person, prover).json()["access_token"]
    fields = {"token": token, "client_id": confidential.client_id, "client_secret": confidential.secret}
    told = confidential.post("introspect", fields).json()
    assert (told["token_type"], told["cnf"]) == ("DPoP", {"jkt": prover.thumbprint})
