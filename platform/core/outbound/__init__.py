"""The one door for every request that leaves the platform: guarded against server-side request forgery, bounded."""

from core.outbound.destination import require_allowed_early
from core.outbound.failures import (
    ConnectionFailed,
    FetchFailed,
    ResponseBroken,
    ResponseTooLarge,
    TimedOut,
    TooManyRedirects,
)
from core.outbound.fetching import Client, Limits, Response, StreamLimits, fetch, fetch_stream
from core.outbound.hosts import require_host_allowed_early, resolve_allowed
from core.outbound.policy import Policy, policy_from_environment
from core.outbound.streams import Stream

__all__ = [
    "Client",
    "ConnectionFailed",
    "FetchFailed",
    "Limits",
    "Policy",
    "Response",
    "ResponseBroken",
    "ResponseTooLarge",
    "Stream",
    "StreamLimits",
    "TimedOut",
    "TooManyRedirects",
    "fetch",
    "fetch_stream",
    "policy_from_environment",
    "require_allowed_early",
    "require_host_allowed_early",
    "resolve_allowed",
]
