"""Coming in at a SAML provider: by what it signed for this login, and by nothing that is made of it."""

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from core.tenancy import tenant_context
from tenants.models import SsoConnection, User
from tenants.sso.saml.documents import MAXIMUM_BYTES, SAML
from tests.conftest import Cast, unique
from tests.console.sso.conftest import person_in
from tests.saml_messages import (
    EMAIL_FORMAT,
    NEXT_PAIR,
    ON_RESPONSES,
    OTHER_PAIR,
    PAIR,
    WRAPPINGS,
    Response,
    Tampering,
    encoded,
    metadata,
    signed,
    wrapped,
)
from tests.sso_provider import connection_made, domain_held, entry_of, parameters


@dataclass
class Saml:
    """Alice's tenant, whose people sign in at a SAML provider."""

    cast: Cast
    domain: str
    connection: SsoConnection
    state: str = ""
    request_id: str = ""

    @property
    def acs(self) -> str:
        """Where responses are posted."""
        return f"http://localhost:8000{self.path}/acs"

    @property
    def path(self) -> str:
        """What all addresses of the connection begin with."""
        return f"/sso/connections/{self.cast.tenant.id}/{self.connection.pk}"

    def begun(self, browser: Client) -> dict[str, str]:
        """Begins a login; what the provider is asked."""
        asked = parameters(entry_of(browser, f"/sso/{self.cast.tenant.slug}/{self.connection.pk}/"))
        xml = OneLogin_Saml2_Utils.decode_base64_and_inflate(asked["SAMLRequest"])
        self.state, self.request_id = asked["RelayState"], etree.fromstring(xml).get("ID")
        return asked

    def response(self, email: str, **changes: Any) -> Response:
        """The answer to the login that began last."""
        usual: dict[str, Any] = {"audience": f"http://localhost:8000{self.path}/metadata", "name_id": email}
        usual |= {"name_format": EMAIL_FORMAT, "request_id": self.request_id or None}
        return Response(acs=self.acs, **(usual | changes))

    def post(self, browser: Client, text: str, **fields: str) -> HttpResponse:
        """What our own page posts again."""
        said = {"SAMLResponse": text, "RelayState": self.state, "again": "1"} | fields
        return browser.post(f"{self.path}/acs", said)  # type: ignore[return-value]

    def log_in(self, browser: Client, email: str, **changes: Any) -> HttpResponse:
        """A whole login."""
        self.begun(browser)
        return self.post(browser, self.response(email, **changes).encoded())


@pytest.fixture
def saml(cast: Cast) -> Saml:
    """A tenant with a SAML provider."""
    draft = {"metadata_xml": metadata(PAIR)}
    return Saml(cast, domain_held(cast.tenant), connection_made(cast, "saml", draft))


def _email(saml: Saml) -> str:
    return f"{unique('dora')}@{saml.domain}"


def test_somebody_new_becomes_a_member(saml: Saml) -> None:
    browser, email = Client(), _email(saml)
    attributes = {"displayName": ["Dora"], "groups": ["dev", "ops"]}
    answer = saml.log_in(browser, email, attributes=attributes)
    assert (answer.status_code, answer["Location"]) == (302, f"/t/{saml.cast.tenant.slug}/")
    user = User.objects.get(email=email)
    assert person_in(browser) == user
    assert user.name == "Dora"


def test_the_request_is_signed_and_says_who_asks(saml: Saml) -> None:
    asked = saml.begun(Client())
    assert asked["SigAlg"].endswith("rsa-sha256")
    assert asked["Signature"]
    root = etree.fromstring(OneLogin_Saml2_Utils.decode_base64_and_inflate(asked["SAMLRequest"]))
    assert root.get("AssertionConsumerServiceURL") == saml.acs
    assert root.findtext(f"{{{SAML}}}Issuer") == f"http://localhost:8000{saml.path}/metadata"


def test_a_response_from_elsewhere_is_posted_again_by_a_page_of_ours(saml: Saml) -> None:
    """Browsers send no session with a post from another site."""
    browser, email = Client(), _email(saml)
    saml.begun(browser)
    response = saml.response(email).encoded()
    page = Client().post(f"{saml.path}/acs", {"SAMLResponse": response, "RelayState": saml.state})
    assert page.status_code == 200
    assert response in page.content.decode()
    assert person_in(browser) is None
    assert saml.post(browser, response).status_code == 302
    assert person_in(browser) == User.objects.get(email=email)


def test_a_response_and_its_assertion_may_both_be_signed(saml: Saml) -> None:
    assert saml.log_in(Client(), _email(saml), signs_response=True).status_code == 302


def test_an_address_may_stand_in_an_attribute(saml: Saml) -> None:
    email = _email(saml)
    browser = Client()
    told = {"name_id": "u-1", "name_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"}
    saml.log_in(browser, email, **told, attributes={"mail": [email]})
    assert person_in(browser) == User.objects.get(email=email)


