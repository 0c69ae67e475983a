"""Signing out across both sides: a provider ends what it began, and who leaves here goes on to leave there."""

import time
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from core.tenancy import tenant_context
from tenants.models import SsoSession
from tenants.sso.connections import connection_disable
from tests.conftest import Cast, unique
from tests.console.sso.conftest import Desk, person_in
from tests.console.sso.test_saml import Saml, saml
from tests.saml_messages import (
    OTHER_PAIR,
    PAIR,
    encoded,
    instant,
    logout_request,
    logout_response,
    redirected,
    signed,
)
from tests.sso_provider import LOGOUT_EVENT, OTHER_KEY, entry_of, parameters

__all__ = ["saml"]


def _came(sso: Desk, sub: str, sid: str = "") -> Client:
    browser = Client()
    claims = {"sub": sub} | ({"sid": sid} if sid else {})
    assert sso.log_in(browser, f"{sub}@{sso.domain}", **claims).status_code == 302
    assert person_in(browser) is not None
    return browser


def _told(sso: Desk, token: str) -> HttpResponse:
    return Client().post(f"{sso.base}/backchannel-logout", {"logout_token": token})  # type: ignore[return-value]


def test_a_logout_token_ends_the_session_that_it_names(sso: Desk) -> None:
    sub = unique("u")
    one, two = _came(sso, sub, "sid-1"), _came(sso, sub, "sid-2")
    answer = _told(sso, sso.provider.logout_token(sid="sid-1"))
    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    assert person_in(one) is None
    assert person_in(two) is not None


def test_a_logout_token_that_names_a_person_ends_all_their_sessions(sso: Desk) -> None:
    sub = unique("u")
    sessions, other = [_came(sso, sub, "a"), _came(sso, sub, "b")], _came(sso, unique("v"))
    assert _told(sso, sso.provider.logout_token(sub=sub)).status_code == 200
    assert [person_in(browser) for browser in sessions] == [None, None]
    assert person_in(other) is not None


def test_a_logout_token_is_good_once(sso: Desk) -> None:
    sub = unique("u")
    token = sso.provider.logout_token(sub=sub)
    assert _told(sso, token).status_code == 200
    browser = _came(sso, sub)
    assert _told(sso, token).status_code == 400
    assert person_in(browser) is not None


NOW = int(time.time())
WRONG: dict[str, dict[str, Any]] = {
    "another key": {"key": OTHER_KEY},
    "another issuer": {"iss": "https://evil.example"},
    "another audience": {"aud": "another"},
    "expired": {"exp": NOW - 3600},
    "issued long ago": {"iat": NOW - 7200},
    "no event": {"events": None},
    "another event": {"events": {"https://example.com/event": {}}},
    "an event that is no object": {"events": {LOGOUT_EVENT: 1}},
    "a nonce": {"nonce": "n"},
    "no name of its own": {"jti": None},
    "nobody": {"sub": None},
    "a number": {"sub": 5},
    "a null character": {"sub": "a\0"},
    "another kind of token": {"header": {"typ": "at+jwt"}},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_logout_token_that_is_not_quite_right_ends_nothing(sso: Desk, wrong: dict[str, Any]) -> None:
    sub = unique("u")
    browser = _came(sso, sub)
    answer = _told(sso, sso.provider.logout_token(**({"sub": sub} | wrong)))
    assert answer.status_code == 400
    assert answer.json()["error"] == "invalid_request"  # type: ignore[attr-defined]
    assert person_in(browser) is not None


@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 20_000, "\ud800", "eyJhbGciOiJub25lIn0.e30."])
def test_what_is_no_logout_token_is_refused(sso: Desk, token: str) -> None:
    assert _told(sso, token.encode("utf-8", "replace").decode()).status_code == 400


def test_an_id_token_does_not_end_a_session(sso: Desk) -> None:
    sub = unique("u")
    browser = _came(sso, sub)
    assert _told(sso, sso.provider.issues("n", sub=sub)).status_code == 400
    assert person_in(browser) is not None


