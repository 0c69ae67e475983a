"""SAML messages as an identity provider writes them, signed with a key of the test's; and ways to tamper with them."""

import base64
import copy
import uuid
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape, quoteattr

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from tenants.sso.saml.documents import DS, SAML, SAMLP
from tenants.sso.saml.keys import KeyPair, new_key_pair

PAIR, NEXT_PAIR, OTHER_PAIR = new_key_pair(), new_key_pair(), new_key_pair()
ENTITY_ID = "https://idp.example/saml"
EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"


@dataclass
class Response:
    """A response's values, each of which a test may change; None leaves it out."""

    acs: str
    audience: str | None
    name_id: str
    request_id: str | None = None
    attributes: dict[str, list[str]] = field(default_factory=dict)
    issuer: str = ENTITY_ID
    recipient: str | None = ""
    destination: str | None = ""
    confirmed_request: str | None = ""
    name_format: str = PERSISTENT
    status: str = SUCCESS
    session_index: str = "_session"
    minutes: int = 5
    begins_in: int = -1
    confirmed_minutes: int | None = 5
    assertion_id: str = ""
    pair: KeyPair = PAIR
    signs_assertion: bool = True
    signs_response: bool = False
    algorithm: str = RSA_SHA256

    def __post_init__(self) -> None:
        self.recipient = self.acs if self.recipient == "" else self.recipient
        self.destination = self.acs if self.destination == "" else self.destination
        self.confirmed_request = self.request_id if self.confirmed_request == "" else self.confirmed_request
        self.assertion_id = self.assertion_id or f"_{uuid.uuid4().hex}"

    def assertion(self) -> str:
        """The assertion, signed unless it is not to be."""
        xml = (
            f'<saml:Assertion xmlns:saml="{SAML}" ID="{self.assertion_id}" Version="2.0" IssueInstant="{instant(0)}">'
            f"<saml:Issuer>{escape(self.issuer)}</saml:Issuer><saml:Subject>"
            f'<saml:NameID Format="{self.name_format}">{self.name_id}</saml:NameID>'
            f"{self._confirmation()}</saml:Subject>"
            f'<saml:Conditions NotBefore="{instant(self.begins_in)}" NotOnOrAfter="{instant(self.minutes)}">'
            f"{self._audience()}</saml:Conditions>"
            f'<saml:AuthnStatement AuthnInstant="{instant(0)}" SessionIndex="{self.session_index}">'
            "<saml:AuthnContext><saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password"
            "</saml:AuthnContextClassRef></saml:AuthnContext></saml:AuthnStatement>"
            f"{self._attributes()}</saml:Assertion>"
        )
        return signed(xml, self.pair, self.algorithm) if self.signs_assertion else xml

    def xml(self, *assertions: str) -> str:
        """The response around its assertion, or around others."""
        inside = "".join(assertions) if assertions else self.assertion()
        xml = (
            f'<samlp:Response xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_{uuid.uuid4().hex}" Version="2.0" '
            f'IssueInstant="{instant(0)}"{_attribute("Destination", self.destination)}'
            f"{_attribute('InResponseTo', self.request_id)}><saml:Issuer>{escape(self.issuer)}</saml:Issuer>"
            f'<samlp:Status><samlp:StatusCode Value="{self.status}"/></samlp:Status>{inside}</samlp:Response>'
        )
        return signed(xml, self.pair, self.algorithm) if self.signs_response else xml

    def encoded(self) -> str:
        """The response as a form field."""
        return encoded(self.xml())

    def _confirmation(self) -> str:
        until = None if self.confirmed_minutes is None else instant(self.confirmed_minutes)
        told = f"{_attribute('Recipient', self.recipient)}{_attribute('InResponseTo', self.confirmed_request)}"
        return (
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f"<saml:SubjectConfirmationData{told}{_attribute('NotOnOrAfter', until)}/></saml:SubjectConfirmation>"
        )

    def _audience(self) -> str:
        if self.audience is None:
            return ""
        return f"<saml:AudienceRestriction><saml:Audience>{self.audience}</saml:Audience></saml:AudienceRestriction>"

    def _attributes(self) -> str:
        if not self.attributes:
            return ""
        written = [
            f"<saml:Attribute Name={quoteattr(name)}>"
            + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in values)
            + "</saml:Attribute>"
            for name, values in self.attributes.items()
        ]
        return f"<saml:AttributeStatement>{''.join(written)}</saml:AttributeStatement>"


