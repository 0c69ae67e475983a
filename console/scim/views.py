"""SCIM over HTTP (RFC 7644): a request becomes the protocol's, and its answer ours again."""

import json
from http import HTTPStatus
from typing import Any, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from scim2_server.requests import ScimRequest
from scim2_server.responses import ScimResponse

from console.client_addresses import client_address
from console.pace import SCIM_FAILURE, is_in_pace
from console.scim.addresses import base_url
from tenants.scim.provider import MAXIMUM_BODY_BYTES
from tenants.scim.serving import answered, nowhere, too_large, too_often

BEARER = "bearer "
HEADERS = ("Content-Type", "If-Match", "If-None-Match")


def scim(request: HttpRequest, connection_id: UUID, path: str = "") -> HttpResponse:
    """Answers whatever is asked below a connection's address."""
    body = _body(request)
    if body is None:
        return _response(too_large(connection_id, MAXIMUM_BODY_BYTES))
    presented = request.headers.get("Authorization", "")
    secret = presented[len(BEARER) :].strip() if presented.lower().startswith(BEARER) else ""
    asked = ScimRequest(
        method=(request.method or "GET").upper(),
        base_url=base_url(connection_id),
        path=f"/{path}",
        query=request.GET.dict(),
        headers={name: request.headers[name] for name in HEADERS if name in request.headers},
        body=body,
    )
    answer = answered(connection_id=connection_id, secret=secret, request=asked, address=client_address(request))
    if answer.status == HTTPStatus.UNAUTHORIZED and not is_in_pace(request, SCIM_FAILURE):
        answer = too_often()
    return _response(answer)


def unknown(_request: HttpRequest, path: str = "") -> HttpResponse:
    """Answers at addresses that can be no connection's, which providers are mistaken in, and read JSON from."""
    del path  # whatever it is
    return _response(nowhere())


def _body(request: HttpRequest) -> bytes | None:
    """The body, or None for one that is too large: it is read no further than it may be long."""
    read: bytes = cast(Any, request).read(MAXIMUM_BODY_BYTES + 1)
    return read if len(read) <= MAXIMUM_BODY_BYTES else None


def _response(answer: ScimResponse) -> HttpResponse:
    content = b"" if answer.body is None else json.dumps(answer.body).encode()
    response = HttpResponse(content, status=answer.status.value, headers=answer.headers)
    response["Cache-Control"] = "no-store"
    return response
