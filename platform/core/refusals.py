"""Every refusal the platform gives, with its stable name, number, HTTP status, JSON-RPC code and what to do about it.

Names and numbers are a promise to clients: they are never reused and never change meaning. Numbers are application
codes in the sense of JSON-RPC 2.0 section 5.1 (outside -32768..-32000). Two boundaries translate a `Refused`: the
runtime's (JSON-RPC) and the REST API's (HTTP problem document).
"""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Refusal:
    """One kind of refusal. `rpc_code` is the JSON-RPC code where the protocol names one, else the number is sent."""

    name: str
    number: int
    http_status: int
    advice: str
    rpc_code: int | None = None
    retry_after_seconds: int | None = None


@dataclass(slots=True, eq=False)  # an exception is itself, and hashable
class Refused(Exception):
    """Raised wherever a request is refused; `detail` says what was wrong with this one, in one sentence."""

    refusal: Refusal
    detail: str = ""
    data: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.detail or self.refusal.advice


AUTHENTICATION_REQUIRED = Refusal(
    "authentication_required", 1001, 401, "Log in, or send an access key as `Authorization: Bearer <key>`."
)
INVALID_CREDENTIALS = Refusal(
    "invalid_credentials",
    1002,
    401,
    "The key or token is wrong, expired or revoked. Log in again, or make a new key in the console.",
)
PERMISSION_DENIED = Refusal(
    "permission_denied", 1003, 403, "Your role does not allow this. Ask an owner or admin of the tenant."
)
NOT_FOUND = Refusal("not_found", 1004, 404, "There is nothing at this address, or it is not yours.")
ORIGIN_NOT_ALLOWED = Refusal("origin_not_allowed", 1005, 403, "Add this origin to the endpoint's allowed origins.")
HOST_NOT_ALLOWED = Refusal("host_not_allowed", 1006, 421, "Use the host name shown on the endpoint's page.")
METHOD_NOT_ALLOWED = Refusal("method_not_allowed", 1007, 405, "Use one of the methods in the Allow header.")
NOT_ACCEPTABLE = Refusal("not_acceptable", 1008, 406, "Accept both application/json and text/event-stream.")
UNSUPPORTED_MEDIA_TYPE = Refusal("unsupported_media_type", 1009, 415, "Send the body as application/json.")
BODY_TOO_LARGE = Refusal("body_too_large", 1010, 413, "Send a smaller body.")
INVALID_INPUT = Refusal("invalid_input", 1011, 422, "Correct the named fields and send again.")
CONFLICT = Refusal("conflict", 1012, 409, "Something with this name exists already. Choose another.")
OVERLOADED = Refusal("overloaded", 1013, 503, "The platform is busy. Try again shortly.", retry_after_seconds=1)
TENANT_SUSPENDED = Refusal("tenant_suspended", 1014, 404, "There is nothing at this address, or it is not yours.")
RATE_LIMITED = Refusal("rate_limited", 1015, 429, "Slow down and try again.", retry_after_seconds=1)
DESTINATION_REFUSED = Refusal("destination_refused", 1016, 502, "Outbound calls may go to public addresses only.")
TEMPORARILY_UNAVAILABLE = Refusal(
    "temporarily_unavailable", 1017, 503, "A part this needs is away. Try again shortly.", retry_after_seconds=2
)
LIMIT_REACHED = Refusal("limit_reached", 1018, 422, "Delete something you no longer need, or ask for a higher limit.")
EXPIRED = Refusal("expired", 1019, 410, "This link has expired or was used. Ask for a new one.")
TENANT_BEING_DELETED = Refusal(
    "tenant_being_deleted", 1020, 409, "This tenant is being deleted. Its owner can restore it until then."
)
MALFORMED_BODY = Refusal("malformed_body", 1021, 400, "Send one JSON object, in UTF-8, without duplicate names.")
MALFORMED_REQUEST = Refusal(
    "malformed_request", 1022, 400, "Correct the request's headers or address and send it again."
)
INTERNAL_ERROR = Refusal(
    "internal_error", 1023, 500, "This is our fault. Try again, or report the request's identifier."
)
ADDRESS_NOT_ALLOWED = Refusal(
    "address_not_allowed", 1024, 403, "This tenant may be reached from certain networks only. Ask one of its admins."
)
NOT_IN_PLAN = Refusal("not_in_plan", 1025, 403, "Change to a plan that includes this.")
# Refusals of the runtime's own: numbers from 1101.
TOKEN_IN_QUERY = Refusal(
    "token_in_query", 1101, 400, "Keys in a URL end up in logs: send yours as `Authorization: Bearer <key>`."
)
SESSION_NOT_FOUND = Refusal(
    "session_not_found", 1102, 404, "The session ended, expired or is not yours: initialize again.", rpc_code=-32600
)
CONNECTION_LIMIT_REACHED = Refusal(
    "connection_limit_reached", 1106, 429, "Close a connection, or ask for a higher limit.", retry_after_seconds=1
)
MONTHLY_REQUESTS_REACHED = Refusal(
    "monthly_requests_reached",
    1113,
    429,
    "This month's requests are used up. Change to a larger plan, or wait for the next month (UTC).",
    retry_after_seconds=3_600,
)
BODY_TOO_SLOW = Refusal("body_too_slow", 1103, 408, "Send the whole body at once.")
HEADERS_TOO_LARGE = Refusal("headers_too_large", 1104, 431, "Send fewer or shorter headers.")
HEADERS_TOO_SLOW = Refusal("headers_too_slow", 1105, 408, "Send all headers at once.")
KEY_RATE_LIMITED = Refusal(
    "key_rate_limited", 1108, 429, "This key has made its calls for now. Try again later.", retry_after_seconds=1
)
TOOL_RATE_LIMITED = Refusal(
    "tool_rate_limited",
    1109,
    429,
    "This tool has had its calls for now. Try again later.",
    retry_after_seconds=1,
)
CALL_LOST = Refusal(
    "call_lost", 1110, 409, "The call waited for an answer and is lost. Call again only if it may happen twice."
)
UPGRADE_REQUIRED = Refusal("upgrade_required", 1107, 426, "Connect to this address with a WebSocket client.")
INSUFFICIENT_SCOPE = Refusal(
    "insufficient_scope", 1111, 403, "Your access token does not cover this. Log in again for the scope that is named."
)
INVALID_DPOP_PROOF = Refusal(
    "invalid_dpop_proof", 1112, 401, "Make a fresh proof for this very request with the key of your access token."
)
# Refusals of upstreams' providers: numbers from 1201.
PROVIDER_REFUSED = Refusal(
    "provider_refused", 1201, 502, "The provider did not take part. Read what it said, and try again."
)
LOGIN_REFUSED = Refusal("login_refused", 1202, 400, "This login cannot be finished. Start it again in the console.")
# Refusals of upstreams: numbers from 1301.
UPSTREAM_FAILED = Refusal(
    "upstream_failed", 1301, 502, "What this endpoint passes calls on to failed. Try again later."
)
UPSTREAM_HELD_BACK = Refusal(
    "upstream_held_back",
    1302,
    503,
    "What this endpoint passes calls on to keeps failing. Try again later.",
    retry_after_seconds=10,
)
UPSTREAM_OUT_OF_SERVICE = Refusal(
    "upstream_out_of_service", 1303, 503, "It kept failing. Somebody has to put it back into service in the console."
)
ENDPOINT_STOPPED = Refusal(
    "endpoint_stopped", 1304, 503, "Somebody stopped this endpoint and left a message. Try again when it goes on."
)
# Refusals of billing: numbers from 1401.
PAYMENTS_NOT_SET_UP = Refusal(
    "payments_not_set_up", 1401, 503, "This platform takes no payments yet. Ask whoever runs it."
)
CARD_REFUSED = Refusal("card_refused", 1402, 402, "The card was refused. Pay with another one.")
SPENDING_CAP_REACHED = Refusal(
    "spending_cap_reached",
    1404,
    429,
    "The tenant's own spending cap is reached. Its owner can raise it; else calls go on with the next period.",
    retry_after_seconds=600,
)
WEBHOOK_REFUSED = Refusal("webhook_refused", 1403, 400, "Only events that Stripe signed for this account are taken.")
SELLER_NOT_READY = Refusal(
    "seller_not_ready", 1405, 409, "The seller's account at Stripe cannot take payments. Its owner has to set it up."
)

ALL: tuple[Refusal, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Refusal))
