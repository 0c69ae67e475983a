"""The endpoints that programs post to: tokens, revocation, introspection, registration."""

from uuid import UUID

from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError
from authlib.oauth2.rfc7591 import InvalidClientMetadataError
from django.http import HttpRequest

from console.api.requests import StrictJson
from console.client_addresses import client_address
from console.oauth.machines import FORM, LARGEST_BODY, machine, refusal
from console.oauth.resources import EndpointResources
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.audit.refusing import refusal_note
from tenants.authorization import pace, revoking
from tenants.authorization.asked import Asked, single
from tenants.authorization.device_grant import DEVICE_AUTHORIZATION
from tenants.authorization.exchange import endpoint_answer, refused, token_answer
from tenants.authorization.grant_types import PROVEN_ALONE
from tenants.authorization.issuers import endpoints_of
from tenants.authorization.registration import client_registered
from tenants.authorization.server import Answer

# What comes of an assertion, a token or a client that is not believed.
_TURNED_AWAY = frozenset({400, 401, 403})


@machine("POST")
def token(request: HttpRequest, tenant_id: UUID) -> Answer:
    """RFC 6749 section 3.2."""
    try:
        asked = _asked(request, tenant_id, "token")
    except OAuth2Error as error:
        return refused(error)
    answer = token_answer(tenant_id=tenant_id, asked=asked, resources=EndpointResources(tenant_id))
    kind = asked.form.get("grant_type", "")
    if answer.status in _TURNED_AWAY and kind in PROVEN_ALONE:
        said = answer.body.get("error_description") or answer.body.get("error")
        refusal_note(tenant_id=tenant_id, what=f"{kind.rpartition(':')[2]}: {said}")
    return answer


@machine("POST")
def device_authorization(request: HttpRequest, tenant_id: UUID) -> Answer:
    """RFC 8628 section 3.1."""
    try:
        pace.require("device", tenant_id, client_address(request))
    except OAuth2Error as error:
        return refused(error)
    return _further(request, tenant_id, DEVICE_AUTHORIZATION, public=True)


@machine("POST")
def revoke(request: HttpRequest, tenant_id: UUID) -> Answer:
    """RFC 7009."""
    return _further(request, tenant_id, revoking.REVOCATION, public=True)


@machine("POST")
def introspect(request: HttpRequest, tenant_id: UUID) -> Answer:
    """RFC 7662."""
    return _further(request, tenant_id, revoking.INTROSPECTION, public=False)


@machine("POST")
def register(request: HttpRequest, tenant_id: UUID) -> Answer:
    """RFC 7591."""
    try:
        if len(request.body) > LARGEST_BODY:
            return refusal(413, "invalid_client_metadata", "The body is too large.")
        said = StrictJson().parse_body(request)
    except Refused:
        return refused(InvalidClientMetadataError("The body is one JSON object, sent as application/json."))
    try:
        with tenant_context(tenant_id):
            registered = client_registered(tenant_id=tenant_id, said=said, address=client_address(request))
            return Answer(201, registered)
    except OAuth2Error as error:
        return refused(error)


def _further(request: HttpRequest, tenant_id: UUID, name: str, *, public: bool) -> Answer:
    try:
        asked = _asked(request, tenant_id, name)
    except OAuth2Error as error:
        return refused(error)
    resources = EndpointResources(tenant_id)
    return endpoint_answer(tenant_id=tenant_id, name=name, asked=asked, resources=resources, public=public)


def _asked(request: HttpRequest, tenant_id: UUID, name: str) -> Asked:
    """The request, whose parameters are its body's alone (RFC 6749 section 3.2). Raises OAuth2Error."""
    if request.content_type != FORM or len(request.body) > LARGEST_BODY:
        raise InvalidRequestError(f"Send at most {LARGEST_BODY // 1024} KiB as {FORM}.")
    fields = single(dict(request.POST.lists()))
    return Asked("POST", f"{endpoints_of(tenant_id)}/{name}", request.headers, fields)
