"""What every request passes: its id, by which log and pages find each other, and the end of sessions that ended."""

import re
import uuid
from collections.abc import Callable

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse

from console.client_addresses import client_address
from console.devices import device_noted
from core.acting import act_from, act_no_more
from core.request_ids import current
from tenants.sso.sessions import named_in, stands

HEADER = "X-Request-Id"
# What a proxy in front may hand down; anything else is replaced, so that nothing else enters the log.
_HANDED_DOWN = re.compile(r"[A-Za-z0-9-]{8,64}")


def request_ids(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Gives each request its id as `request.request_id`, and its response the header."""

    def answer(request: HttpRequest) -> HttpResponse:
        handed_down = request.headers.get(HEADER, "")
        request_id = handed_down if _HANDED_DOWN.fullmatch(handed_down) else uuid.uuid4().hex
        request.request_id = request_id  # type: ignore[attr-defined]  # templates read it
        token = current.set(request_id)
        act_from(client_address(request), request_id)
        try:
            response = get_response(request)
        finally:
            act_no_more()
            current.reset(token)
        response[HEADER] = request_id
        return response

    return answer


def sso_sessions(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Signs people out whose session their identity provider, or somebody here, has ended."""

    def answer(request: HttpRequest) -> HttpResponse:
        # A request without a session is not one to look into: that would have caches tell its answers apart by cookie.
        if request.session.session_key and request.user.is_authenticated:
            named = named_in(request.session)
            if not all(stands(tenant_id, session_id) for tenant_id, session_id in named.items()):
                logout(request)
        return get_response(request)

    return answer


def devices(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Remembers the browsers that people sign in with."""

    def answer(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        device_noted(request, response)
        return response

    return answer
