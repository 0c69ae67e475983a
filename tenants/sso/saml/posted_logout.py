"""Logout messages of a SAML provider over the HTTP-POST binding (SAML 2.0 bindings section 3.5).

The library reads logout messages from queries alone. Here the signature is inside the document, so that the document
is narrowed down as logins are before the library verifies it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from tenants.sso.checks import MAXIMUM_SUBJECT, CheckFailed
from tenants.sso.saml.config import SamlSettings
from tenants.sso.saml.documents import (
    DS,
    SAML,
    SAMLP,
    BadDocument,
    decoded,
    moment,
    parsed,
    require_moments,
    require_plain_signatures,
)
from tenants.sso.saml.logout import Request, require_recent
from tenants.sso.saml.own_logout import answered

SUCCESS = "urn:oasis:names:tc:SAML:2.0:status:Success"
_NAMED = "Version", "ID", "IssueInstant", "Destination"


def request_posted(settings: SamlSettings, form: Mapping[str, str]) -> Request:
    """What a provider's signed request says. Raises CheckFailed."""
    root = _genuine(settings, form["SAMLRequest"], "LogoutRequest")
    until = root.get("NotOnOrAfter")
    if until is not None and moment(until) <= datetime.now(UTC):
        raise CheckFailed("The logout request was good until before now.")
    name_id = root.findtext(f"{{{SAML}}}NameID", "")
    if not 0 < len(name_id) <= MAXIMUM_SUBJECT:
        raise CheckFailed("The logout request names nobody, or by an encrypted NameID.")
    return Request(
        name_id=name_id,
        indexes=tuple(element.text or "" for element in root.findall(f"{{{SAMLP}}}SessionIndex")),
        request_id=root.get("ID"),
        expires_at=require_recent(root.get("IssueInstant")),
        answer=answered(settings, root.get("ID"), form.get("RelayState", "")),
    )


def require_posted_response(settings: SamlSettings, form: Mapping[str, str], *, request_id: str) -> None:
    """Raises CheckFailed unless the provider says that the person is signed out there, as we asked."""
    root = _genuine(settings, form["SAMLResponse"], "LogoutResponse")
    code = root.find(f"{{{SAMLP}}}Status/{{{SAMLP}}}StatusCode")
    if root.get("InResponseTo") != request_id or code is None or code.get("Value") != SUCCESS:
        raise CheckFailed("The provider did not sign the person out.")
    require_recent(root.get("IssueInstant"))


def _genuine(settings: SamlSettings, text: str, kind: str) -> Any:
    """The message, whose whole is signed by the provider, for this place."""
    try:
        root = parsed(decoded(text))
        if root.tag != f"{{{SAMLP}}}{kind}":
            raise BadDocument(f"It is no {kind}.")
        require_moments(root)
        require_plain_signatures(root)
    except BadDocument as bad:
        raise CheckFailed(str(bad)) from None
    if not all(root.get(name) for name in _NAMED) or root.get("Version") != "2.0":
        raise CheckFailed(f"It is not whole: it needs {', '.join(_NAMED)}.")
    # SAML 2.0 bindings section 3.5.5.2: a signed message says where it was sent.
    if root.get("Destination") != settings.slo:
        raise CheckFailed(f"It is for another place than {settings.slo}.")
    if root.findtext(f"{{{SAML}}}Issuer", "") != settings.library.get_idp_data()["entityId"]:
        raise CheckFailed("It is another issuer's.")
    _require_signed(settings, root)
    return root


def _require_signed(settings: SamlSettings, root: Any) -> None:
    signatures = list(root.iter(f"{{{DS}}}Signature"))
    if len(signatures) != 1 or signatures[0].getparent() is not root:
        raise CheckFailed("Its whole is not signed.")
    certificates = settings.library.get_idp_data()["x509certMulti"]["signing"]
    path, text = f"/samlp:{etree.QName(root).localname}/ds:Signature", etree.tostring(root)
    if not OneLogin_Saml2_Utils.validate_sign(text, xpath=path, multicerts=certificates):
        raise CheckFailed("Its signature is not the provider's.")
