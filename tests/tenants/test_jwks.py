"""Keys of other issuers: what is believed, how often they are asked, and what is refused."""

import hmac
import json
import time
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from core import crypto
from tenants.jwks import TokenRefused, verified
from tests.conftest import unique
from tests.told_host import Host, host

__all__ = ["host"]
RSA, OTHER = RSAKey.generate_key(2048), RSAKey.generate_key(2048)


def _public(key: RSAKey | ECKey, kid: str) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": kid, "use": "sig"}


def _token(key: Any = RSA, kid: str | None = "one", alg: str = "RS256") -> str:
    header = {"alg": alg} if kid is None else {"alg": alg, "kid": kid}
    return jwt.encode(header, {"sub": "alice", "exp": time.time() + 60}, key, algorithms=[alg])


def _at(host: Host, *keys: dict[str, Any]) -> str:
    path = f"/{unique('jwks')}"
    host.says(path, {"keys": list(keys)})
    return f"{host.origin}{path}"


def test_a_token_of_a_known_key_is_verified_and_the_keys_are_asked_for_once(host: Host) -> None:
    uri = _at(host, _public(RSA, "one"))
    assert verified(_token(), jwks_uri=uri, algorithms=["RS256"]).claims["sub"] == "alice"
    verified(_token(kid=None), jwks_uri=uri, algorithms=["RS256"])
    assert len(host.asked) == 1


def test_a_new_key_has_them_asked_for_again_but_not_for_every_name_that_is_made_up(host: Host) -> None:
    uri = _at(host, _public(RSA, "one"))
    verified(_token(), jwks_uri=uri, algorithms=["RS256"])
    host.says(uri.removeprefix(host.origin), {"keys": [_public(RSA, "one"), _public(OTHER, "two")]})
    verified(_token(OTHER, "two"), jwks_uri=uri, algorithms=["RS256"])
    for number in range(5):
        with pytest.raises(TokenRefused):
            verified(_token(OTHER, f"made-up-{number}"), jwks_uri=uri, algorithms=["RS256"])
    assert len(host.asked) == 2


def test_another_key_under_the_same_name_is_refused(host: Host) -> None:
    uri = _at(host, _public(RSA, "one"))
    with pytest.raises(TokenRefused):
        verified(_token(OTHER), jwks_uri=uri, algorithms=["RS256"])


def test_a_public_key_is_no_shared_secret(host: Host) -> None:
    uri = _at(host, _public(RSA, "one"))
    signed = b".".join(crypto.encode(json.dumps(part).encode()).encode() for part in ({"alg": "HS256"}, {"sub": "m"}))
    confused = f"{signed.decode()}.{crypto.encode(hmac.digest(RSA.as_pem(private=False), signed, 'sha256'))}"
    with pytest.raises(TokenRefused, match="HS256"):
        verified(confused, jwks_uri=uri, algorithms=["RS256", "HS256"])


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA", "\ud800", "x" * 20_000, "..."],
)
def test_what_is_no_token_is_refused(host: Host, token: str) -> None:
    with pytest.raises(TokenRefused):
        verified(token, jwks_uri=_at(host, _public(RSA, "one")), algorithms=["RS256"])


@pytest.mark.parametrize("document", [[], {}, {"keys": 1}, {"keys": [1]}, {"keys": [{"kty": "RSA"}]}, b"<html>"])
def test_a_key_set_that_is_none_is_refused(host: Host, document: Any) -> None:
    path = f"/{unique('jwks')}"
    host.says(path, document)
    with pytest.raises(TokenRefused):
        verified(_token(), jwks_uri=f"{host.origin}{path}", algorithms=["RS256"])


@pytest.mark.parametrize(
    "uri", ["http://169.254.169.254/keys", "file:///etc/passwd", "http://10.0.0.1/", "https://[::1]/"]
)
def test_keys_are_fetched_through_the_door(uri: str) -> None:
    with pytest.raises(TokenRefused):
        verified(_token(), jwks_uri=uri, algorithms=["RS256"])


def test_a_token_that_names_where_its_key_is_goes_nowhere_else(host: Host) -> None:
    elsewhere = _at(host, _public(OTHER, "one"))
    told = {"alg": "RS256", "kid": "one", "jku": elsewhere, "x5u": elsewhere, "jwk": _public(OTHER, "one")}
    token = jwt.encode(told, {"sub": "mallory"}, OTHER, algorithms=["RS256"])
    with pytest.raises(TokenRefused):
        verified(token, jwks_uri=_at(host, _public(RSA, "one")), algorithms=["RS256"])
    assert elsewhere.removeprefix(host.origin) not in host.asked
