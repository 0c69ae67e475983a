"""Tickets: what the console shows the runtime so that a signed-in member can call a tool from a page.

A ticket is made for one member, one endpoint and one minute, and is presented as a bearer token like an access key.
"""

import time

import msgspec

from core import crypto

PURPOSE = "console ticket"
PREFIX = "amt_"
LIFETIME_SECONDS = 60


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """Who may call what until when. `expires_at` is in seconds since the epoch."""

    tenant_id: str
    endpoint_id: str
    user_id: str
    expires_at: float


class TicketRefused(Exception):
    """The ticket is forged, expired, or for another endpoint."""


def mint(*, tenant_id: str, endpoint_id: str, user_id: str) -> str:
    """A ticket in its transportable form."""
    body = msgspec.json.encode(Ticket(tenant_id, endpoint_id, user_id, time.time() + LIFETIME_SECONDS))
    return f"{PREFIX}{crypto.encode(body)}.{crypto.encode(crypto.sign(PURPOSE, body))}"


def redeem(token: str, *, tenant_id: str, endpoint_id: str) -> Ticket:
    """The ticket that `token` carries; raises TicketRefused unless it is genuine, current and for this endpoint."""
    body, _, tag = token.removeprefix(PREFIX).partition(".")
    try:
        message = crypto.decode(body)
        crypto.verify(PURPOSE, message, crypto.decode(tag))
        ticket = msgspec.json.decode(message, type=Ticket)
    except (crypto.Forged, msgspec.DecodeError):
        raise TicketRefused from None
    if ticket.expires_at <= time.time() or (ticket.tenant_id, ticket.endpoint_id) != (tenant_id, endpoint_id):
        raise TicketRefused
    return ticket
