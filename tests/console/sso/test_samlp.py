"""Coming in at a SAML provider that others wrote (npm's samlp), and its metadata as they change."""

import base64
import html
import re

import httpx
import pytest
from django.test import Client
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from core.tenancy import tenant_context
from tenants.models import SsoConnection, User
from tenants.sso.refreshing import metadata_refresh, refreshed
from tests.conftest import Cast, unique
from tests.console.sso.conftest import person_in
from tests.saml_idp.process import Idp, idp_running
from tests.saml_messages import NEXT_PAIR, PAIR, metadata
from tests.sso_provider import connection_made, domain_held, entry_of
from tests.told_host import Host


def _field(name: str, page: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def _certificate(path: str, use: str) -> str:
    """What the provider finds in our metadata for a use, as PEM."""
    root = etree.fromstring(Client().get(f"{path}/metadata").content)
    found = root.xpath(
        "//*[local-name()='KeyDescriptor'][@use=$use]//*[local-name()='X509Certificate']/text()", use=use
    )
    return str(OneLogin_Saml2_Utils.format_cert(found[0]))


@pytest.mark.system
@pytest.mark.parametrize("encrypted", ["", "aes128-cbc", "aes256-cbc", "aes256-gcm"])
def test_a_response_of_a_real_provider_lets_its_people_in(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, encrypted: str
) -> None:
    email = f"{unique('dora')}@{domain_held(cast.tenant)}"
    with idp_running() as idp:
        path = _known(cast, idp, monkeypatch, email, encrypted)
        browser = Client()
        back = _let_in(cast, idp, browser)
        is_encrypted = b"EncryptedAssertion" in base64.b64decode(back["SAMLResponse"])
        assert is_encrypted is bool(encrypted)
        entered = browser.post(f"{path}/acs", back)
        assert entered.status_code == 302, entered.content.decode()
        assert person_in(browser) == User.objects.get(email=email)


@pytest.mark.system
def test_a_real_provider_takes_our_logout_messages_in_forms(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    email = f"{unique('dora')}@{domain_held(cast.tenant)}"
    with idp_running("post") as idp:
        path = _known(cast, idp, monkeypatch, email)
        browser = Client()
        browser.post(f"{path}/acs", _let_in(cast, idp, browser))
        assert (person_in(browser), idp.sessions) == (User.objects.get(email=email), 1)
        browser.post("/account/logout/")
        asked = browser.get("/sso/signed-out/").content.decode()
        said = {name: _field(name, asked) for name in ("SAMLRequest", "RelayState")}
        answer = httpx.post(f"{idp.origin}/slo", data=said)
        assert (answer.status_code, idp.sessions) == (200, 0)
        back = {name: _field(name, answer.text) for name in ("SAMLResponse", "RelayState")}
        left = browser.post(f"{path}/slo", back | {"again": "1"})
        assert (left.status_code, left.get("Location")) == (302, "/sso/signed-out/")


def _known(cast: Cast, idp: Idp, monkeypatch: pytest.MonkeyPatch, email: str, encrypted: str = "") -> str:
    """Has provider and tenant know each other, and Dora; what the addresses of the connection begin with."""
    monkeypatch.setenv("OUTBOUND_ALLOW", idp.allowed)
    connection = connection_made(cast, "saml", {"metadata_url": idp.metadata_url})
    path = f"/sso/connections/{cast.tenant.id}/{connection.pk}"
    service = {name: f"http://localhost:8000{path}/{name}" for name in ("acs", "slo")}
    service |= {"entity": f"http://localhost:8000{path}/metadata", "cert": _certificate(path, "signing")}
    service |= {"encryptTo": _certificate(path, "encryption"), "encryptBy": encrypted} if encrypted else {}
    idp.ask(people={"dora": {"email": email, "groups": ["ops", "dev"]}}, service=service)
    return path


def _let_in(cast: Cast, idp: Idp, browser: Client) -> dict[str, str]:
    """Signs Dora in at the provider; what a browser posts back then."""
    shown = httpx.get(entry_of(browser, f"/sso/{cast.tenant.slug}/")).text
    names = ("SAMLRequest", "RelayState", "Signature", "SigAlg")
    said = {"login": "dora", **{name: _field(name, shown) for name in names}}
    answer = httpx.post(f"{idp.origin}/sso", data=said).text
    return {name: _field(name, answer) for name in ("SAMLResponse", "RelayState")}


def test_new_certificates_come_with_the_metadata(cast: Cast, host: Host) -> None:
    domain_held(cast.tenant)
    host.says("/metadata", metadata(PAIR).encode())
    connection = connection_made(cast, "saml", {"metadata_url": f"{host.origin}/metadata"})
    assert not refreshed(cast.tenant.id, connection.pk)
    host.says("/metadata", metadata(PAIR, NEXT_PAIR).encode())
    metadata_refresh()
    assert _row(cast, connection).config["certificates"] == [PAIR.certificate, NEXT_PAIR.certificate]


@pytest.mark.parametrize(
    "document", [metadata(NEXT_PAIR, entity_id="https://evil.example"), "<html/>", "", metadata(PAIR)[:-20]]
)
def test_metadata_that_are_not_the_providers_change_nothing(cast: Cast, host: Host, document: str) -> None:
    host.says("/metadata", metadata(PAIR).encode())
    connection = connection_made(cast, "saml", {"metadata_url": f"{host.origin}/metadata"})
    host.says("/metadata", document.encode())
    assert not refreshed(cast.tenant.id, connection.pk)
    row = _row(cast, connection)
    assert row.config["certificates"] == [PAIR.certificate]
    assert row.last_error


def _row(cast: Cast, connection: SsoConnection) -> SsoConnection:
    with tenant_context(cast.tenant.id):
        return SsoConnection.objects.get(pk=connection.pk)
