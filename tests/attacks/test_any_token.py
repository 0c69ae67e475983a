"""Whatever an identity provider says, and whatever keys it publishes: somebody comes in or is refused, never a 5xx."""

import time
from contextlib import suppress
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from tenants.dns import LookupFailed, texts_at
from tenants.issuers.keys import keys_fetched
from tenants.jwks import TokenRefused, verified
from tests.attacks.conftest import Stage
from tests.attacks.shapes import CLAIMED, DEEP_JSON, KEYS, TEXTS, examples, mutated, mutations, said, written
from tests.conftest import unique
from tests.console.conftest import signed_in
from tests.console.sso.conftest import Desk
from tests.dns_server import Names, names
from tests.proving import signed
from tests.sso_provider import CLIENT_ID, KEY, LOGOUT_EVENT, parameters

__all__ = ["names"]
SHARE = 10
pytestmark = pytest.mark.usefixtures("unpaced")
CLAIMS = [
    "iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "azp", "events", "sid", "jti", "email", "email_verified",
    "name", "groups",
]  # fmt: skip


@examples(SHARE)
@given(
    said(CLAIMS, CLAIMED), mutations("eve@") | TEXTS, st.none() | st.integers(0), st.sampled_from(["login", "trial"])
)
def test_a_provider_says_anything_of_a_person(
    stage: Stage, claims: dict[str, Any], address: str, seed: int | None, purpose: str
) -> None:
    sso, browser = stage.sso, signed_in(stage.cast.alice) if purpose == "trial" else Client()
    asked = _tried(sso, browser) if purpose == "trial" else sso.begun(browser)
    known = {"email": f"{address}{sso.domain}", "email_verified": True, "sub": unique("sub")}
    token = _signed(sso, {"nonce": asked["nonce"], **known, **claims})
    id_token = token if seed is None else mutated(token, seed)
    sso.provider.says("/token", {"token_type": "Bearer", "access_token": "opaque", "id_token": id_token})
    sso.provider.says("/userinfo", written({"sub": known["sub"], **claims}).encode())
    assert sso.back(browser).status_code < 500


def _signed(sso: Desk, claims: dict[str, Any]) -> str:
    """A token with these claims beside what is right."""
    now = int(time.time())
    known = {"iss": sso.provider.issuer, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "jti": unique("id")}
    return signed({"alg": "RS256", "kid": KEY.thumbprint()}, written(known | claims).encode(), KEY)


def _tried(sso: Desk, browser: Client) -> dict[str, str]:
    """Begins a trial, which keeps whatever came."""
    page = browser.post(f"/t/{sso.cast.tenant.slug}/sso/{sso.connection.pk}/try/").content.decode()
    url = page.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    sso.asked = parameters(url)
    return sso.asked


@examples(SHARE)
@given(
    st.one_of(said(["id_token", "access_token", "error", "token_type"]), DEEP_JSON), st.sampled_from([200, 400, 204])
)
def test_a_token_endpoint_answers_anything(stage: Stage, answer: Any, status: int) -> None:
    browser = Client()
    stage.sso.begun(browser)
    stage.sso.provider.says("/token", written(answer).encode(), status)
    assert stage.sso.back(browser).status_code < 500


@examples(SHARE)
@given(st.dictionaries(st.sampled_from(["code", "state", "iss", "error", "error_description", "x"]), TEXTS, max_size=4))
def test_a_browser_brings_any_answer_of_a_provider(stage: Stage, answer: dict[str, str]) -> None:
    browser = Client()
    stage.sso.begun(browser)
    sent = {name: value.encode("utf-8", "surrogatepass") for name, value in answer.items()}
    assert stage.sso.back(browser, **sent).status_code < 500
    assert Client().post(f"{stage.saml.path}/acs", {"SAMLResponse": "x", "RelayState": "x", **sent}).status_code < 500


@examples(SHARE)
@given(said(CLAIMS, CLAIMED), st.none() | st.integers(0))
def test_a_logout_token_says_anything(stage: Stage, claims: dict[str, Any], seed: int | None) -> None:
    token = _signed(stage.sso, {"events": {LOGOUT_EVENT: {}}, **claims})
    sent = token if seed is None else mutated(token, seed).encode("utf-8", "replace")
    answer = Client().post(f"{stage.sso.base}/backchannel-logout", {"logout_token": sent})
    assert answer.status_code in {200, 400}


@examples(SHARE)
@given(st.lists(KEYS, max_size=4), said(["keys", "x"]), st.sampled_from([KEY.thumbprint(), "x"]))
def test_a_key_set_holds_anything(stage: Stage, keys: list[Any], more: dict[str, Any], kid: str) -> None:
    place = f"/{unique('keys')}"
    stage.host.says(place, written({"keys": keys} | more).encode())
    header = {"kid": kid}
    with suppress(TokenRefused):
        verified(
            stage.sso.provider.logout_token(header=header),
            jwks_uri=f"{stage.host.origin}{place}",
            algorithms={"RS256"},
        )
    assert all(isinstance(key["kty"], str) for key in keys_fetched("", f"{stage.host.origin}{place}").keys)


@examples(SHARE)
@given(st.one_of(said(["issuer", "jwks_uri"]), DEEP_JSON), mutations("/a/jwks", "/a") | TEXTS)
def test_an_issuers_metadata_say_anything(stage: Stage, document: Any, path: str) -> None:
    issuer = f"{stage.host.origin}/{unique('idp')}"
    known = {"issuer": issuer, "jwks_uri": f"{stage.host.origin}{path}"}
    for told in (document, known | document if isinstance(document, dict) else known):
        stage.host.says(f"/{issuer.rpartition('/')[2]}/.well-known/openid-configuration", written(told).encode())
        assert keys_fetched(issuer, "").error


@pytest.fixture
def quick_names(names: Names, monkeypatch: pytest.MonkeyPatch) -> Names:
    """A name server that is not waited for."""
    monkeypatch.setattr("tenants.dns.SECONDS", 0.05)
    return names


@examples(SHARE)
@given(st.binary(max_size=80), st.sampled_from(["after", "instead", "cut"]), st.integers(0, 80))
def test_a_name_server_answers_anything(quick_names: Names, octets: bytes, how: str, at: int) -> None:
    """The question is repeated as it came: an answer to another one is none, and is waited out."""
    names = quick_names
    name = f"{unique('any')}.example"
    names.texts[name] = ["v=spf1 -all", "x" * 300]

    def garbled(answer: bytes, question: bytes) -> bytes:
        head = len(question)
        if how == "cut":
            return answer[: max(head, len(answer) - at)]
        return answer[: head + (at if how == "after" else 0)] + octets

    names.garbled = garbled
    with suppress(LookupFailed):
        assert all(isinstance(text, str) for text in texts_at(name))
