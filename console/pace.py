"""How often one address may begin logins, answer them, and present tokens that are none: for all processes together.

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
# Of an address, which a whole office may share: everybody there may come within a few minutes of nine o'clock.
MOST = {SSO_START: 60, SSO_ANSWER: 120, SCIM_FAILURE: 30}


def is_in_pace(request: HttpRequest, what: str) -> bool:
    """Counts one more of the request's address; whether it may. While Valkey is away everybody may."""
    try:
        return is_within(what, client_address(request), most=MOST[what], seconds=WINDOW_SECONDS)
    except (RedisError, OSError) as error:
        logger.warning("nobody counts %s: %s", what, type(error).__name__)
        return True


def require_pace(request: HttpRequest, what: str) -> None:
    """The same; raises Refused(RATE_LIMITED)."""
    if not is_in_pace(request, what):
        raise Refused(refusals.RATE_LIMITED, "There were too many from your address. Wait a minute.")
