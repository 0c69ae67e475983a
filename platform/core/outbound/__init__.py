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
from core.outbound.session import Redirected, client_session

__all__ = [
    "ConnectionFailed",
    "FetchFailed",
    "Limits",
    "Redirected",
    "Response",
    "ResponseBroken",
    "ResponseTooLarge",
    "TimedOut",
    "TooManyRedirects",
    "client_session",
    "fetch",
]
