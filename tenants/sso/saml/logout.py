"""Logout messages of a SAML provider over the HTTP-Redirect binding (SAML 2.0 profiles section 4.4)."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from lxml import etree
from onelogin.saml2.auth import OneLogin_Saml2_Auth
from onelogin.saml2.errors import OneLogin_Saml2_Error, OneLogin_Saml2_ValidationError
from onelogin.saml2.logout_request import OneLogin_Saml2_Logout_Request
from onelogin.saml2.logout_response import OneLogin_Saml2_Logout_Response

from tenants.sso.checks import CheckFailed
from tenants.sso.saml.config import SamlSettings, described_to_library
from tenants.sso.saml.documents import BadDocument, inflated, moment, parsed, require_moments
from tenants.sso.saml.own_logout import Message, answered

MAXIMUM_AGE = timedelta(minutes=10)
_UNREADABLE = (etree.LxmlError, ValueError, TypeError, KeyError, AttributeError, IndexError)


class Request(NamedTuple):
    """A provider's request that a person be signed out here; `request_id` is good once until `expires_at`.

    The browser goes on with `answer`, our signed response; it is empty where the provider takes none.
    """

    name_id: str
    indexes: tuple[str, ...]
    request_id: str
    expires_at: datetime
    answer: Message


def request_taken(settings: SamlSettings, query: Mapping[str, str], raw_query: str) -> Request:
    """What a provider's signed request says. Raises CheckFailed."""
    _bounded(query["SAMLRequest"])
    auth = OneLogin_Saml2_Auth(_described(settings, query, raw_query), settings.library)
    try:
        auth.process_slo(keep_local_session=True)
        xml, request_id = auth.get_last_request_xml(), str(auth.get_last_message_id())
        if auth.get_errors():
            raise CheckFailed(auth.get_last_error_reason() or "The logout request is not valid.")
        return Request(
            name_id=str(OneLogin_Saml2_Logout_Request.get_nameid(xml)),
            indexes=tuple(OneLogin_Saml2_Logout_Request.get_session_indexes(xml)),
            request_id=request_id,
            expires_at=require_recent(parsed(xml.encode()).get("IssueInstant", "")),
            answer=answered(settings, request_id, query.get("RelayState", "")),
        )
    except (OneLogin_Saml2_ValidationError, OneLogin_Saml2_Error, *_UNREADABLE) as error:
        raise CheckFailed(f"The logout request cannot be read: {error}") from None


def require_response(settings: SamlSettings, query: Mapping[str, str], raw_query: str, *, request_id: str) -> None:
    """Raises CheckFailed unless the provider says that the person is signed out there, as we asked."""
    _bounded(query["SAMLResponse"])
    auth = OneLogin_Saml2_Auth(_described(settings, query, raw_query), settings.library)
    try:
        auth.process_slo(keep_local_session=True, request_id=request_id)
        answered = OneLogin_Saml2_Logout_Response(settings.library, query["SAMLResponse"]).get_in_response_to()
    except (OneLogin_Saml2_ValidationError, OneLogin_Saml2_Error, *_UNREADABLE) as error:
        raise CheckFailed(f"The logout response cannot be read: {error}") from None
    if auth.get_errors() or answered != request_id:
        raise CheckFailed(auth.get_last_error_reason() or "The provider did not sign the person out.")


def _bounded(text: str) -> None:
    """Before the library, which inflates without a limit."""
    try:
        require_moments(parsed(inflated(text)))
    except BadDocument as bad:
        raise CheckFailed(str(bad)) from None


def _described(settings: SamlSettings, query: Mapping[str, str], raw_query: str) -> dict[str, object]:
    # The signature is over the query as it was sent: escaped anew it could read otherwise.
    signed = {"query_string": raw_query, "validate_signature_from_qs": True}
    return {**described_to_library(settings.slo), "get_data": dict(query), **signed}


def require_recent(issued: str) -> datetime:
    """When a message can be forgotten; raises CheckFailed for one that was not made just now."""
    made = moment(issued)
    if abs(datetime.now(UTC) - made) > MAXIMUM_AGE:
        raise CheckFailed("The logout request was not made just now.")
    return made + 2 * MAXIMUM_AGE
