"""The pages for what Django refuses or fails at before a view could say so itself."""

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest, HttpResponseServerError
from django.template.loader import render_to_string


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001  # Django's signature
    """400: a host, a cookie or a body that Django can not take."""
    return HttpResponseBadRequest(_page("400.html", request))


def server_error(request: HttpRequest) -> HttpResponse:
    """500: an exception that nothing caught; it is in the log under the page's id."""
    return HttpResponseServerError(_page("500.html", request))


def _page(template: str, request: HttpRequest) -> str:
    # Without the request: its session, messages and host may be the very thing that failed.
    return render_to_string(template, {"request_id": getattr(request, "request_id", "")})
