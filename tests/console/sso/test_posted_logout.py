"""Our own logout messages, at a SAML provider that takes them in forms alone."""

import base64
import html
import re
from typing import Any

import pytest
from django.test import Client
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import SsoConnection
from tenants.sso.connections import configurer, connection_configure
from tenants.sso.saml.documents import SAML, SAMLP
from tests.conftest import Cast, unique
from tests.console.sso.conftest import person_in
from tests.console.sso.test_saml import Saml
from tests.saml_messages import PAIR, encoded, logout_request, logout_response, metadata, redirected, signed
from tests.sso_provider import connection_made, domain_held

PLACE = "https://idp.example/slo"


@pytest.fixture
def saml(cast: Cast) -> Saml:
    """A tenant with a SAML provider that takes logout messages in forms alone."""
    draft = {"metadata_xml": metadata(PAIR, logout=("POST",))}
    return Saml(cast, domain_held(cast.tenant), connection_made(cast, "saml", draft))


def _fields(page: Any) -> tuple[str, dict[str, str]]:
    """Where the form of a page goes, and what it carries there."""
    text = page.content.decode()
    action = re.search(r'<form[^>]* action="([^"]+)"', text)
    assert action is not None, text
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', text)
    return html.unescape(action[1]), {name: html.unescape(value) for name, value in found}


def _read(saml: Saml, text: str) -> etree._Element:
    """A message of ours, whose whole is signed by the key in our metadata."""
    xml = base64.b64decode(text, validate=True)
    root = etree.fromstring(xml)
    with tenant_context(saml.cast.tenant.id):
        own = SsoConnection.objects.get(pk=saml.connection.pk).config["own_certificate"]
    path = f"/samlp:{etree.QName(root).localname}/ds:Signature"
    assert OneLogin_Saml2_Utils.validate_sign(xml, cert=OneLogin_Saml2_Utils.format_cert(own), xpath=path)
    return root


def _came(saml: Saml, index: str = "_1") -> tuple[Client, str]:
    browser, email = Client(), f"{unique('u')}@{saml.domain}"
    saml.log_in(browser, email, session_index=index)
    assert person_in(browser) is not None
    return browser, email


def _policy(page: Any) -> str:
    found = re.search(r"form-action ([^;]+)", page["Content-Security-Policy"])
    assert found is not None
    return found[1]


def test_who_signs_out_here_posts_a_signed_request_to_the_provider(saml: Saml) -> None:
    browser, email = _came(saml, "&lt;1&gt;")
    browser.post("/account/logout/")
    page = browser.get("/sso/signed-out/")
    assert "refresh" not in page.content.decode()
    assert _policy(page) == "'self' https:"
    place, said = _fields(page)
    assert (place, set(said)) == (PLACE, {"SAMLRequest", "RelayState"})
    request = _read(saml, said["SAMLRequest"])
    assert request.tag == f"{{{SAMLP}}}LogoutRequest"
    assert (request.get("Destination"), request.findtext(f"{{{SAML}}}NameID")) == (PLACE, email)
    assert request.findtext(f"{{{SAMLP}}}SessionIndex") == "<1>"
    # Once: the page that follows leads nowhere, and may not either.
    after = browser.get("/sso/signed-out/")
    assert "Sign in again" in after.content.decode()
    assert _policy(after) == "'self'"
    answer = signed(logout_response(f"http://localhost:8000{saml.path}/slo", request.get("ID")))
    told = {"SAMLResponse": encoded(answer), "RelayState": said["RelayState"], "again": "1"}
    assert browser.post(f"{saml.path}/slo", told)["Location"] == "/sso/signed-out/"
    assert browser.post(f"{saml.path}/slo", told).status_code == 400


@pytest.mark.parametrize("how", ["in a form", "in a query"])
def test_a_request_of_the_provider_is_answered_in_a_form(saml: Saml, how: str) -> None:
    browser, email = _came(saml)
    xml = logout_request(f"http://localhost:8000{saml.path}/slo", email)
    if how == "in a form":
        page = Client().post(f"{saml.path}/slo", {"SAMLRequest": encoded(signed(xml)), "RelayState": "their<s>"})
    else:
        page = Client().get(f"{saml.path}/slo?{redirected('SAMLRequest', xml, 'their<s>')}")
    assert (page.status_code, _policy(page)) == (200, "'self' https:")
    assert person_in(browser) is None
    place, said = _fields(page)
    assert (place, said["RelayState"]) == (PLACE, "their<s>")
    response = _read(saml, said["SAMLResponse"])
    assert response.get("InResponseTo") == etree.fromstring(xml).get("ID")
    assert response.get("Destination") == PLACE


@pytest.mark.parametrize(
    ("bindings", "expected"),
    [(("Redirect",), "redirect"), (("POST", "Redirect"), "redirect"), (("SOAP", "POST"), "post"), (("SOAP",), "")],
    ids=["redirect", "both", "post", "soap"],
)
def test_metadata_say_how_logout_messages_go(cast: Cast, bindings: tuple[str, ...], expected: str) -> None:
    config = connection_made(cast, "saml", {"metadata_xml": metadata(PAIR, logout=bindings)}).config
    assert (config["slo_url"], config["slo_binding"]) == (PLACE if expected else "", expected or "redirect")


def test_somebody_may_say_it(cast: Cast) -> None:
    connection = connection_made(cast, "saml", {"metadata_xml": metadata(PAIR)})
    typed = {"entity_id": "https://idp.example", "sso_url": "https://idp.example/sso", "slo_url": PLACE}
    typed |= {"certificates": f"-----BEGIN CERTIFICATE-----\n{PAIR.certificate}\n-----END CERTIFICATE-----"}
    by = configurer(cast.acting(cast.alice))
    for said, stored in (("post", "post"), ("", "redirect")):
        draft = typed | {"slo_binding": said}
        made = connection_configure(by=by, connection_id=connection.pk, draft=draft)
        assert made.config["slo_binding"] == stored
    with pytest.raises(Refused) as refused:
        connection_configure(by=by, connection_id=connection.pk, draft=typed | {"slo_binding": "soap"})
    assert list(refused.value.data["fields"]) == ["slo_binding"]