def test_who_signs_out_here_goes_on_to_sign_out_there(sso: Desk) -> None:
    browser = _came(sso, unique("u"), "sid-1")
    answer = browser.post("/account/logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/sso/signed-out/")
    page = browser.get("/sso/signed-out/").content.decode()
    url = page.partition('content="0; url=')[2].partition('"')[0].replace("&amp;", "&")
    asked = parameters(url)
    assert url.startswith(f"{sso.provider.issuer}/end?")
    assert asked["id_token_hint"].count(".") == 2
    assert asked["post_logout_redirect_uri"] == "http://localhost:8000/sso/signed-out/"
    assert person_in(browser) is None
    assert "content=" not in browser.get("/sso/signed-out/").content.decode().partition('http-equiv="refresh"')[2]
    with tenant_context(sso.cast.tenant.id):
        assert not SsoSession.objects.exists()


def test_a_password_session_ends_as_it_always_did(sso: Desk) -> None:
    browser = Client()
    browser.force_login(sso.cast.bob)
    assert browser.post("/account/logout/")["Location"] == "/"


def test_a_connection_that_is_switched_off_ends_its_sessions(sso: Desk) -> None:
    browser = _came(sso, unique("u"))
    with tenant_context(sso.cast.tenant.id):
        connection_disable(actor=Cast.acting_inside(sso.cast.alice, sso.cast.tenant), connection_id=sso.connection.pk)
    assert person_in(browser) is None


def _saml_came(saml: Saml, name: str, index: str = "_session") -> Client:
    browser = Client()
    saml.log_in(browser, f"{name}@{saml.domain}", session_index=index)
    assert person_in(browser) is not None
    return browser


def _slo(saml: Saml) -> str:
    return f"http://localhost:8000{saml.path}/slo"


def test_a_saml_request_ends_the_session_that_it_names_and_is_answered(saml: Saml) -> None:
    name = unique("u")
    one, two = _saml_came(saml, name, "_1"), _saml_came(saml, name, "_2")
    xml = logout_request(_slo(saml), f"{name}@{saml.domain}", "_1")
    answer = Client().get(f"{saml.path}/slo?{redirected('SAMLRequest', xml, 'theirs')}")
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://idp.example/slo?")
    told = parameters(answer["Location"])
    assert told["RelayState"] == "theirs"
    assert told["Signature"]
    response = etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(told["SAMLResponse"]))
    assert response.get("InResponseTo") == etree.fromstring(xml).get("ID")
    assert person_in(one) is None
    assert person_in(two) is not None
    repeated = Client().get(f"{saml.path}/slo?{redirected('SAMLRequest', xml, 'theirs')}")
    assert repeated.status_code == 400


def test_a_saml_request_without_an_index_ends_all_of_a_persons_sessions(saml: Saml) -> None:
    name = unique("u")
    sessions = [_saml_came(saml, name, "_1"), _saml_came(saml, name, "_2")]
    xml = logout_request(_slo(saml), f"{name}@{saml.domain}")
    assert Client().get(f"{saml.path}/slo?{redirected('SAMLRequest', xml)}").status_code == 302
    assert [person_in(browser) for browser in sessions] == [None, None]


@pytest.mark.parametrize(
    "case", ["unsigned", "another key", "another issuer", "old", "altered", "another place", "bomb", "both", "nothing"]
)
def test_a_saml_request_that_is_not_quite_right_ends_nothing(saml: Saml, case: str) -> None:
    name = unique("u")
    browser = _saml_came(saml, name)
    where = "https://other.example/slo" if case == "another place" else _slo(saml)
    changes = {"another issuer": {"issuer": "https://evil.example"}, "old": {"instant": instant(-60)}}.get(case, {})
    xml = logout_request(where, f"{name}@{saml.domain}", **changes)
    if case == "bomb":
        xml = xml.replace("</samlp:LogoutRequest>", " " * 5_000_000 + "</samlp:LogoutRequest>")
    query = redirected("SAMLRequest", xml, pair=OTHER_PAIR if case == "another key" else PAIR)
    query = {
        "unsigned": query.partition("&SigAlg")[0],
        "altered": f"{query}&RelayState=added",
        "both": f"{query}&SAMLResponse=AAAA",
        "nothing": "",
    }.get(case, query)
    assert Client().get(f"{saml.path}/slo?{query}").status_code == 400
    assert person_in(browser) is not None


