"""One id per request: in the log, in the response, and on error pages, so that one finds the other."""

import re
import uuid
from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from console.client_addresses import client_address
from core.acting import act_from, act_no_more
from core.request_ids import current

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
