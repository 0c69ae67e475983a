"""Credentials: access keys, access tokens, the console's tickets (RFC 6750, RFC 9449). No cookie is ever read."""

import hashlib
import time
from dataclasses import replace

from core import keys, refusals, tickets
from core.refusals import Refused
from mcp_runtime.authorization import trusted_tokens
from mcp_runtime.authorization.access_tokens import admit, is_address, looks_like_one, remember
from mcp_runtime.authorization.challenges import CHALLENGE
from mcp_runtime.authorization.dpop import SCHEME, Target, require_proof
from mcp_runtime.protocol.headers import AUTHORIZATION, RawHeaders, RequestHeaders
from mcp_runtime.protocol.served import ANONYMOUS, Principal, ServedEndpoint
from tenants.authorization.gate import TRUSTED

MAXIMUM_TOKEN_BYTES = 4_096
_SCHEME, _PROVED = b"bearer ", b"dpop "
_KEY = f"{keys.ACCESS_KEY}_".encode()
_TICKET = tickets.PREFIX.encode()
_IN_QUERY = (b"access_token=", _KEY, _TICKET)


def principal_of(headers: RequestHeaders, endpoint: ServedEndpoint, target: Target) -> Principal:
    """Who presents this request for `target`.

    Raises Refused: AUTHENTICATION_REQUIRED without credentials; INVALID_CREDENTIALS for those that are wrong, expired
    or another endpoint's, also where none would have been needed; INVALID_DPOP_PROOF for a token without its proof.
    """
    presented = headers.get(AUTHORIZATION)
    if presented is None:
        if endpoint.is_open:
            return ANONYMOUS
        raise _refused(refusals.AUTHENTICATION_REQUIRED, endpoint)
    if presented[:5].lower() == _PROVED and AUTHORIZATION not in headers.repeated:
        return _by_proof(presented[5:].strip(b" \t"), headers, endpoint, target)
    if presented[:7].lower() != _SCHEME or AUTHORIZATION in headers.repeated:
        raise _refused(refusals.INVALID_CREDENTIALS, endpoint)
    token = presented[7:].strip(b" \t")
    principal = _by_ticket(token, endpoint) if token.startswith(_TICKET) else _by_digest(token, endpoint)
    if principal is None or has_expired(principal, time.time()):
        raise _refused(refusals.INVALID_CREDENTIALS, endpoint)
    if principal.bound_to or _lacks_proof(principal, endpoint):
        # RFC 9449 section 7.2: whoever stole it would present it so.
        raise _refused(refusals.INVALID_CREDENTIALS, endpoint, proved=True)
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
        if moved or _lacks_proof(principal, endpoint) or not _is_of_issuer_here(principal, endpoint):
            return False
        return not endpoint.gate.is_cut_off(principal.subjects, principal.issued_at)
    return principal in endpoint.principals.values()


def as_of_now(principal: Principal, endpoint: ServedEndpoint, now: float) -> Principal | None:
    """A principal who was let in once, with what they may use now; None where they would not be let in again."""
    if not is_still_valid(principal, endpoint, now):
        return None
    if not principal.subjects:
        return principal
    if principal.said is not None:
        found = trusted_tokens.principal_of(principal.said, endpoint)
        # Whoever is somebody else now, or may do other things, comes back as that.
        return found if found is not None and (found.id, found.scopes) == (principal.id, principal.scopes) else None
    tools = endpoint.tools_of_member(principal.id)
    return principal if tools == principal.tools else replace(principal, tools=tools)


def _by_proof(token: bytes, headers: RequestHeaders, endpoint: ServedEndpoint, target: Target) -> Principal:
    """Who presents a token that is bound to a key, with a proof of it. Raises Refused."""
    principal, now = _by_digest(token, endpoint), time.time()
    if principal is None or has_expired(principal, now) or not principal.bound_to:
        raise _refused(refusals.INVALID_CREDENTIALS, endpoint, proved=True)
    gate = endpoint.gate
    proof = require_proof(headers, token, principal.bound_to, url=target.url, method=target.method)
    if not gate.seen.is_first(endpoint.tenant_id, proof, now):
        raise Refused(refusals.INVALID_DPOP_PROOF, "The proof was used before (jti).")
    return principal


def _refused(refusal: refusals.Refusal, endpoint: ServedEndpoint, *, proved: bool = False) -> Refused:
    """A refusal whose challenge is by the scheme that the client should use."""
    return Refused(refusal, data={CHALLENGE: SCHEME} if proved or endpoint.requires_proof else {})


def _is_of_issuer_here(principal: Principal, endpoint: ServedEndpoint) -> bool:
    """Whether the endpoint still takes tokens of whoever issued a principal's; tickets are nobody's tokens."""
    if principal.said is not None:
        return trusted_tokens.principal_of(principal.said, endpoint) is not None
    return principal.scopes is None or endpoint.logins != TRUSTED


def _lacks_proof(principal: Principal, endpoint: ServedEndpoint) -> bool:
    """Whether it came by an access token that is bound to no key, where those that are not are refused."""
    return endpoint.requires_proof and principal.scopes is not None and not principal.bound_to


def _by_digest(token: bytes, endpoint: ServedEndpoint) -> Principal | None:
    # The look-up is by digest, so its timing says nothing about any key.
    digest = hashlib.sha256(token).digest()
    known = endpoint.principals.get(digest) or endpoint.admitted.get(digest)
    if known is None and looks_like_one(token):
        return admit(token, digest, endpoint) or _by_trusted(token, digest, endpoint)
    return known


def _by_trusted(token: bytes, digest: bytes, endpoint: ServedEndpoint) -> Principal | None:
    principal = trusted_tokens.admitted(token, endpoint)
    if principal is not None:
        remember(digest, principal, endpoint)
    return principal


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
