"""URLs of the REST API, under /api/v1/."""

from typing import NoReturn

from django.http import Http404, HttpRequest
from django.urls import URLPattern, URLResolver, path, re_path
from django.views.decorators.csrf import csrf_exempt

from console.api.application import api


@csrf_exempt
def nothing_here(_request: HttpRequest) -> NoReturn:
    """Without it, an address that only lacks or has a slash too many would be redirected instead of refused."""
    raise Http404


urlpatterns: list[URLPattern | URLResolver] = [
    path("", api.urls),
    re_path(r"", nothing_here),
]