def _left(browser: Client) -> dict[str, str]:
    """Signs out; what the provider is asked then."""
    browser.post("/account/logout/")
    return parameters(entry_of(browser, "/sso/signed-out/"))


def test_who_signs_out_here_signs_out_at_the_saml_provider(saml: Saml) -> None:
    browser = _saml_came(saml, unique("u"), "_1")
    asked = _left(browser)
    request = etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(asked["SAMLRequest"]))
    assert "_1" in etree.tostring(request, encoding="unicode")
    assert asked["Signature"]
    for wrong in (logout_response(_slo(saml), "_another"), logout_response(_slo(saml), request.get("ID"), "urn:no")):
        query = redirected("SAMLResponse", wrong, "another state")
        assert browser.get(f"{saml.path}/slo?{query}").status_code == 400
    query = redirected("SAMLResponse", logout_response(_slo(saml), request.get("ID")), asked["RelayState"])
    answer = browser.get(f"{saml.path}/slo?{query}")
    assert (answer.status_code, answer["Location"]) == (302, "/sso/signed-out/")
    assert browser.get(f"{saml.path}/slo?{query}").status_code == 400


def _posted(saml: Saml, parameter: str, xml: str, browser: Client | None = None, /, **more: str) -> HttpResponse:
    said = {parameter: encoded(xml), **more}
    return (browser or Client()).post(f"{saml.path}/slo", said)  # type: ignore[return-value]


def test_a_posted_saml_request_ends_the_session_that_it_names_and_is_answered(saml: Saml) -> None:
    name = unique("u")
    one, two = _saml_came(saml, name, "_1"), _saml_came(saml, name, "_2")
    xml = logout_request(_slo(saml), f"{name}@{saml.domain}", "_1")
    answer = _posted(saml, "SAMLRequest", signed(xml), RelayState="theirs")
    assert answer.status_code == 302
    assert answer["Location"].startswith("https://idp.example/slo?")
    told = parameters(answer["Location"])
    assert told["RelayState"] == "theirs"
    assert told["Signature"]
    response = etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(told["SAMLResponse"]))
    assert response.get("InResponseTo") == etree.fromstring(xml).get("ID")
    assert response.get("Destination") == "https://idp.example/slo"
    assert person_in(one) is None
    assert person_in(two) is not None
    assert _posted(saml, "SAMLRequest", signed(xml)).status_code == 400
    # Nor in a query, where its signature would be beside it.
    assert Client().get(f"{saml.path}/slo?{redirected('SAMLRequest', xml)}").status_code == 400
    assert _posted(saml, "SAMLRequest", signed(logout_request(_slo(saml), f"{name}@{saml.domain}"))).status_code == 302
    assert person_in(two) is None


def _wrapped_request(xml: str, evil: str) -> str:
    """A request of nobody's around the signed one, which holds that one's signature."""
    root, inside = etree.fromstring(evil), etree.fromstring(xml)
    signature = inside.find("{http://www.w3.org/2000/09/xmldsig#}Signature")
    root.insert(1, signature)
    root.append(inside)
    return str(etree.tostring(root, encoding="unicode"))


POSTED_WRONG = (
    *("unsigned", "another key", "another issuer", "old", "over", "altered", "another place", "no place", "wrapped"),
    *("another connection", "a response", "sha1", "nobody", "a document type", "no base64", "twice", "both", "nothing"),
)


