"""URLs of SCIM, under /scim/v2/."""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import cast
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt


# No cookie is read: the token is in a header that no other site can make a browser send.
@csrf_exempt
def scim(request: HttpRequest, connection_id: UUID, path: str = "") -> HttpResponse:
    """Answers by `console.scim.views.scim`, whose libraries the first request imports: starting need not wait."""
    return _view()(request, connection_id, path)


@cache
def _view() -> Callable[[HttpRequest, UUID, str], HttpResponse]:
    return cast("Callable[[HttpRequest, UUID, str], HttpResponse]", import_module("console.scim.views").scim)


urlpatterns = [
    path("<uuid:connection_id>", scim, name="scim_root"),
    path("<uuid:connection_id>/<path:path>", scim, name="scim"),
]
