"""Bearer credentials: access keys, access tokens, the console's tickets (RFC 6750). No cookie is ever read."""

import hashlib
import time
from dataclasses import replace

from core import keys, refusals, tickets
from core.refusals import Refused
from mcp_runtime.authorization.access_tokens import admit, is_address, looks_like_one
from mcp_runtime.protocol.headers import AUTHORIZATION, RawHeaders, RequestHeaders
from mcp_runtime.protocol.served import ANONYMOUS, Principal, ServedEndpoint

MAXIMUM_TOKEN_BYTES = 4_096
_SCHEME = b"bearer "
_KEY = f"{keys.ACCESS_KEY}_".encode()
_TICKET = tickets.PREFIX.encode()
_IN_QUERY = (b"access_token=", _KEY, _TICKET)


def principal_of(headers: RequestHeaders, endpoint: ServedEndpoint) -> Principal:
    """Who presents this request.

    Raises Refused: AUTHENTICATION_REQUIRED without credentials; INVALID_CREDENTIALS for those that are wrong, expired
    or another endpoint's, also where none would have been needed.
    """
    presented = headers.get(AUTHORIZATION)
    if presented is None:
        if endpoint.is_open:
            return ANONYMOUS
        raise Refused(refusals.AUTHENTICATION_REQUIRED)
    if presented[:7].lower() != _SCHEME or AUTHORIZATION in headers.repeated:
        raise Refused(refusals.INVALID_CREDENTIALS)
    token = presented[7:].strip(b" \t")
    principal = _by_ticket(token, endpoint) if token.startswith(_TICKET) else _by_digest(token, endpoint)
    if principal is None or has_expired(principal, time.time()):
        raise Refused(refusals.INVALID_CREDENTIALS)
    return principal


def presents_ticket(raw: RawHeaders) -> bool:
    """Whether the one credential of a request is a ticket by its form, and so will be held to be one."""
    presented = [value for name, value in raw if name.lower() == AUTHORIZATION]
    return len(presented) == 1 and presented[0][len(_SCHEME) :].strip(b" \t").startswith(_TICKET)


def refuse_token_in(query_string: bytes) -> None:
    """Raises Refused(TOKEN_IN_QUERY) for a URL that carries credentials: logs keep URLs (RFC 6750 section 2.3)."""
    if query_string and any(mark in query_string for mark in _IN_QUERY):
        raise Refused(refusals.TOKEN_IN_QUERY)


def has_expired(principal: Principal, now: float) -> bool:
    """Whether what was presented is over; `now` is in seconds since the epoch."""
    return principal.expires_at is not None and principal.expires_at <= now


def is_still_valid(principal: Principal, endpoint: ServedEndpoint, now: float) -> bool:
    """Whether a principal who was let in once would be let in again; `now` is in seconds since the epoch."""
    if has_expired(principal, now):
        return False
    if principal is ANONYMOUS:
        return endpoint.is_open
    if principal.subjects:
        moved = bool(principal.resource) and not is_address(principal.resource, endpoint)
        return not moved and not endpoint.gate.is_cut_off(principal.subjects, principal.issued_at)
    return principal in endpoint.principals.values()


def as_of_now(principal: Principal, endpoint: ServedEndpoint, now: float) -> Principal | None:
    """A principal who was let in once, with what they may use now; None where they would not be let in again."""
    if not is_still_valid(principal, endpoint, now):
        return None
    if not principal.subjects:
        return principal
    tools = endpoint.tools_of_member(principal.id)
    return principal if tools == principal.tools else replace(principal, tools=tools)


def _by_digest(token: bytes, endpoint: ServedEndpoint) -> Principal | None:
    # The look-up is by digest, so its timing says nothing about any key.
    digest = hashlib.sha256(token).digest()
    known = endpoint.principals.get(digest) or endpoint.admitted.get(digest)
    if known is None and looks_like_one(token):
        return admit(token, digest, endpoint)
    return known


def _by_ticket(token: bytes, endpoint: ServedEndpoint) -> Principal | None:
    if len(token) > MAXIMUM_TOKEN_BYTES:
        return None
    try:
        text = token.decode("ascii")
        ticket = tickets.redeem(text, tenant_id=endpoint.tenant_id, endpoint_id=endpoint.endpoint_id)
    except (UnicodeDecodeError, tickets.TicketRefused):
        return None
    member, issued_at = f"member:{ticket.user_id}", ticket.expires_at - tickets.LIFETIME_SECONDS
    if endpoint.gate.is_cut_off((member,), issued_at):
        return None
    tools = endpoint.tools_of_member(member)
    return Principal(member, ticket.expires_at, tools, subjects=(member,), issued_at=issued_at)
