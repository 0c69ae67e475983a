"""Stripe's webhooks over HTTP: the body as it came goes to `billing.stripe.receiving`, which answers for it."""

from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from billing.stripe.receiving import MAXIMUM_BODY_BYTES, webhook_receive
from console.api.problems import problem
from core.refusals import Refused


# No cookie is read: what is believed is the signature over the body.
@never_cache
@csrf_exempt
@require_POST
def stripe(request: HttpRequest) -> HttpResponse:
    """Takes an event. 200 says that it is stored, and Stripe need not send it again."""
    # Read no further than it may be long.
    payload: bytes = cast(Any, request).read(MAXIMUM_BODY_BYTES + 1)
    try:
        webhook_receive(payload=payload, signature=request.headers.get("Stripe-Signature", ""))
    except Refused as refused:
        return problem(request, refused)
    return HttpResponse(status=200)
