"""URLs of SCIM, under /scim/v2/."""

from functools import cache
from importlib import import_module
from typing import Protocol, cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


# No cookie is read: the token is in a header that no other site can make a browser send.
@csrf_exempt
def scim(request: HttpRequest, connection_id: UUID, path: str = "") -> HttpResponse:
    """Answers by `console.scim.views.scim`, whose libraries the first request imports: starting need not wait."""
    return _views().scim(request, connection_id, path)


@csrf_exempt
def unknown(request: HttpRequest, path: str = "") -> HttpResponse:
    """Answers by `console.scim.views.unknown`, likewise."""
    return _views().unknown(request, path)


class _Views(Protocol):
    def scim(self, request: HttpRequest, connection_id: UUID, path: str) -> HttpResponse: ...

    def unknown(self, request: HttpRequest, path: str) -> HttpResponse: ...


@cache
def _views() -> _Views:
    return cast(_Views, import_module("console.scim.views"))


urlpatterns = [
    path("<uuid:connection_id>", scim, name="scim_root"),
    path("<uuid:connection_id>/<path:path>", scim, name="scim"),
    path("", unknown, name="scim_nowhere"),
    path("<path:path>", unknown, name="scim_unknown"),
]
