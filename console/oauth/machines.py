"""What every endpoint for programs shares: JSON whatever happens, any origin, nothing stored, no session."""

import functools
import logging
from collections.abc import Callable
from uuid import UUID

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from console.client_addresses import client_address
from core.refusals import Refused
from core.tenancy import tenant_context
from tenants.authorization.server import Answer
from tenants.models import Tenant
from tenants.services.networks import require_endpoints_address

FORM = "application/x-www-form-urlencoded"
LARGEST_BODY = 256 * 1024
logger = logging.getLogger(__name__)

type View = Callable[..., HttpResponse]
type MachineView = Callable[[HttpRequest, UUID], Answer]


NOWHERE = Answer(404, {"error": "invalid_request", "error_description": "There is no such authorization server."})


def machine(*methods: str, cached_seconds: int = 0) -> Callable[[MachineView], View]:
    """Serves programs at an address of a tenant's authorization server; unknown tenants have none.

    What may be cached leads to a login and is told everywhere; all else is for where the endpoints may be called from.
    """

    def decorate(view: MachineView) -> View:
        @csrf_exempt  # no cookie is read here, so that no browser can be made to spend one
        @functools.wraps(view)
        def guarded(request: HttpRequest, tenant_id: UUID) -> HttpResponse:
            if request.method == "OPTIONS":
                answer = Answer(204)
            elif request.method not in methods:
                answer = refusal(405, "invalid_request", f"Use {' or '.join(methods)} here.")
            else:
                answer = _answer(view, request, tenant_id, from_anywhere=cached_seconds > 0)
            return sent(answer, methods, cached_seconds if answer.status == 200 else 0)

        return guarded

    return decorate


def refusal(status: int, error: str, description: str) -> Answer:
    """A refusal in the form of RFC 6749 section 5.2."""
    return Answer(status, {"error": error, "error_description": description})


def _answer(view: MachineView, request: HttpRequest, tenant_id: UUID, *, from_anywhere: bool) -> Answer:
    try:
        tenant = _tenant(tenant_id)
        if tenant is None:
            return NOWHERE
        if not from_anywhere:
            require_endpoints_address(tenant, client_address(request))
        return view(request, tenant_id)
    except Refused as refused:
        return refusal(refused.refusal.http_status, "access_denied", str(refused))
    except RequestDataTooBig:
        return refusal(413, "invalid_request", "The body is too large.")
    except (SuspiciousOperation, BadRequest):
        return refusal(400, "invalid_request", "The body cannot be read.")
    except (OperationalError, InterfaceError) as error:
        logger.warning("The database did not serve a request: %s", error)
        return refusal(503, "temporarily_unavailable", "Try again shortly.")
    except Exception:
        logger.exception("A request to the authorization server failed")
        return refusal(500, "server_error", "This is our fault. Try again.")


def _tenant(tenant_id: UUID) -> Tenant | None:
    with tenant_context(tenant_id):
        return Tenant.objects.filter(pk=tenant_id, delete_after=None).first()


def sent(answer: Answer, methods: tuple[str, ...] = (), cached_seconds: int = 0) -> HttpResponse:
    """An answer as a response that any page may read, and that is kept by nobody unless it says for how long."""
    response = HttpResponse(status=204) if answer.status == 204 else JsonResponse(answer.body, status=answer.status)
    for name, value in answer.headers.items():
        if name.lower() != "content-type":
            response[name] = value
    allowed = ", ".join((*methods, "OPTIONS"))
    # Clients that run in browsers come from any origin; no cookie counts here, so nothing is lent to them.
    response["Access-Control-Allow-Origin"] = "*"
    response["Access-Control-Expose-Headers"] = "WWW-Authenticate, Retry-After"
    if answer.status in {204, 405}:
        response["Allow"] = response["Access-Control-Allow-Methods"] = allowed
        response["Access-Control-Allow-Headers"] = "Authorization, Content-Type, DPoP, MCP-Protocol-Version"
        response["Access-Control-Max-Age"] = "600"
    response["Cache-Control"] = f"public, max-age={cached_seconds}" if cached_seconds else "no-store"
    return response