def _attribute(name: str, value: str | None) -> str:
    return "" if value is None else f" {name}={quoteattr(value)}"


def instant(minutes: float) -> str:
    """A moment so many minutes from now, as SAML writes it."""
    return (datetime.now(UTC) + timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(xml: str) -> str:
    """A document as a form field (HTTP-POST binding)."""
    return base64.b64encode(xml.encode()).decode()


def signed(xml: str, pair: KeyPair = PAIR, algorithm: str = RSA_SHA256) -> str:
    """The document with an enveloped signature."""
    certificate = OneLogin_Saml2_Utils.format_cert(pair.certificate)
    made = OneLogin_Saml2_Utils.add_sign(xml, pair.key, certificate, sign_algorithm=algorithm)
    return made.decode() if isinstance(made, bytes) else str(made)


def redirected(parameter: str, xml: str, relay_state: str = "", pair: KeyPair = PAIR) -> str:
    """The signed query with which a browser carries a message (HTTP-Redirect binding)."""
    squeezed = zlib.compress(xml.encode())[2:-4]
    parts = {parameter: base64.b64encode(squeezed).decode()}
    parts |= {"RelayState": relay_state} if relay_state else {}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in {**parts, "SigAlg": RSA_SHA256}.items())
    key = serialization.load_pem_private_key(pair.key.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signature = key.sign(query.encode(), padding.PKCS1v15(), hashes.SHA256())
    return f"{query}&Signature={quote(base64.b64encode(signature).decode(), safe='')}"


def logout_request(destination: str, name_id: str, index: str = "", **changes: str) -> str:
    """A provider's request that a person be signed out."""
    said = {"issuer": ENTITY_ID, "instant": instant(0), "id": f"_{uuid.uuid4().hex}"} | changes
    return (
        f'<samlp:LogoutRequest xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="{said["id"]}" Version="2.0" '
        f'IssueInstant="{said["instant"]}" Destination="{destination}"><saml:Issuer>{said["issuer"]}</saml:Issuer>'
        f"<saml:NameID>{name_id}</saml:NameID>"
        + (f"<samlp:SessionIndex>{index}</samlp:SessionIndex>" if index else "")
        + "</samlp:LogoutRequest>"
    )


def logout_response(destination: str, request_id: str, status: str = SUCCESS) -> str:
    """A provider's answer to a request of ours."""
    return (
        f'<samlp:LogoutResponse xmlns:samlp="{SAMLP}" xmlns:saml="{SAML}" ID="_{uuid.uuid4().hex}" Version="2.0" '
        f'IssueInstant="{instant(0)}" Destination="{destination}" InResponseTo="{request_id}">'
        f"<saml:Issuer>{ENTITY_ID}</saml:Issuer>"
        f'<samlp:Status><samlp:StatusCode Value="{status}"/></samlp:Status></samlp:LogoutResponse>'
    )


def metadata(pair: KeyPair, *more: KeyPair, entity_id: str = ENTITY_ID, logout: tuple[str, ...] = ("Redirect",)) -> str:
    """A provider's metadata; `logout` are the bindings of its single logout."""
    keys = "".join(
        f'<KeyDescriptor use="signing"><KeyInfo xmlns="{DS}"><X509Data><X509Certificate>{each.certificate}'
        "</X509Certificate></X509Data></KeyInfo></KeyDescriptor>"
        for each in (pair, *more)
    )
    binding = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-"
    logouts = "".join(
        f'<SingleLogoutService Binding="{binding}{name}" Location="https://idp.example/slo"/>' for name in logout
    )
    return (
        f'<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{entity_id}">'
        f'<IDPSSODescriptor protocolSupportEnumeration="{SAMLP}">{keys}'
        f'{logouts}<SingleSignOnService Binding="{binding}Redirect" Location="https://idp.example/sso"/>'
        "</IDPSSODescriptor></EntityDescriptor>"
    )


# Signature wrapping, after "On Breaking SAML" (Somorovsky et al., USENIX Security 2012): the signed element is kept
# somewhere, and an evil one stands where it is read.
type Tampering = Callable[[Any, str], Any]


def _evil(root: Any, name_id: str) -> tuple[Any, Any, Any]:
    """The signed assertion, its signature, and a copy that names another person, without a signature."""
    assertion = root.find(f"{{{SAML}}}Assertion")
    evil = copy.deepcopy(assertion)
    evil.set("ID", "_evil")
    evil.remove(evil.find(f"{{{DS}}}Signature"))
    evil.find(f".//{{{SAML}}}NameID").text = name_id
    for value in evil.iter(f"{{{SAML}}}AttributeValue"):
        value.text = name_id
    return assertion, assertion.find(f"{{{DS}}}Signature"), evil


def _evil_response(root: Any, name_id: str) -> tuple[Any, Any]:
    """The signed response's signature, and a copy of the response that names another person, without one."""
    evil = copy.deepcopy(root)
    evil.set("ID", "_evil-response")
    evil.remove(evil.find(f"{{{DS}}}Signature"))
    evil.find(f".//{{{SAML}}}NameID").text = name_id
    return root.find(f"{{{DS}}}Signature"), evil


def xsw1(root: Any, name_id: str) -> Any:
    """A copy of the signed response inside the signature of the evil one."""
    signature, evil = _evil_response(root, name_id)
    original = copy.deepcopy(root)
    original.remove(original.find(f"{{{DS}}}Signature"))
    moved = copy.deepcopy(signature)
    moved.append(original)
    evil.insert(1, moved)
    return evil


def xsw2(root: Any, name_id: str) -> Any:
    """The signed response before the signature that the evil one holds."""
    signature, evil = _evil_response(root, name_id)
    original = copy.deepcopy(root)
    original.remove(original.find(f"{{{DS}}}Signature"))
    evil.insert(1, copy.deepcopy(signature))
    evil.insert(1, original)
    return evil


def xsw3(root: Any, name_id: str) -> Any:
    """The evil assertion before the signed one."""
    assertion, _signature, evil = _evil(root, name_id)
    assertion.addprevious(evil)
    return root


def xsw4(root: Any, name_id: str) -> Any:
    """The signed assertion inside the evil one."""
    assertion, _signature, evil = _evil(root, name_id)
    root.replace(assertion, evil)
    evil.append(assertion)
    return root


def xsw5(root: Any, name_id: str) -> Any:
    """The evil assertion holds the signature; the signed one stands at the end without it."""
    assertion, signature, evil = _evil(root, name_id)
    root.replace(assertion, evil)
    evil.insert(1, signature)
    root.append(assertion)
    return root


def xsw6(root: Any, name_id: str) -> Any:
    """The evil assertion holds the signature, and the signature the signed assertion."""
    assertion, signature, evil = _evil(root, name_id)
    root.replace(assertion, evil)
    evil.insert(1, signature)
    signature.append(assertion)
    return root


def xsw7(root: Any, name_id: str) -> Any:
    """The evil assertion in Extensions, where schemas look at nothing, before the signed one."""
    assertion, _signature, evil = _evil(root, name_id)
    extensions = etree.Element(f"{{{SAMLP}}}Extensions")
    extensions.append(evil)
    assertion.addprevious(extensions)
    return root


def xsw8(root: Any, name_id: str) -> Any:
    """The signed assertion in an Object of the signature, which the evil assertion holds."""
    assertion, signature, evil = _evil(root, name_id)
    root.replace(assertion, evil)
    evil.insert(1, signature)
    holder = etree.SubElement(signature, f"{{{DS}}}Object")
    holder.append(assertion)
    return root


WRAPPINGS: tuple[Tampering, ...] = (xsw1, xsw2, xsw3, xsw4, xsw5, xsw6, xsw7, xsw8)
ON_RESPONSES = (xsw1, xsw2)


def wrapped(xml: str, tampering: Tampering, name_id: str) -> str:
    """The document after a wrapping."""
    return str(etree.tostring(tampering(etree.fromstring(xml), name_id), encoding="unicode"))
