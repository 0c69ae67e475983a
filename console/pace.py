"""How often one address may begin logins, answer them, present wrong tokens, and buy: for all processes together.

The address is what our own proxies saw (`console.client_addresses`): nothing that a client writes makes it another.
"""

import logging

from django.http import HttpRequest
from redis.exceptions import RedisError

from console.client_addresses import client_address
from core import refusals
from core.refusals import Refused
from tenants.authorization.pace import is_within

logger = logging.getLogger(__name__)

SSO_START, SSO_ANSWER, SCIM_FAILURE = "sso-start", "sso-answer", "scim-failure"
WINDOW_SECONDS = 60
OFFER_SHOWN, PURCHASE_SHOWN = "offer-shown", "purchase-shown"
PURCHASE_BEGUN, PURCHASE_CHANGED, PURCHASE_LINK = "purchase-begun", "purchase-changed", "purchase-link"
# Of an address, which a whole office may share: everybody there may come within a few minutes of nine o'clock.
MOST = {
    SSO_START: 60,
    SSO_ANSWER: 120,
    SCIM_FAILURE: 30,
    OFFER_SHOWN: 120,
    PURCHASE_SHOWN: 60,
    PURCHASE_BEGUN: 10,
    PURCHASE_CHANGED: 30,
    PURCHASE_LINK: 5,
}


def is_in_pace(request: HttpRequest, what: str) -> bool:
    """Counts one more of the request's address; whether it may. While Valkey is away everybody may."""
    return is_counted(what, client_address(request))


def is_counted(what: str, whose: str) -> bool:
    """Counts one more of anything that is no address, such as a mailbox; whether that is not too many."""
    try:
        return is_within(what, whose, most=MOST[what], seconds=WINDOW_SECONDS)
    except (RedisError, OSError) as error:
        logger.warning("nobody counts %s: %s", what, type(error).__name__)
        return True


def require_pace(request: HttpRequest, what: str) -> None:
    """The same; raises Refused(RATE_LIMITED)."""
    if not is_in_pace(request, what):
        raise Refused(refusals.RATE_LIMITED, "There were too many from your address. Wait a minute.")
