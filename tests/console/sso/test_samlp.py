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
from tests.saml_idp.process import idp_running
from tests.saml_messages import NEXT_PAIR, PAIR, metadata
from tests.sso_provider import connection_made, domain_held, entry_of
from tests.told_host import Host


def _field(name: str, page: str) -> str:
    found = re.search(rf'name="{name}"\s+value="([^"]*)"', page)
    assert found is not None, page
    return html.unescape(found[1])


def _certificate(path: str) -> str:
    """What the provider finds in our metadata to encrypt to, as PEM."""
    root = etree.fromstring(Client().get(f"{path}/metadata").content)
    found = root.xpath("//*[local-name()='KeyDescriptor'][@use='encryption']//*[local-name()='X509Certificate']/text()")
    return str(OneLogin_Saml2_Utils.format_cert(found[0]))


@pytest.mark.system
@pytest.mark.parametrize("encrypted", ["", "aes128-cbc", "aes256-cbc", "aes256-gcm"])
def test_a_response_of_a_real_provider_lets_its_people_in(
    cast: Cast, monkeypatch: pytest.MonkeyPatch, encrypted: str
) -> None:
    email = f"{unique('dora')}@{domain_held(cast.tenant)}"
    with idp_running() as idp:
        monkeypatch.setenv("OUTBOUND_ALLOW", idp.allowed)
        connection = connection_made(cast, "saml", {"metadata_url": idp.metadata_url})
        path = f"/sso/connections/{cast.tenant.id}/{connection.pk}"
        acs, entity = f"http://localhost:8000{path}/acs", f"http://localhost:8000{path}/metadata"
        service = {"acs": acs, "entity": entity}
        service |= {"encryptTo": _certificate(path), "encryptBy": encrypted} if encrypted else {}
        idp.ask(people={"dora": {"email": email, "groups": ["ops", "dev"]}}, service=service)
        browser = Client()
        url = entry_of(browser, f"/sso/{cast.tenant.slug}/")
        shown = httpx.get(url).text
        names = ("SAMLRequest", "RelayState", "Signature", "SigAlg")
        said = {"login": "dora", **{name: _field(name, shown) for name in names}}
        answer = httpx.post(f"{idp.origin}/sso", data=said).text
        back = {name: _field(name, answer) for name in ("SAMLResponse", "RelayState")}
        is_encrypted = b"EncryptedAssertion" in base64.b64decode(back["SAMLResponse"])
        assert is_encrypted is bool(encrypted)
        entered = browser.post(f"{path}/acs", back)
        assert entered.status_code == 302, entered.content.decode()
        assert person_in(browser) == User.objects.get(email=email)


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