WRONG: dict[str, dict[str, Any]] = {
    "unsigned": {"signs_assertion": False},
    "response alone is signed": {"signs_assertion": False, "signs_response": True},
    "another key": {"pair": OTHER_PAIR},
    "SHA-1": {"algorithm": "http://www.w3.org/2000/09/xmldsig#rsa-sha1"},
    "another issuer": {"issuer": "https://evil.example"},
    "another audience": {"audience": "https://other.example/metadata"},
    "no audience": {"audience": None},
    "another recipient": {"recipient": "https://other.example/acs"},
    "a recipient that holds ours": {"recipient": "https://evil.example/?{acs}"},
    "no recipient": {"recipient": None},
    "another destination": {"destination": "https://other.example/acs"},
    "a destination that begins as ours": {"destination": "{acs}.evil"},
    "expired": {"minutes": -10},
    "confirmation expired": {"confirmed_minutes": -10},
    "confirmation without an end": {"confirmed_minutes": None},
    "not good yet": {"begins_in": 30},
    "another request": {"request_id": "_another"},
    "no request": {"request_id": None},
    "confirmation of another request": {"confirmed_request": "_another"},
    "confirmation of no request": {"confirmed_request": None},
    "no success": {"status": "urn:oasis:names:tc:SAML:2.0:status:Responder"},
    "transient name": {"name_format": "urn:oasis:names:tc:SAML:2.0:nameid-format:transient"},
    "no name": {"name_id": ""},
    "address at another domain": {"name_id": "ceo@other.example"},
    "address of two": {"name_id": "ceo@other.example@{domain}"},
}


@pytest.mark.parametrize("wrong", WRONG.values(), ids=WRONG.keys())
def test_a_response_that_is_not_quite_right_lets_nobody_in(saml: Saml, wrong: dict[str, Any]) -> None:
    def filled(value: Any) -> Any:
        return value.format(acs=saml.acs, domain=saml.domain) if isinstance(value, str) else value

    browser, before = Client(), User.objects.count()
    answer = saml.log_in(browser, _email(saml), **{name: filled(value) for name, value in wrong.items()})
    assert answer.status_code == 400
    assert person_in(browser) is None
    assert User.objects.count() == before


@pytest.mark.parametrize("tampering", WRAPPINGS, ids=lambda each: each.__name__)
def test_what_is_wrapped_around_a_signature_is_not_believed(saml: Saml, tampering: Tampering) -> None:
    browser, victim = Client(), _email(saml)
    saml.begun(browser)
    both = tampering in ON_RESPONSES
    genuine = saml.response(_email(saml), signs_response=both)
    answer = saml.post(browser, encoded(wrapped(genuine.xml(), tampering, victim)))
    assert answer.status_code == 400
    assert person_in(browser) is None
    assert not User.objects.filter(email=victim).exists()


def _replaced(old: str, new: str) -> Callable[[str], str]:
    def act(xml: str) -> str:
        assert old in xml
        return xml.replace(old, new, 1)

    return act


def _second_assertion(xml: str) -> str:
    root = etree.fromstring(xml)
    root.append(etree.fromstring(signed(etree.tostring(root.find(f"{{{SAML}}}Assertion"), encoding="unicode"))))
    return str(etree.tostring(root, encoding="unicode"))


TRANSFORM = '<ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
XPATH = (
    '<ds:Transform Algorithm="http://www.w3.org/TR/1999/REC-xpath-19991116"><ds:XPath>not(ancestor-or-self::*)'
    "</ds:XPath></ds:Transform>"
)
TAMPERED: dict[str, Callable[[str], str]] = {
    "a document type": lambda xml: f"<!DOCTYPE samlp:Response>{xml}",
    "an external entity": lambda xml: f'<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]>{xml}'.replace(
        "</saml:NameID>", "&x;</saml:NameID>"
    ),
    "entities that grow": lambda xml: f'<!DOCTYPE r [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>{xml}',
    "a transform that hides": _replaced(TRANSFORM, XPATH),
    "an ID that stands twice": _replaced("<saml:Conditions", '<saml:Conditions ID="{id}"'),
    "a reference to the whole": _replaced('URI="#', 'URI="" x="'),
    "an added attribute": _replaced("</saml:Subject>", "</saml:Subject><saml:Advice/>"),
    "another name": _replaced("</saml:NameID>", ".evil</saml:NameID>"),
    "the assertion twice": _second_assertion,
    "no XML": lambda _xml: "<samlp:Response",
    "HTML": lambda _xml: "<html><body>Sign in</body></html>",
    "another root": _replaced("samlp:Response", "samlp:ArtifactResponse"),
    "nothing": lambda _xml: " ",
    "null bytes": lambda xml: xml.replace("Version", "\0"),
}


