"""The cord: an endpoint is stopped with a message for its callers, and goes on. Runs inside a tenant's context."""

from django.utils import timezone

from mcp_runtime.models import Endpoint
from mcp_runtime.services.endpoints import changing
from mcp_runtime.services.telling import tell_board
from tenants.access import Actor
from tenants.validation import cleaned, refused_fields


def endpoint_stop(*, actor: Actor, endpoint_slug: str, message: str) -> Endpoint:
    """Stops an endpoint within a second: every call is answered with `message`, while lists say so and stay.

    Stopping one that is stopped changes its message. Raises Refused: INVALID_INPUT for an empty or over-long message.
    """
    if not message.strip():
        raise refused_fields({"message": "Say to callers why it was stopped, and what to do meanwhile."})
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        endpoint.stopped_message = message.strip()
        endpoint.stopped_at = endpoint.stopped_at or timezone.now()
        endpoint.stopped_by = actor.user
        cleaned(endpoint).save()
        tell_board(endpoint.tenant_id)
        return endpoint


def endpoint_resume(*, actor: Actor, endpoint_slug: str) -> Endpoint:
    """Lets a stopped endpoint go on; one that goes on already is left as it is."""
    with changing(actor=actor, endpoint_slug=endpoint_slug) as endpoint:
        endpoint.stopped_message, endpoint.stopped_at, endpoint.stopped_by = "", None, None
        endpoint.save()
        tell_board(endpoint.tenant_id)
        return endpoint
