"""A login at a SAML provider: the request that a browser carries there, and what comes of its response.

The library checks signatures and most of the profile. What it leaves open (a recipient that merely contains ours, an
audience or an expiry that is not there, an answer to nothing) is closed here: SAML 2.0 profiles section 4.1.4.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.response import OneLogin_Saml2_Response

from tenants.sso.checks import MAXIMUM_SUBJECT, Asserted, CheckFailed, Trace, groups_of
from tenants.sso.saml.config import SamlSettings, described_to_library
from tenants.sso.saml.documents import (
    SAML,
    SAMLP,
    BadDocument,
    decoded,
    moment,
    parsed,
    require_moments,
    require_plain_signatures,
)
from tenants.sso.saml.encryption import is_encrypted, opened, require_accepted

BEARER = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
EMAIL_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
LEEWAY_SECONDS = 300  # as the library allows, for clocks that drift
LONGEST_NAME = 100
UNOPENED = "The encrypted assertion cannot be opened, or its signature does not hold."
_CLAIMS = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/"
# What common providers call them, where nothing is configured.
EMAIL = ("email", "mail", "emailAddress", f"{_CLAIMS}emailaddress", "urn:oid:0.9.2342.19200300.100.1.3")
NAME = ("displayName", "name", f"{_CLAIMS}name", "urn:oid:2.16.840.1.113730.3.1.241")
GROUPS = (
    "groups",
    "memberOf",
    "http://schemas.xmlsoap.org/claims/Group",
    "http://schemas.microsoft.com/ws/2008/06/identity/claims/groups",
)


class Responded(NamedTuple):
    """Whom a response vouches for; `assertion_id` is good once until `expires_at`."""

    asserted: Asserted
    assertion_id: str
    expires_at: datetime


def request_url(settings: SamlSettings, state: str) -> tuple[str, str]:
    """Where the person is sent with a signed request (HTTP-Redirect binding), and the request's ID."""
    auth = OneLogin_Saml2_Auth(described_to_library(settings.acs), settings.library)
    url = str(auth.login(return_to=state))
    return url, str(auth.get_last_request_id())


def response_asserted(settings: SamlSettings, text: str, *, request_id: str, trace: Trace) -> Responded:
    """Whom a response vouches for. `request_id` is what it has to answer; "": nobody asked, and that is accepted.

    Raises CheckFailed; `trace` holds the checks up to the one that failed.
    """
    root = _document(text, trace)
    _require_success(root, trace)
    _require_answer(root, request_id, trace)
    _require_destination(root, settings.acs, trace)
    if is_encrypted(root):
        assertion, response = _opened(settings, root, text, request_id, trace)
    else:
        assertion = _only_assertion(root, trace)
        _note_what_came(root, assertion, trace)
        response = _verified(settings, text, request_id, trace)
    expires_at = _require_for_us(settings, assertion, request_id, trace)
    try:
        asserted = _asserted(settings, response, trace)
    except OneLogin_Saml2_ValidationError as error:
        raise trace.failed("attributes", f"{error}.") from None
    return Responded(asserted, str(assertion.get("ID")), expires_at)


def _document(text: str, trace: Trace) -> Any:
    try:
        root = parsed(decoded(text))
        if root.tag != f"{{{SAMLP}}}Response":
            raise BadDocument("It is no SAML response.")
        require_moments(root)
        require_plain_signatures(root)
    except BadDocument as bad:
        raise trace.failed("document", str(bad)) from None
    trace.require("document", "", holds=True)
    return root


def _opened(
    settings: SamlSettings, root: Any, text: str, request_id: str, trace: Trace
) -> tuple[Any, OneLogin_Saml2_Response]:
    """The assertion inside an encrypted one, genuine. Whoever tampers with one is told the same whatever was wrong."""
    try:
        try:
            require_accepted(root)
            inside = opened(settings.library, text)
        except BadDocument as bad:
            raise trace.failed("encryption", str(bad)) from None
        trace.require("encryption", "", holds=True)
        assertion = _only_assertion(inside, trace)
        _note_what_came(root, assertion, trace)
        return assertion, _verified(settings, text, request_id, trace)
    except CheckFailed:
        raise CheckFailed(UNOPENED) from None


def _require_success(root: Any, trace: Trace) -> None:
    code = root.find(f"{{{SAMLP}}}Status/{{{SAMLP}}}StatusCode")
    status = code.get("Value", "") if code is not None else ""
    trace.require("status", "The provider did not let the person in.", holds=status.endswith(":Success"), came=status)


def _only_assertion(root: Any, trace: Trace) -> Any:
    everywhere, direct = list(root.iter(f"{{{SAML}}}Assertion")), root.findall(f"{{{SAML}}}Assertion")
    holds = len(everywhere) == len(direct) == 1
    trace.require("assertions", "A response holds exactly one.", holds=holds, came=len(everywhere))
    return direct[0]


