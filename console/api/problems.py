"""Every refusal as a problem document (RFC 9457), whichever part of the stack refused."""

import logging
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI, Schema
from ninja.errors import HttpError, ValidationError
from pydantic import Field

from core import refusals, request_ids
from core.refusals import Refusal, Refused
from tenants.access import Actor
from tenants.audit.refusing import refusal_note

CONTENT_TYPE = "application/problem+json"
PREFIX = "/api/"
REALM = "Joe Armstrong AGI MCP"
# What a refusal is called when some other part of the stack answered with a bare status.
_BY_STATUS = {
    400: refusals.MALFORMED_REQUEST,
    404: refusals.NOT_FOUND,
    405: refusals.METHOD_NOT_ALLOWED,
    413: refusals.BODY_TOO_LARGE,
}
_OF_THE_BODY = {"Content-Type", "Content-Length", "Content-Encoding"}

logger = logging.getLogger(__name__)


class Problem(Schema):
    """Why a request was refused, and what to do about it (RFC 9457)."""

    type: str = Field(description="A URL that names this kind of problem, and describes it.")
    title: str = Field(description="The kind of problem in a few words.")
    status: int = Field(description="The HTTP status.")
    detail: str = Field(description="What was wrong with this request, in a sentence.")
    code: str = Field(description="The stable name of the refusal.")
    number: int = Field(description="The stable number of the refusal.")
    request_id: str = Field(description="Quote this when you ask for help.")
    fields: dict[str, list[str]] | None = Field(
        default=None, description="For invalid input: what is wrong with each named field."
    )
    entitlement: dict[str, Any] | None = Field(
        default=None,
        description="At a limit of the plan, or without a right of it: `limit`, `allowed` and `used`, or `right`; the "
        "`plan`, and `lifted_by`, the cheapest plan on sale that would allow it.",
    )
    upgrade_url: str | None = Field(
        default=None,
        description="Beside `entitlement`, where a plan on sale would allow it: the page on which owners and admins "
        "change to it.",
    )


class ProblemMiddleware:
    """Answers as a problem document whatever refuses a request before or behind the API's own handlers."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if not request.path_info.startswith(PREFIX):
            return response
        if response.status_code >= 400 and response.get("Content-Type") != CONTENT_TYPE:
            response = _restated(request, response)
        response.setdefault("Cache-Control", "no-store")
        return response


def problem(request: HttpRequest, refused: Refused) -> HttpResponse:
    """The problem document of a refusal, with the headers that its status calls for."""
    refusal = refused.refusal
    body: dict[str, Any] = {
        "type": type_url(refusal),
        "title": title(refusal),
        "status": refusal.http_status,
        "detail": str(refused),
        "code": refusal.name,
        "number": refusal.number,
        "request_id": request_ids.current.get(),
    }
    if "fields" in refused.data:
        body["fields"] = refused.data["fields"]
    if "lifted_by" in refused.data:
        body |= {"entitlement": refused.data} | _way_on(request, refused)
    return JsonResponse(body, status=refusal.http_status, content_type=CONTENT_TYPE, headers=_headers(refusal))


def type_url(refusal: Refusal) -> str:
    """The URL that names a kind of problem; `GET` describes it."""
    return f"{settings.CONSOLE_URL}/api/v1/problems/{refusal.name}"


def title(refusal: Refusal) -> str:
    """The kind of problem in a few words."""
    return refusal.name.replace("_", " ").capitalize()


def install(api: NinjaAPI) -> None:
    """Makes `api` answer every exception as a problem document."""
    api.exception_handler(Refused)(_refused)
    api.exception_handler(ValidationError)(_invalid_input)
    api.exception_handler(HttpError)(_unreadable)
    api.exception_handler(RequestDataTooBig)(_too_large)
    api.exception_handler(Http404)(_not_found)
    api.exception_handler(OperationalError)(_database_away)
    api.exception_handler(InterfaceError)(_database_away)
    api.exception_handler(Exception)(_failed)


def _way_on(request: HttpRequest, refused: Refused) -> dict[str, str]:
    actor = getattr(request, "auth", None)
    if refused.data["lifted_by"] is None or not isinstance(actor, Actor):
        return {}
    return {"upgrade_url": upgrade_url(actor.tenant.slug)}


def upgrade_url(slug: str) -> str:
    """Where the plan of the tenant that `slug` names is changed."""
    return f"{settings.CONSOLE_URL}/t/{slug}/billing/#plans"


def _refused(request: HttpRequest, refused: Refused) -> HttpResponse:
    actor = getattr(request, "auth", None)
    if refused.refusal is refusals.PERMISSION_DENIED and isinstance(actor, Actor):
        refusal_note(tenant_id=actor.tenant.id, what=f"{request.method} {request.path}")
    return problem(request, refused)


def _headers(refusal: Refusal) -> dict[str, str]:
    headers = {}
    if refusal.http_status == 401:
        error = ', error="invalid_token"' if refusal is refusals.INVALID_CREDENTIALS else ""
        headers["WWW-Authenticate"] = f'Bearer realm="{REALM}"{error}'  # RFC 6750 section 3
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    return headers


def _restated(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    restated = problem(request, Refused(_BY_STATUS.get(response.status_code, refusals.INTERNAL_ERROR)))
    restated.status_code = response.status_code
    for name, value in response.items():
        if name not in _OF_THE_BODY:
            restated.setdefault(name, value)
    return restated


def _invalid_input(request: HttpRequest, error: ValidationError) -> HttpResponse:
    fields: dict[str, list[str]] = {}
    for entry in error.errors:
        # ("body", "payload", "name") or ("query", "limit"): clients know neither the first nor our parameter's name.
        steps = entry["loc"][1:]
        place = steps[1:] if steps[:1] == ("payload",) else steps
        fields.setdefault(".".join(str(step) for step in place) or "body", []).append(f"{entry['msg']}.")
    sentence = " ".join(f"{name}: {' '.join(messages)}" for name, messages in fields.items())
    return problem(request, Refused(refusals.INVALID_INPUT, sentence, {"fields": fields}))


def _unreadable(request: HttpRequest, error: HttpError) -> HttpResponse:
    # ninja wraps whatever the parser raised.
    cause = error.__cause__
    return problem(request, cause if isinstance(cause, Refused) else Refused(refusals.MALFORMED_REQUEST))


def _too_large(request: HttpRequest, _error: Exception) -> HttpResponse:
    return problem(request, Refused(refusals.BODY_TOO_LARGE))


def _not_found(request: HttpRequest, _error: Exception) -> HttpResponse:
    return problem(request, Refused(refusals.NOT_FOUND))


def _database_away(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.warning("The database did not serve a request: %s", error)
    return problem(request, Refused(refusals.TEMPORARILY_UNAVAILABLE))


def _failed(request: HttpRequest, error: Exception) -> HttpResponse:
    logger.error("An API request failed", exc_info=error)
    return problem(request, Refused(refusals.INTERNAL_ERROR))
