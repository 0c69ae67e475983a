"""Assertions that the provider encrypts for us: opened with the connection's own key, and held to what all are."""

import base64
from typing import Any

import pytest
import xmlsec
from django.http import HttpResponse
from django.test import Client
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from core.tenancy import tenant_context
from tenants.models import SsoConnection, User
from tenants.sso.saml.documents import DS, SAML
from tenants.sso.saml.encryption import XENC
from tenants.sso.saml.keys import KeyPair
from tenants.sso.saml.login import UNOPENED
from tests.conftest import unique
from tests.console.sso.conftest import person_in
from tests.console.sso.test_saml import Saml, saml
from tests.saml_messages import OTHER_PAIR, Response, encoded

__all__ = ["saml"]  # a fixture

CONTENT = {
    "aes128-cbc": (xmlsec.constants.TransformAes128Cbc, 128),
    "aes256-cbc": (xmlsec.constants.TransformAes256Cbc, 256),
    "aes256-gcm": (xmlsec.constants.TransformAes256Gcm, 256),
}


def _own(saml: Saml) -> str:
    """The certificate that the provider finds in our metadata."""
    xml = etree.fromstring(Client().get(f"{saml.path}/metadata").content)
    found = xml.xpath("//*[local-name()='KeyDescriptor'][@use='encryption']//*[local-name()='X509Certificate']/text()")
    assert len(found) == 1
    return "".join(found[0].split())