@pytest.mark.parametrize("tampered", TAMPERED.values(), ids=TAMPERED.keys())
def test_a_tampered_response_lets_nobody_in(saml: Saml, tampered: Callable[[str], str]) -> None:
    browser = Client()
    saml.begun(browser)
    genuine = saml.response(_email(saml))
    xml = tampered(genuine.xml()).replace("{id}", genuine.assertion_id)
    assert saml.post(browser, encoded(xml)).status_code == 400
    assert person_in(browser) is None


def test_a_comment_in_a_name_does_not_cut_it(saml: Saml) -> None:
    """What was signed is the whole name, which is no address of this tenant's."""
    browser, victim = Client(), _email(saml)
    name = f"{victim}<!-- -->.evil.example"
    assert saml.log_in(browser, victim, name_id=name).status_code == 400
    assert person_in(browser) is None
    assert not User.objects.filter(email=victim).exists()


@pytest.mark.parametrize(
    "text",
    [
        *("!", "AAAA", "=", "\u00e4", "A" * (MAXIMUM_BYTES * 2)),
        *(base64.b64encode(raw).decode() for raw in (b"\xff\xfe<\0", b"<a>" * 20_000, b"<a/>" * 3)),
    ],
)
def test_what_is_no_document_is_refused(saml: Saml, text: str) -> None:
    browser = Client()
    saml.begun(browser)
    assert saml.post(browser, text).status_code in {400, 413}
    assert saml.post(browser, "").status_code == 400
    assert person_in(browser) is None


def test_an_assertion_is_good_once(saml: Saml) -> None:
    """The same response, in the browser that it was for and in another, after its login and before any."""
    saml.connection.takes_unsolicited = True
    with tenant_context(saml.cast.tenant.id):
        saml.connection.save()
    response = saml.response(_email(saml)).encoded()
    saml.state = ""
    assert saml.post(Client(), response).status_code == 302
    for browser in (Client(), Client()):
        answer = saml.post(browser, response)
        assert answer.status_code == 400
        assert "used before" in answer.content.decode()
        assert person_in(browser) is None


def test_an_answer_is_taken_once_and_where_it_was_asked_for(saml: Saml) -> None:
    browser, stranger = Client(), Client()
    saml.begun(browser)
    response = saml.response(_email(saml)).encoded()
    assert saml.post(stranger, response).status_code == 400
    assert saml.post(browser, response).status_code == 302
    assert saml.post(browser, response).status_code == 400
    assert person_in(stranger) is None


def test_a_login_that_nobody_began_here_counts_where_somebody_said_so_alone(saml: Saml) -> None:
    email = _email(saml)
    browser = Client()
    assert saml.post(browser, saml.response(email).encoded()).status_code == 400
    assert person_in(browser) is None
    with tenant_context(saml.cast.tenant.id):
        saml.connection.takes_unsolicited = True
        saml.connection.save()
    assert saml.post(browser, saml.response(email).encoded()).status_code == 302
    assert person_in(browser) == User.objects.get(email=email)
    answering = saml.response(_email(saml), request_id="_of-another").encoded()
    assert saml.post(Client(), answering).status_code == 400


def test_a_response_for_one_connection_does_not_do_at_another(saml: Saml) -> None:
    other = connection_made(saml.cast, "saml", {"metadata_xml": metadata(PAIR)}, takes_unsolicited=True)
    response = saml.response(_email(saml)).encoded()
    path = f"/sso/connections/{saml.cast.tenant.id}/{other.pk}/acs"
    assert Client().post(path, {"SAMLResponse": response, "again": "1"}).status_code == 400


def test_a_response_posted_to_a_connection_that_is_not_there_finds_nothing(saml: Saml) -> None:
    path = f"/sso/connections/{saml.cast.elsewhere.id}/{saml.connection.pk}/acs"
    assert Client().post(path, {"SAMLResponse": "AAAA"}).status_code == 404


def test_both_certificates_count_while_one_replaces_the_other(cast: Cast) -> None:
    draft = {"metadata_xml": metadata(PAIR, NEXT_PAIR)}
    saml = Saml(cast, domain_held(cast.tenant), connection_made(cast, "saml", draft))
    assert saml.log_in(Client(), _email(saml), pair=PAIR).status_code == 302
    assert saml.log_in(Client(), _email(saml), pair=NEXT_PAIR).status_code == 302
    assert saml.log_in(Client(), _email(saml), pair=OTHER_PAIR).status_code == 400


def test_our_metadata_say_what_a_provider_needs(saml: Saml) -> None:
    answer = Client().get(f"{saml.path}/metadata")
    assert answer["Content-Type"] == "application/samlmetadata+xml"
    root = etree.fromstring(answer.content)
    assert root.get("entityID") == f"http://localhost:8000{saml.path}/metadata"
    assert saml.acs in answer.content.decode()
    assert 'WantAssertionsSigned="true"' in answer.content.decode()
    assert "PRIVATE" not in answer.content.decode()