@pytest.mark.parametrize("case", POSTED_WRONG)
def test_a_posted_saml_request_that_is_not_quite_right_ends_nothing(saml: Saml, case: str) -> None:
    name = unique("u")
    browser, email = _saml_came(saml, name), f"{name}@{saml.domain}"
    elsewhere = _slo(saml).replace(str(saml.connection.pk), "00000000-0000-4000-8000-000000000000")
    places = {"another place": "https://other.example/slo", "no place": "", "another connection": elsewhere}
    changes = {"another issuer": {"issuer": "https://evil.example"}, "old": {"instant": instant(-60)}}.get(case, {})
    xml = logout_request(places.get(case, _slo(saml)), "" if case == "nobody" else email, **changes)
    if case == "over":
        xml = xml.replace(' Version="2.0"', f' Version="2.0" NotOnOrAfter="{instant(-1)}"')
    if case == "a response":
        xml = logout_response(_slo(saml), "_1")
    good = signed(xml, OTHER_PAIR if case == "another key" else PAIR)
    good = {
        "unsigned": xml,
        "altered": good.replace(email, f"x{email}"),
        "wrapped": _wrapped_request(good, logout_request(_slo(saml), email)),
        "sha1": signed(xml, PAIR, "http://www.w3.org/2000/09/xmldsig#rsa-sha1"),
        "a document type": f"<!DOCTYPE x [<!ENTITY e 'e'>]>{good}",
    }.get(case, good)
    usual: dict[str, Any] = {"SAMLRequest": encoded(good)}
    wrong: dict[str, dict[str, Any]] = {
        "no base64": {"SAMLRequest": "<x>"},
        "twice": {"SAMLRequest": [encoded(good), encoded(good)]},
        "both": usual | {"SAMLResponse": encoded(good)},
        "nothing": {},
    }
    answer = Client().post(f"{saml.path}/slo", wrong.get(case, usual))
    assert answer.status_code == 400
    assert person_in(browser) is not None


def test_a_request_to_one_connection_is_none_to_another(saml: Saml, cast: Cast) -> None:
    name = unique("u")
    browser = _saml_came(saml, name)
    xml = signed(logout_request(_slo(saml), f"{name}@{saml.domain}"))
    other = f"/sso/connections/{cast.elsewhere.pk}/{saml.connection.pk}/slo"
    assert Client().post(other, {"SAMLRequest": encoded(xml)}).status_code == 404
    assert person_in(browser) is not None


def test_a_posted_answer_to_a_sign_out_is_posted_once_more_and_taken_once(saml: Saml) -> None:
    browser = _saml_came(saml, unique("u"), "_1")
    asked = _left(browser)
    request_id = etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(asked["SAMLRequest"])).get("ID")
    xml = signed(logout_response(_slo(saml), request_id))
    # From the provider's page no session comes along.
    from_elsewhere = _posted(saml, "SAMLResponse", xml, RelayState=asked["RelayState"])
    assert from_elsewhere.status_code == 200
    assert "Signing you out" in from_elsewhere.content.decode()
    again = {"RelayState": asked["RelayState"], "again": "1"}
    assert _posted(saml, "SAMLResponse", xml, None, **again).status_code == 400
    answer = _posted(saml, "SAMLResponse", xml, browser, **again)
    assert (answer.status_code, answer["Location"]) == (302, "/sso/signed-out/")
    assert _posted(saml, "SAMLResponse", xml, browser, **again).status_code == 400


@pytest.mark.parametrize("case", ["unsigned", "another key", "another request", "a failure"])
def test_a_posted_answer_that_is_not_quite_right_is_refused(saml: Saml, case: str) -> None:
    browser = _saml_came(saml, unique("u"), "_1")
    asked = _left(browser)
    request_id = etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(asked["SAMLRequest"])).get("ID")
    request_id = "_another" if case == "another request" else request_id
    status = ["urn:oasis:names:tc:SAML:2.0:status:Responder"] if case == "a failure" else []
    xml = logout_response(_slo(saml), request_id, *status)
    xml = xml if case == "unsigned" else signed(xml, OTHER_PAIR if case == "another key" else PAIR)
    answer = _posted(saml, "SAMLResponse", xml, browser, RelayState=asked["RelayState"], again="1")
    assert answer.status_code == 400


def test_our_metadata_name_both_bindings(saml: Saml) -> None:
    root = etree.fromstring(Client().get(f"{saml.path}/metadata").content)
    found = root.findall(".//{urn:oasis:names:tc:SAML:2.0:metadata}SingleLogoutService")
    assert [element.get("Binding").rpartition(":")[2] for element in found] == ["HTTP-Redirect", "HTTP-POST"]
    assert {element.get("Location") for element in found} == {_slo(saml)}