def _note_what_came(root: Any, assertion: Any, trace: Trace) -> None:
    """What a trial shows of a response, whatever becomes of it."""
    trace.said["Issuer"] = assertion.findtext(f"{{{SAML}}}Issuer", "")
    trace.said["NameID"] = assertion.findtext(f"{{{SAML}}}Subject/{{{SAML}}}NameID", "")
    trace.said["InResponseTo"] = root.get("InResponseTo", "")
    for attribute in assertion.iter(f"{{{SAML}}}Attribute"):
        values = [value.text or "" for value in attribute.findall(f"{{{SAML}}}AttributeValue")]
        trace.said[attribute.get("Name", "")] = values if len(values) != 1 else values[0]


def _require_answer(root: Any, request_id: str, trace: Trace) -> None:
    answered = root.get("InResponseTo", "")
    sentence = "It does not answer the login that began here." if request_id else "It answers a login of another."
    trace.require("InResponseTo", sentence, holds=answered == request_id, came=answered)


def _require_destination(root: Any, acs: str, trace: Trace) -> None:
    """SAML 2.0 bindings section 3.5.5.2: where it is named, it is exactly where the response arrived."""
    told = root.get("Destination")
    trace.require("Destination", f"It has to be {acs}.", holds=told is None or told == acs, came=told)


def _verified(settings: SamlSettings, text: str, request_id: str, trace: Trace) -> OneLogin_Saml2_Response:
    try:
        response = OneLogin_Saml2_Response(settings.library, "".join(text.split()))
        response.is_valid(described_to_library(settings.acs), request_id or None, raise_exceptions=True)
    except (OneLogin_Saml2_ValidationError, OneLogin_Saml2_Error) as error:
        raise trace.failed("signature and profile", f"{str(error).rstrip('.')}.") from None
    except (etree.LxmlError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        raise trace.failed("signature and profile", "The response cannot be read as SAML 2.0 has it.") from None
    trace.require("signature and profile", "", holds=True)
    return response


def _require_for_us(settings: SamlSettings, assertion: Any, request_id: str, trace: Trace) -> datetime:
    """Checks audience, recipient and time of an assertion that is genuine; when it expires."""
    audiences = [element.text or "" for element in assertion.iter(f"{{{SAML}}}Audience")]
    sentence = f"It has to name {settings.entity_id}."
    trace.require("Audience", sentence, holds=settings.entity_id in audiences, came=", ".join(audiences))
    path = f"{{{SAML}}}Subject/{{{SAML}}}SubjectConfirmation[@Method='{BEARER}']/{{{SAML}}}SubjectConfirmationData"
    data = assertion.findall(path)
    trace.require("SubjectConfirmation", "There has to be one, of the method bearer.", holds=len(data) == 1)
    told: Mapping[str, str] = data[0].attrib
    recipient, answered = told.get("Recipient", ""), told.get("InResponseTo", "")
    trace.require("Recipient", f"It has to be {settings.acs}.", holds=recipient == settings.acs, came=recipient)
    sentence = "It does not answer the login that began here."
    trace.require("SubjectConfirmation: InResponseTo", sentence, holds=answered == request_id, came=answered)
    until = told.get("NotOnOrAfter", "")
    trace.require("NotOnOrAfter", "The assertion has to say until when it is good.", holds=bool(until), came=until)
    end = moment(until) + timedelta(seconds=LEEWAY_SECONDS)
    trace.require("expiry", "The assertion has expired.", holds=datetime.now(UTC) < end, came=until)
    return end


def _asserted(settings: SamlSettings, response: OneLogin_Saml2_Response, trace: Trace) -> Asserted:
    attributes: dict[str, list[Any]] = response.get_attributes()
    name_id, name_format = str(response.get_nameid() or ""), response.get_nameid_format()
    named = 0 < len(name_id) <= MAXIMUM_SUBJECT and name_id.isprintable()
    trace.require("NameID", "It names nobody.", holds=named, came=name_id)
    transient = str(name_format or "").endswith(":transient")
    sentence = "It is another at each login (transient): have the provider send one that stays."
    trace.require("NameID: format", sentence, holds=not transient, came=name_format)
    email = _first(attributes, settings.email_attribute, EMAIL)
    if not email and not settings.email_attribute and (name_format == EMAIL_FORMAT or "@" in name_id):
        email = name_id
    return Asserted(
        subject=name_id,
        email=email,
        name=_first(attributes, settings.name_attribute, NAME)[:LONGEST_NAME],
        groups=groups_of(_values(attributes, settings.groups_attribute, GROUPS)),
        index=str(response.get_session_index() or ""),
        hint=str(name_format or ""),
    )


def _values(attributes: dict[str, list[Any]], configured: str, usual: Sequence[str]) -> list[Any]:
    """The values of the attribute that is configured, else of the first usual one that is there."""
    names = [configured] if configured else usual
    return next((attributes[name] for name in names if attributes.get(name)), [])


def _first(attributes: dict[str, list[Any]], configured: str, usual: Sequence[str]) -> str:
    values = [value for value in _values(attributes, configured, usual) if isinstance(value, str)]
    text = values[0].strip() if values else ""
    return text if text.isprintable() and len(text) <= 1000 else ""