def _sealed(assertion: str, certificate: str, content: str = "aes256-cbc", key: Any = None) -> str:
    """An assertion as providers encrypt it."""
    transform, bits = CONTENT[content]
    holder = etree.fromstring(f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>')
    inside = etree.fromstring(assertion)
    holder.append(inside)
    template = xmlsec.template.encrypted_data_create(holder, transform, type=xmlsec.constants.TypeEncElement, ns="xenc")
    xmlsec.template.encrypted_data_ensure_cipher_value(template)
    info = xmlsec.template.encrypted_data_ensure_key_info(template, ns="dsig")
    wrapped = xmlsec.template.add_encrypted_key(info, key or xmlsec.constants.TransformRsaOaep)
    xmlsec.template.encrypted_data_ensure_cipher_value(wrapped)
    manager = xmlsec.KeysManager()
    pem = OneLogin_Saml2_Utils.format_cert(certificate)
    manager.add_key(xmlsec.Key.from_memory(pem, xmlsec.constants.KeyDataFormatCertPem, None))
    context = xmlsec.EncryptionContext(manager)
    context.key = xmlsec.Key.generate(xmlsec.constants.KeyDataAes, bits, xmlsec.constants.KeyDataTypeSession)
    context.encrypt_xml(template, inside)
    return str(etree.tostring(holder, encoding="unicode"))


def _posted(saml: Saml, browser: Client, response: Response, *inside: str) -> HttpResponse:
    return saml.post(browser, encoded(response.xml(*inside)))


def _email(saml: Saml) -> str:
    return f"{unique('dora')}@{saml.domain}"


@pytest.mark.parametrize("content", CONTENT)
@pytest.mark.parametrize("signs_response", [False, True])
def test_an_encrypted_assertion_lets_somebody_in(saml: Saml, content: str, *, signs_response: bool) -> None:
    browser, email = Client(), _email(saml)
    saml.begun(browser)
    response = saml.response(email, signs_response=signs_response)
    answer = _posted(saml, browser, response, _sealed(response.assertion(), _own(saml), content))
    assert answer.status_code == 302, answer.content.decode()
    assert person_in(browser) == User.objects.get(email=email)


def _refused(saml: Saml, browser: Client, response: Response, *inside: str) -> str:
    answer = _posted(saml, browser, response, *inside)
    assert answer.status_code == 400
    assert person_in(browser) is None
    return answer.content.decode()


def test_what_is_wrong_inside_is_not_told_apart(saml: Saml) -> None:
    """Neither where it cannot be opened, nor where its signature does not hold (Jager and Somorovsky, CCS 2011)."""
    email, own = _email(saml), _own(saml)

    def told(inside: Any) -> str:
        browser = Client()
        saml.begun(browser)
        response = saml.response(email)
        page = _refused(saml, browser, response, inside(response))
        assert UNOPENED in page
        return UNOPENED

    def flipped(response: Response) -> str:
        root = etree.fromstring(_sealed(response.assertion(), own))
        value = root.find(f"{{{XENC}}}EncryptedData/{{{XENC}}}CipherData/{{{XENC}}}CipherValue")
        raw = bytearray(base64.b64decode(value.text))
        raw[-20] ^= 1
        value.text = base64.b64encode(bytes(raw)).decode()
        return str(etree.tostring(root, encoding="unicode"))

    unsigned = saml.response(email, signs_assertion=False)
    others = saml.response(email, pair=OTHER_PAIR)
    ways = [
        lambda response: _sealed(response.assertion(), OTHER_PAIR.certificate),
        flipped,
        lambda _response: _sealed(unsigned.assertion(), own),
        lambda _response: _sealed(others.assertion(), own),
        lambda _response: _sealed("<nothing/>", own),
    ]
    assert {told(way) for way in ways} == {UNOPENED}


def _without_oaep(sealed: str) -> str:
    return sealed.replace("rsa-oaep-mgf1p", "rsa-1_5")


def _elsewhere(sealed: str) -> str:
    root = etree.fromstring(sealed)
    data = root.find(f"{{{XENC}}}EncryptedData/{{{XENC}}}CipherData")
    data.clear()
    etree.SubElement(data, f"{{{XENC}}}CipherReference", URI="http://169.254.169.254/")
    return str(etree.tostring(root, encoding="unicode"))


def _fetched_key(sealed: str) -> str:
    root = etree.fromstring(sealed)
    info = root.find(f"{{{XENC}}}EncryptedData/{{{DS}}}KeyInfo")
    etree.SubElement(info, f"{{{DS}}}RetrievalMethod", URI="http://169.254.169.254/", Type=f"{XENC}EncryptedKey")
    return str(etree.tostring(root, encoding="unicode"))


@pytest.mark.parametrize(
    "tamper",
    [
        _without_oaep,
        _elsewhere,
        _fetched_key,
        lambda sealed: sealed.replace("aes256-cbc", "tripledes-cbc"),
        lambda sealed: sealed * 2,
        lambda _sealed: f'<saml:EncryptedAssertion xmlns:saml="{SAML}"/>',
    ],
)
def test_encryption_that_is_not_taken(saml: Saml, tamper: Any) -> None:
    browser, email = Client(), _email(saml)
    saml.begun(browser)
    response = saml.response(email)
    assert UNOPENED in _refused(saml, browser, response, tamper(_sealed(response.assertion(), _own(saml))))


def test_one_in_clear_beside_it_is_refused(saml: Saml) -> None:
    browser, email = Client(), _email(saml)
    saml.begun(browser)
    response = saml.response(email)
    _refused(saml, browser, response, response.assertion(), _sealed(response.assertion(), _own(saml)))


def test_it_is_good_once_and_for_this_login(saml: Saml) -> None:
    browser, email = Client(), _email(saml)
    saml.begun(browser)
    response = saml.response(email)
    sealed = _sealed(response.assertion(), _own(saml))
    assert _posted(saml, browser, response, sealed).status_code == 302
    again = Client()
    saml.begun(again)
    _refused(saml, again, saml.response(email), sealed)


def test_the_key_is_the_connections_own(saml: Saml) -> None:
    with tenant_context(saml.cast.tenant.id):
        row = SsoConnection.objects.get()
    assert _own(saml) == row.config["own_certificate"]
    assert isinstance(OTHER_PAIR, KeyPair)
    assert OTHER_PAIR.key not in str(row.config) + row.sealed
