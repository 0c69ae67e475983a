"""The one door for every request that leaves the platform: guarded against server-side request forgery, bounded."""

from core.outbound.failures import (
    ConnectionFailed,
    FetchFailed,
    ResponseBroken,
    ResponseTooLarge,
    TimedOut,
    TooManyRedirects,
)
from core.outbound.fetching import Limits, Response, fetch
from core.outbound.policy import Policy, policy_from_environment
from core.outbound.session import Redirected, client_session, require_allowed_early

__all__ = [
    "ConnectionFailed",
    "FetchFailed",
    "Limits",
    "Policy",
    "Redirected",
    "Response",
    "ResponseBroken",
    "ResponseTooLarge",
    "TimedOut",
    "TooManyRedirects",
    "client_session",
    "fetch",
    "policy_from_environment",
    "require_allowed_early",
]
