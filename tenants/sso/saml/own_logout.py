"""Our own logout messages, by the binding by which a provider takes them (SAML 2.0 bindings sections 3.4, 3.5)."""

import base64
from typing import NamedTuple
from xml.sax.saxutils import escape

from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request
from onelogin.saml2.logout_response import OneLogin_Saml2_Logout_Response
from onelogin.saml2.utils import OneLogin_Saml2_Utils

from tenants.sso.saml.config import POST, SamlSettings, described_to_library


class Message(NamedTuple):
    """What a browser carries to a provider: by going to `url`, or by posting a form of these fields there."""

    url: str
    fields: dict[str, str]


NO_MESSAGE = Message("", {})


def sign_out(settings: SamlSettings, *, name_id: str, name_format: str, index: str, state: str) -> tuple[Message, str]:
    """Our request that a person be signed out at the provider, and its ID; NO_MESSAGE where it has no place for one."""
    if not settings.library.get_idp_slo_url():
        return NO_MESSAGE, ""
    request = OneLogin_Saml2_Logout_Request(
        settings.library,
        name_id=name_id,
        # The library writes the index into its XML as it stands.
        session_index=escape(index) or None,
        name_id_format=name_format or None,
    )
    if _takes_posts(settings):
        return _posted(settings, "SAMLRequest", str(request.get_xml()), state), str(request.id)
    auth = _auth(settings)
    said = {"SAMLRequest": request.get_request(), "RelayState": state}
    auth.add_request_signature(said, settings.library.get_security_data()["signatureAlgorithm"])
    return Message(str(auth.redirect_to(settings.library.get_idp_slo_url(), said)), {}), str(request.id)


def answered(settings: SamlSettings, request_id: str, relay_state: str) -> Message:
    """Our answer to a provider's request; NO_MESSAGE where it has no place for one."""
    if not settings.library.get_idp_slo_response_url():
        return NO_MESSAGE
    response = OneLogin_Saml2_Logout_Response(settings.library)
    response.build(request_id)
    if _takes_posts(settings):
        return _posted(settings, "SAMLResponse", str(response.get_xml()), relay_state)
    auth = _auth(settings)
    said = {"SAMLResponse": response.get_response()} | ({"RelayState": relay_state} if relay_state else {})
    auth.add_response_signature(said, settings.library.get_security_data()["signatureAlgorithm"])
    return Message(str(auth.redirect_to(settings.library.get_idp_slo_response_url(), said)), {})


def _takes_posts(settings: SamlSettings) -> bool:
    return bool(settings.library.get_idp_data()["singleLogoutService"]["binding"] == POST)


def _auth(settings: SamlSettings) -> OneLogin_Saml2_Auth:
    return OneLogin_Saml2_Auth(described_to_library(settings.slo), settings.library)


def _posted(settings: SamlSettings, parameter: str, xml: str, relay_state: str) -> Message:
    """The message as a form, with its signature inside."""
    library, security = settings.library, settings.library.get_security_data()
    algorithms = security["signatureAlgorithm"], security["digestAlgorithm"]
    signed = OneLogin_Saml2_Utils.add_sign(xml, library.get_sp_key(), library.get_sp_cert(), False, *algorithms)
    fields = {parameter: base64.b64encode(signed if isinstance(signed, bytes) else signed.encode()).decode()}
    return Message(library.get_idp_slo_url(), fields | ({"RelayState": relay_state} if relay_state else {}))
