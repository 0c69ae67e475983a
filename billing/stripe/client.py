"""The one client of Stripe's API, and what its errors mean here.

It does not go through `core.outbound`: that door keeps addresses that tenants chose away from what is private, and this
address is the operator's alone (`STRIPE_API_URL`, or the library's own constant). The library brings what the door has
not: idempotent retries, and the version of the API that its types are made for. No redirect is followed to another
host, and each request has its limits of time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import stripe
from django.conf import settings

from core import refusals
from core.refusals import Refused

CONNECT_SECONDS, READ_SECONDS = 5.0, 20.0
RETRIES = 2

# Errors that say nothing of what was asked for: the same again may well be answered.
PASSING = (stripe.APIConnectionError, stripe.RateLimitError)


def is_set_up() -> bool:
    """Whether there is an account to be paid through."""
    return bool(settings.STRIPE_API_KEY)


def is_live() -> bool:
    """Whether real money moves."""
    return settings.STRIPE_API_KEY.startswith(("sk_live_", "rk_live_"))


def is_simulated() -> bool:
    """Whether another program stands in for Stripe."""
    return is_set_up() and bool(settings.STRIPE_API_URL)


def stripe_client() -> stripe.StripeClient:
    """The client. Raises Refused(PAYMENTS_NOT_SET_UP) where nobody configured an account."""
    if not is_set_up():
        raise Refused(refusals.PAYMENTS_NOT_SET_UP)
    return _client(settings.STRIPE_API_KEY, settings.STRIPE_API_URL)


@cache
def _client(key: str, url: str) -> stripe.StripeClient:
    http = stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS))
    return stripe.StripeClient(
        key, base_addresses={"api": url} if url else {}, max_network_retries=RETRIES, http_client=http
    )


def is_passing(error: Exception) -> bool:
    """Whether an error is Stripe's or the line's, so that the same request may be made again later."""
    if isinstance(error, PASSING):
        return True
    return isinstance(error, stripe.APIError) and (error.http_status or 500) >= 500


def is_gone(error: Exception) -> bool:
    """Whether what was asked for is not there."""
    return isinstance(error, stripe.InvalidRequestError) and error.code == "resource_missing"


@contextmanager
def refusing() -> Iterator[None]:
    """Has Stripe's errors be refusals that a person can read: a card that is refused, or Stripe away.

    Raises Refused (CARD_REFUSED, TEMPORARILY_UNAVAILABLE); every other error is a defect of ours and passes.
    """
    try:
        yield
    except stripe.CardError as error:
        raise Refused(refusals.CARD_REFUSED, error.user_message or "") from None
    except stripe.StripeError as error:
        if not is_passing(error):
            raise
        raise Refused(
            refusals.TEMPORARILY_UNAVAILABLE, "Payments cannot be reached. Nothing was changed; try again shortly."
        ) from error
