"""One request of a provider, from its token to the answer and a line in the log. Opens a tenant context of its own."""

import logging
from datetime import timedelta
from http import HTTPStatus
from uuid import UUID

from django.utils import timezone
from scim2_models import Error, ForbiddenException, SCIMException, UnauthorizedException
from scim2_server.handler import ScimHandler
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse
from scim2_server.service import ScimService

from core import keys, refusals
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.models import ScimConnection, ScimToken
from tenants.models import ScimRequest as LoggedRequest
from tenants.scim.connections import connection_presenting, token_used
from tenants.scim.provider import service_for
from tenants.scim.storage import TenantStorage
from tenants.services.api_keys import tenant_named_in
from tenants.services.networks import require_console_address

logger = logging.getLogger(__name__)

READING = frozenset({"GET", "HEAD"})
# Microsoft Entra asks for at least 25 a second.
REQUESTS_PER_SECOND = 50
KEPT_REQUESTS = 200
LONGEST_PATH = 120
LONGEST_DETAIL = 300


def answered(*, connection_id: UUID, secret: str, request: ScimRequest, address: str) -> ScimResponse:
    """The answer to a request at a connection's address; errors are SCIM's (RFC 7644 section 3.12).

    `address` is whoever asks: a tenant may say from which networks it is provisioned, as from which it is managed.
    """
    service = service_for(connection_id)
    try:
        with tenant_context(tenant_named_in(secret, keys.SCIM_TOKEN)):
            token = connection_presenting(secret, connection_id)
            require_console_address(token.connection.tenant, address)
            token_used(token)
            return _admitted(service, token, request)
    except Refused as refused:
        if refused.refusal is refusals.INVALID_CREDENTIALS:
            return service.error_response(UnauthorizedException(detail=refused.refusal.advice))
        return _refusal(refused)


def too_large(connection_id: UUID, limit: int) -> ScimResponse:
    """What is said of a body that was not read."""
    return service_for(connection_id).error_response(ScimService.payload_too_large(limit))


def nowhere() -> ScimResponse:
    """What is said at an address that can be no connection's."""
    return _refusal(Refused(refusals.NOT_FOUND))


def too_often() -> ScimResponse:
    """What is said of further tokens that are none, from an address that presented many."""
    return _refusal(Refused(refusals.RATE_LIMITED))


def _admitted(service: ScimService, token: ScimToken, request: ScimRequest) -> ScimResponse:
    connection = token.connection
    if connection.tenant.is_being_deleted:
        return service.error_response(ForbiddenException(detail=refusals.TENANT_BEING_DELETED.advice))
    since = timezone.now() - timedelta(seconds=1)
    if connection.requests.filter(at__gt=since).count() >= REQUESTS_PER_SECOND:
        return _refusal(Refused(refusals.RATE_LIMITED))
    if request.method not in READING:
        # One writer at a time: what is counted, compared and linked stays true.
        ScimConnection.objects.select_for_update().get(pk=connection.pk)
    response, detail = _handled(service, connection, request)
    _log(connection, request, response, detail)
    return response


def _handled(service: ScimService, connection: ScimConnection, request: ScimRequest) -> tuple[ScimResponse, str]:
    try:
        return ScimHandler(service, TenantStorage(connection)).handle(request), ""
    except SCIMException as error:
        response = service.error_response(error)
    except Refused as refused:
        response = _refusal(refused)
    except Exception as error:
        logger.exception("provisioning failed")
        response = service.error_response(error)
    return response, str((response.body or {}).get("detail") or "")


def _refusal(refused: Refused) -> ScimResponse:
    error = Error(status=refused.refusal.http_status, detail=str(refused))
    response = ScimResponse(HTTPStatus(refused.refusal.http_status), error.model_dump())
    if refused.refusal.retry_after_seconds is not None:
        response.headers["Retry-After"] = str(refused.refusal.retry_after_seconds)
    return response


def _log(connection: ScimConnection, request: ScimRequest, response: ScimResponse, detail: str) -> None:
    printable = "".join(character if character.isprintable() else "?" for character in request.path)
    LoggedRequest.objects.create(
        tenant_id=connection.tenant_id,
        connection=connection,
        at=timezone.now(),
        method=request.method[:8],
        path=printable[:LONGEST_PATH],
        status=response.status.value,
        detail=detail.replace("\0", "?")[:LONGEST_DETAIL],
    )
    old = connection.requests.order_by("-at").values_list("pk", flat=True)[KEPT_REQUESTS:]
    LoggedRequest.objects.filter(pk__in=list(old)).delete()
